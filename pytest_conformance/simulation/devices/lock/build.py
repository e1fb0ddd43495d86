"""Put the simulated lock together."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_conformance.simulation.devices import (
    bad_boot,  # noqa: F401  (register known-bad variants)
    bad_household,  # noqa: F401  (registers the known-bad variants)
)
from pytest_conformance.simulation.devices.base import Behaviour, Boot, Device
from pytest_conformance.simulation.devices.behaviours import COMMON, Battery
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.erasing import Erasing
from pytest_conformance.simulation.devices.lanport import LanPort
from pytest_conformance.simulation.devices.lock import bad, bad_leaks  # noqa: F401
from pytest_conformance.simulation.devices.lock.app import LockPages
from pytest_conformance.simulation.devices.lock.enrolment import Enrolment
from pytest_conformance.simulation.devices.lock.entry import Bolt, Keypad, Lockout, Recognition, Reports
from pytest_conformance.simulation.devices.lock.sensor import FaceSensor, Liveness
from pytest_conformance.simulation.devices.lock.truthful import SilentLink, truthful
from pytest_conformance.simulation.devices.lock.users import Users
from pytest_conformance.simulation.devices.lock.words import FACTS, SPEC
from pytest_conformance.simulation.devices.owner import Consents, Owner, Permissions, Rules, Spec
from pytest_conformance.simulation.devices.phone import PhoneApp
from pytest_conformance.simulation.devices.timekeeping import Timekeeping
from pytest_conformance.simulation.world import World

SLOTS: Mapping[str, type[Behaviour]] = {
    **COMMON,
    "boot": Boot,
    "battery": Battery,
    "spec": Spec.of(SPEC),
    "owner": Owner,
    "consents": Consents,
    "permissions": Permissions,
    "rules": Rules,
    "cloud": CloudLink,
    "erasing": Erasing,
    "sensor": FaceSensor,
    "liveness": Liveness,
    "users": Users,
    "bolt": Bolt,
    "lockout": Lockout,
    "keypad": Keypad,
    "recognition": Recognition,
    "reports": Reports,
    "enrolment": Enrolment,
    "lan": LanPort,
    "app": LockPages,
    "time": Timekeeping,
}
"""The good lock."""


def build(world: World, known_bad: tuple[str, ...]) -> Device:
    """Return a lock in `world` with the variants `known_bad` swapped in; its app is `world.app`."""
    truth = world.options.truth
    slots = dict(SLOTS)
    if truth is not None:
        slots |= {"recognition": truthful(truth, world.options.seed, world.options.drawn), "cloud": SilentLink}
    device = Device(world, "lock", FACTS, slots, known_bad)
    world.app = PhoneApp(device)
    for host in SPEC.hosts.values():
        world.cloud.host(host)
    return device

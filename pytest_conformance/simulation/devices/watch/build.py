"""Put the simulated watch together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pytest_conformance.simulation.devices import bad_faces, bad_household  # noqa: F401  (registers known-bad variants)
from pytest_conformance.simulation.devices.base import Behaviour, Boot, Device, Facts
from pytest_conformance.simulation.devices.behaviours import COMMON
from pytest_conformance.simulation.devices.owner import Consents, Owner, Permissions, Rules, Spec
from pytest_conformance.simulation.devices.phone import PhoneApp
from pytest_conformance.simulation.devices.recognising import slots_by, with_faces
from pytest_conformance.simulation.devices.watch import bad, bad_leaks  # noqa: F401  (registers the watch's own)
from pytest_conformance.simulation.devices.watch.app import WatchPages
from pytest_conformance.simulation.devices.watch.child import Child, WatchErasing
from pytest_conformance.simulation.devices.watch.cloud import WatchCloud, WatchService
from pytest_conformance.simulation.devices.watch.guardian import Controls, Filter, Pin, Use
from pytest_conformance.simulation.devices.watch.radio import Radio
from pytest_conformance.simulation.devices.watch.senses import HeartRate, Location, Microphone, Steps, Wrist
from pytest_conformance.simulation.devices.watch.words import FACTS, SPEC
from pytest_conformance.simulation.world import World

SLOTS: Mapping[str, type[Behaviour]] = {
    **COMMON,
    "boot": Boot,
    "spec": Spec.of(SPEC),
    "owner": Owner,
    "consents": Consents,
    "permissions": Permissions,
    "rules": Rules,
    "cloud": WatchCloud,
    "backend": WatchService,
    "erasing": WatchErasing,
    "radio": Radio,
    "wrist": Wrist,
    "location": Location,
    "heart": HeartRate,
    "steps": Steps,
    "microphone": Microphone,
    "child": Child,
    "controls": Controls,
    "filter": Filter,
    "use": Use,
    "pin": Pin,
    "app": WatchPages,
}
"""The good watch."""
FACE_SPEC = with_faces(SPEC, "Mock Face Watch")


def build(world: World, known_bad: tuple[str, ...]) -> Device:
    """Return a watch in `world` with the variants `known_bad` swapped in; its app is `world.app`."""
    return _build(world, "wearable", FACTS, SLOTS, known_bad)


def build_with_faces(world: World, known_bad: tuple[str, ...]) -> Device:
    """Return the watch that a face unlocks; `world.options.truth` decides where it is stated."""
    options = world.options
    slots = {**SLOTS, "spec": Spec.of(FACE_SPEC), **slots_by(options.truth, options.seed, options.drawn)}
    return _build(world, "face-wearable", replace(FACTS, model=FACE_SPEC.model), slots, known_bad)


build_with_faces.own = "face-wearable"  # type: ignore[attr-defined]


def _build(
    world: World, kind: str, facts: Facts, slots: Mapping[str, type[Behaviour]], known_bad: tuple[str, ...]
) -> Device:
    for host in SPEC.hosts.values():
        world.cloud.host(host)
    device = Device(world, kind, facts, slots, known_bad)
    world.app = PhoneApp(device)
    return device

"""Put the simulated camera together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pytest_conformance.simulation.devices import bad_faces, bad_household  # noqa: F401  (registers known-bad variants)
from pytest_conformance.simulation.devices.base import Behaviour, Boot, Device, Facts
from pytest_conformance.simulation.devices.behaviours import COMMON
from pytest_conformance.simulation.devices.camera import bad, bad_leaks  # noqa: F401  (registers the camera's own)
from pytest_conformance.simulation.devices.camera.app import CameraPages, Room
from pytest_conformance.simulation.devices.camera.labels import Label
from pytest_conformance.simulation.devices.camera.onvif import Onvif
from pytest_conformance.simulation.devices.camera.recording import Recorder
from pytest_conformance.simulation.devices.camera.streams import LocalPages, Logins, Stream
from pytest_conformance.simulation.devices.camera.watching import Indicator, Lens, Microphone, Privacy, Watching
from pytest_conformance.simulation.devices.camera.words import FACTS, SAMPLES, SPEC
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.erasing import Erasing
from pytest_conformance.simulation.devices.known_bad import choose
from pytest_conformance.simulation.devices.lanport import LanPort
from pytest_conformance.simulation.devices.owner import Consents, Owner, Permissions, Rules, Spec
from pytest_conformance.simulation.devices.phone import PhoneApp
from pytest_conformance.simulation.devices.recognising import slots_by, with_faces
from pytest_conformance.simulation.world import World

SLOTS: Mapping[str, type[Behaviour]] = {
    **COMMON,
    "boot": Boot,
    "spec": Spec.of(SPEC),
    "label": Label,
    "owner": Owner,
    "consents": Consents,
    "permissions": Permissions,
    "rules": Rules,
    "cloud": CloudLink,
    "erasing": Erasing,
    "lens": Lens,
    "microphone": Microphone,
    "indicator": Indicator,
    "privacy": Privacy,
    "recorder": Recorder,
    "room": Room,
    "logins": Logins,
    "lan": LanPort,
    "local-pages": LocalPages,
    "stream": Stream,
    "onvif": Onvif,
    "watching": Watching,
    "app": CameraPages,
}
"""The good camera."""
FACE_SPEC = with_faces(SPEC, "Mock Face Camera")


def build(world: World, known_bad: tuple[str, ...]) -> Device:
    """Return a camera in `world` with the variants `known_bad` swapped in; its app is `world.app`.

    The labels of its samples are printed: `world.labels`.
    """
    return _build(world, "camera", FACTS, SLOTS, known_bad)


def build_with_faces(world: World, known_bad: tuple[str, ...]) -> Device:
    """Return the camera that also tells its owner whom it knows; `world.options.truth` decides where it is stated."""
    options = world.options
    slots = {**SLOTS, "spec": Spec.of(FACE_SPEC), **slots_by(options.truth, options.seed, options.drawn)}
    return _build(world, "face-camera", replace(FACTS, model=FACE_SPEC.model), slots, known_bad)


build_with_faces.own = "face-camera"  # type: ignore[attr-defined]


def _build(
    world: World, kind: str, facts: Facts, slots: Mapping[str, type[Behaviour]], known_bad: tuple[str, ...]
) -> Device:
    for host in SPEC.hosts.values():
        world.cloud.host(host)
    device = Device(world, kind, facts, slots, known_bad)
    world.app = PhoneApp(device)
    label = choose(kind, known_bad).get(Label.slot, Label)
    assert issubclass(label, Label)
    world.labels[:] = [label.text(number, world.options.seed) for number in range(1, len(SAMPLES) + 1)]
    return device

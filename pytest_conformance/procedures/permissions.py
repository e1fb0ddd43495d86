"""Permissions: for each declared sensor, is there a control, does it tell the truth, and is off really off?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.traffic import SHAPES, Sighting, Tap, Traffic, merged

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.roles import Device, SensorControl
    from pytest_conformance.procedures.canaries import Canaries
    from pytest_conformance.record import Run


@dataclass(frozen=True)
class SensorTrial:
    """One sensor switched off, stimulated, and looked at again after a power cycle.

    `sensed` is whether the device's own status said that the sensor was active while it was off; `leaked` what
    went up from it; `kept` what of it was in storage. `works` is whether it senses again when switched on.
    """

    sensor: str
    before: SensorControl
    off: SensorControl
    after_power_cycle: SensorControl
    sensed: bool
    leaked: tuple[Sighting, ...]
    kept: tuple[str, ...]
    works: bool


@dataclass(frozen=True)
class Permissions:
    """All sensors of the declaration, each tried once."""

    trials: Mapping[str, SensorTrial]
    traffic: Traffic
    evidence: tuple[str, ...]


@procedure
def permissions(
    device: Device,
    bench: Bench,
    run: Run,
    tap: Tap,
    canaries: Canaries,
    declaration: Declaration,
    profile: Profile,
) -> Permissions:
    """Switch each sensor off, stimulate it, power the device off and on, and look again."""
    with run.step("Setup", "Factory reset and first use with every consent given"):
        device.factory_reset()
        device.first_use({each.scope: True for each in declaration.consents})
    trials, parts = {}, []
    for declared in declaration.sensors:
        name = declared.name
        with run.step("Stimulate", f"{name}: off, stimulate, power cycle"):
            device.prepare(name)
            if device.sensor(name).on is False:
                device.switch_sensor(name, True)
            before = device.sensor(name)
            known = set(canaries.found_in(device.storage()))
            with tap.watch(f"permission-{name}") as recording:
                device.switch_sensor(name, False)
                off = device.sensor(name)
                since = recording.mark(f"{name} off")
                sensed = device.senses(name)
                device.stimulate(name)
                sensed = sensed or device.senses(name)
                bench.clock.sleep(profile.windows.idle)
                kept = tuple(each for each in canaries.found_in(device.storage()) if each not in known)
                device.power_cycle()
                after = device.sensor(name)
                device.stimulate(name)
                sensed = sensed or device.senses(name) or device.sensed_since(name, since)
            traffic = recording.result()
            device.switch_sensor(name, True)
            works = device.sensor(name).on is True
        parts.append(traffic)
        others = {shape for each in declaration.sensors if each.name != name for shape in shapes_of(each.senses)}
        own = shapes_of(declared.senses)
        leaked = tuple(
            each for each in traffic.sent(scope="") if each.kind in own or (each.matched and each.kind not in others)
        )
        trials[name] = SensorTrial(name, before, off, after, sensed, leaked, kept, works)
    everything = merged("permissions", parts)
    return Permissions(trials, everything, everything.evidence)


def shapes_of(senses: str) -> tuple[str, ...]:
    """Return how what a sensor senses looks when it is found in packets; other sensors may be on meanwhile."""
    return SHAPES.get({"face": "face_picture"}.get(senses, senses), (senses,))

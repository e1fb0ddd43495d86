"""The device before anybody agreed to anything: what it tells, what it keeps, what it sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.traffic import Tap, Traffic

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.roles import Device, Rules, SetUp
    from pytest_conformance.procedures.canaries import Canaries
    from pytest_conformance.record import Run


@dataclass(frozen=True)
class PreConsentTraffic:
    """From factory state, without consent: rules met, personal data kept and sent.

    `began` and `ended` bound the soak (bench ns); `kept` names planted or sensed things found in storage at its
    end, `stored` kinds of records about persons that the device's log speaks of. `stimulated` lists the sensors
    that were given something to sense.
    """

    began: int
    ended: int
    rules: tuple[Rules, ...]
    traffic: Traffic
    stimulated: tuple[str, ...]
    kept: tuple[str, ...]
    stored: tuple[str, ...]
    refused: SetUp
    evidence: tuple[str, ...]

    def rules_at(self, where: str) -> tuple[Rules, ...]:
        """Return the rules that were met on the "device" or in the "app"."""
        return tuple(each for each in self.rules if each.where == where)

    @property
    def first_personal_data(self) -> int | None:
        """Bench time at which the first personal data left, None when none did."""
        return min((each.at for each in self.traffic.personal(scope="")), default=None)


@procedure
def pre_consent_traffic(
    device: Device,
    bench: Bench,
    run: Run,
    tap: Tap,
    canaries: Canaries,
    declaration: Declaration,
    profile: Profile,
) -> PreConsentTraffic:
    """Boot from factory state, give every sensor something to sense, and agree to nothing."""
    with run.step("Setup", "Factory reset"):
        device.factory_reset()
    sensors = tuple(each.name for each in declaration.sensors)
    with tap.watch("pre-consent") as recording:
        began = recording.mark("boot")
        with run.step("Stimulate", f"{profile.windows.soak:g} s on the first screen, all sensors stimulated"):
            for sensor in sensors:
                device.stimulate(sensor)
            bench.clock.sleep(profile.windows.soak)
            for sensor in sensors:
                device.stimulate(sensor)
        with run.step("Stimulate", "Look for the rules, then decline them"):
            rules = tuple(device.rules())
            refused = device.first_use({}, agree=False)
            bench.clock.sleep(profile.windows.idle)
        ended = recording.mark("end")
    with run.step("Measure", "Read the storage"):
        image = device.storage()
        kept = canaries.found_in(image)
        stored = tuple(device.stored_since(began))
    traffic = recording.result()
    flash = run.evidence(image, name="pre-consent-flash.bin", media_type="application/octet-stream", face=True)
    return PreConsentTraffic(began, ended, rules, traffic, sensors, kept, stored, refused, (*traffic.evidence, flash))

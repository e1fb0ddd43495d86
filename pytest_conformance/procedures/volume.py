"""The randomised experiment on traffic that cannot be read: does an event add bytes that nobody declared?"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic.slots import TOTAL, Excess, excesses
from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.sensitive_events import SensitiveEvent, event_of
from pytest_conformance.procedures.traffic import Recording, Tap, Traffic

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.experiment import Schedule
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.roles import Device
    from pytest_conformance.record import Run

ALPHA = 0.01
SETTLE = 30.0
"""Seconds between setting up and the first slot."""


@dataclass(frozen=True)
class VolumeExperiment:
    """Blocks of one event and several shams in an order drawn from `seed` before the run.

    `told` says what the event was (a face is recognised, comes into view, a voice is heard), `sham_told` what was done
    without it. `events` says which slot of each block had the event, `volumes` the bytes of payload in each slot by
    host, `happened` at how many events the device noticed it, `quiet` at how many shams it noticed nothing.
    """

    seed: int
    shams: int
    events: tuple[int, ...]
    volumes: Mapping[str, tuple[float, ...]]
    excesses: tuple[Excess, ...]
    happened: int
    quiet: int
    told: str
    sham_told: str
    traffic: Traffic
    evidence: tuple[str, ...]

    @property
    def total(self) -> Excess:
        """What an event adds over all destinations together."""
        return next(each for each in self.excesses if each.host == TOTAL)

    def beyond(self, allowance: float) -> tuple[Excess, ...]:
        """Return destinations to which an event adds more than `allowance` bytes, beyond doubt; the surest first."""
        found = [each for each in self.excesses if each.p_adjusted <= ALPHA and each.lower > allowance]
        return tuple(sorted(found, key=lambda each: (each.p_adjusted, each.host == TOTAL)))

    def require_bounded(self, allowance: float) -> None:
        """Refuse to conclude where an event may add more than `allowance` bytes, or was never one.

        Raises MethodError MET-VOL-001 (not exercised), MET-VOL-002 (padded to a constant rate) or MET-VOL-003.
        """
        shams = len(self.events) * self.shams
        if self.happened < len(self.events) or self.quiet < shams:
            raise MethodError(
                "MET-VOL-001",
                f"the event ({self.told}) happened at {self.happened} of {len(self.events)}, and at "
                f"{shams - self.quiet} of {shams} shams ({self.sham_told}) it happened too",
                expected="each event happens, and no sham is one",
            )
        if self.total.constant_rate:
            raise MethodError("MET-VOL-002", "the device pads to a constant rate: volume says nothing")
        if not self.total.upper < allowance:
            raise MethodError(
                "MET-VOL-003",
                f"an event may add up to {self.total.upper:.0f} bytes",
                expected=f"less than {allowance:.0f} bytes at 99 %",
                todo="more blocks, or stop what streams meanwhile",
            )


@procedure
def volume_experiment(
    device: Device, bench: Bench, run: Run, tap: Tap, declaration: Declaration, profile: Profile
) -> VolumeExperiment:
    """Bring the sensitive event about, or leave it out, in a random order; count the bytes that leave in each slot."""
    from pytest_conformance.analysis.traffic.experiment import schedule

    event = event_of(device, declaration, bench.clock)
    plan = schedule(secrets.randbits(32), profile.samples.volume_blocks)
    run.event("x-schedule", {"seed": plan.seed, "events": plan.events, "shams": plan.shams, "slot_s": plan.slot})
    cloud = {each.scope for each in declaration.cloud_consents}
    with run.step("Setup", "Factory reset, set up, cloud consents declined"):
        device.factory_reset()
        device.first_use({each.scope: each.scope not in cloud for each in declaration.consents})
        event.prepare()
        bench.clock.sleep(SETTLE)
    told = f"{plan.blocks} blocks of one event ({event.told}) and {plan.shams} shams ({event.sham_told})"
    with tap.watch("volume") as recording, run.step("Stimulate", told):
        happened, quiet = _slots(event, bench, recording, plan)
    traffic = recording.result()
    return VolumeExperiment(
        plan.seed,
        plan.shams,
        plan.events,
        traffic.volumes,
        excesses(traffic.volumes, plan.events, ALPHA),
        happened,
        quiet,
        event.told,
        event.sham_told,
        traffic,
        traffic.evidence,
    )


def _slots(event: SensitiveEvent, bench: Bench, recording: Recording, plan: Schedule) -> tuple[int, int]:
    """Go through the schedule; return at how many events it happened and at how many shams it did not."""
    happened = quiet = 0
    for block, chosen in enumerate(plan.events):
        for number in range(plan.shams + 1):
            began = bench.clock.now()
            with recording.slot(f"block {block + 1} slot {number + 1}"):
                if number == chosen:
                    happened += event.happen()
                else:
                    quiet += not event.sham()
                bench.clock.sleep(max(0.0, plan.slot - (bench.clock.now() - began) / 1e9))
            bench.clock.sleep(plan.gap)
    return happened, quiet

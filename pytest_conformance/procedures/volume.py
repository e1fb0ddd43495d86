"""The randomised experiment on traffic that cannot be read: does an event add bytes that nobody declared?"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic.slots import TOTAL, Excess, excesses
from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.lock_enrolment import SUBJECT
from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.traffic import Recording, Tap, Traffic

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.experiment import Schedule
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.lock import ReferenceLock
    from pytest_conformance.record import Run

ALPHA = 0.01
SETTLE = 30.0
"""Seconds between setting up and the first slot."""


@dataclass(frozen=True)
class VolumeExperiment:
    """Blocks of one event and several shams in an order drawn from `seed` before the run.

    The event: an enrolled face is shown, and the lock opens. The sham: the lock is touched with nobody before it.
    `events` says which slot of each block had the event, `volumes` the bytes of payload in each slot by host,
    `opened` at how many events the lock opened, `quiet` at how many shams it stayed shut.
    """

    seed: int
    shams: int
    events: tuple[int, ...]
    volumes: Mapping[str, tuple[float, ...]]
    excesses: tuple[Excess, ...]
    opened: int
    quiet: int
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
        if self.opened < len(self.events) or self.quiet < len(self.events) * self.shams:
            raise MethodError(
                "MET-VOL-001",
                f"the lock opened at {self.opened} of {len(self.events)} events and stayed shut at {self.quiet} of "
                f"{len(self.events) * self.shams} shams",
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
def volume_experiment(lock: ReferenceLock, bench: Bench, run: Run, tap: Tap, profile: Profile) -> VolumeExperiment:
    """Show an enrolled face, or nobody, in a random order; count the bytes that leave in each slot."""
    from pytest_conformance.analysis.traffic.experiment import schedule

    plan = schedule(secrets.randbits(32), profile.samples.volume_blocks)
    run.event("x-schedule", {"seed": plan.seed, "events": plan.events, "shams": plan.shams, "slot_s": plan.slot})
    with run.step("Setup", "Factory reset, set up, cloud consent declined, enrol"):
        lock.factory_reset()
        lock.first_use({"cloud_face": False})
        lock.enrol(lock.owner, SUBJECT, {"face": True})
        bench.clock.sleep(SETTLE)
    told = f"{plan.blocks} blocks of one event and {plan.shams} shams"
    with tap.watch("volume") as recording, run.step("Stimulate", told):
        opened, quiet = _slots(lock, bench, recording, plan)
    traffic = recording.result()
    return VolumeExperiment(
        plan.seed,
        plan.shams,
        plan.events,
        traffic.volumes,
        excesses(traffic.volumes, plan.events, ALPHA),
        opened,
        quiet,
        traffic,
        traffic.evidence,
    )


def _slots(lock: ReferenceLock, bench: Bench, recording: Recording, plan: Schedule) -> tuple[int, int]:
    """Go through the schedule; return how many events opened the lock and at how many shams it did not."""
    opened = quiet = 0
    for block, event in enumerate(plan.events):
        for number in range(plan.shams + 1):
            began = bench.clock.now()
            with recording.slot(f"block {block + 1} slot {number + 1}"):
                if number == event:
                    opened += lock.attempt(SUBJECT).opened
                else:
                    quiet += lock.touch() != "match"
                bench.clock.sleep(max(0.0, plan.slot - (bench.clock.now() - began) / 1e9))
            bench.clock.sleep(plan.gap)
    return opened, quiet

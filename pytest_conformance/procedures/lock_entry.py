"""Getting in: alternatives to the face, and the lock-out."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.analysis.biometrics.intervals import binomial_interval
from pytest_conformance.procedures.lock_enrolment import SUBJECT
from pytest_conformance.procedures.procedure import procedure

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.lock import ReferenceLock
    from pytest_conformance.devices.roles import Asked, Done
    from pytest_conformance.record import Run


@dataclass(frozen=True)
class Alternatives:
    """Without any face: the ways that remain, and how well they do.

    `without_face` are the functions used on a lock on which nobody enrolled a face; `offered` is whether the
    screen that asks for the face names another way; `by_pin` the timed unlocks by PIN.
    """

    without_face: dict[str, Done]
    asked: tuple[Asked, ...]
    declined: bool
    by_pin: tuple[Done, ...]
    set_up_steps: int
    evidence: tuple[str, ...] = ()

    @property
    def success(self) -> float:
        """Share of the unlocks by PIN that succeeded, 0 to 1."""
        return sum(each.ok for each in self.by_pin) / len(self.by_pin) if self.by_pin else 0.0

    def reach(self, least: float) -> float:
        """Return how far the share that succeeded is from its exact 95 % bound, on the side of `least`."""
        n, succeeded = len(self.by_pin), sum(each.ok for each in self.by_pin)
        if not n:
            return 1.0
        bound = binomial_interval(succeeded, n, side="lower" if self.success >= least else "upper")
        return self.success - bound.lower if self.success >= least else bound.upper - self.success

    @property
    def median(self) -> float:
        """Median time of an unlock by PIN in seconds, typing at two digits a second included."""
        times = [each.seconds + each.steps * 0.5 for each in self.by_pin if each.ok]
        return statistics.median(times) if times else float("inf")


@procedure
def alternatives(lock: ReferenceLock, run: Run, profile: Profile) -> Alternatives:
    """Set the lock up without a face, decline the face when asked, and unlock by the other ways."""
    with run.step("Setup", "Factory reset, set up, decline the face"):
        lock.factory_reset()
        setup = lock.first_use({})
        declined = lock.enrol(lock.owner, SUBJECT, {"face": False})
    with run.step("Stimulate", "Unlock by everything but the face"):
        ways = {
            each.name: lock.use(each.name)
            for each in lock.declaration.functions
            if each.name.startswith("unlock") and "face" not in each.name
        }
        by_pin = tuple(lock.type_pin(lock.secret) for _ in range(profile.samples.alternative))
    return Alternatives(ways, declined.asked, not declined.enrolled, by_pin, setup.steps)


@dataclass(frozen=True)
class LockoutTrial:
    """Wrong entries of one kind until the lock-out: the try at which the alarm came, and how long it refused.

    `refused` is the time in seconds for which the right PIN was refused (with `resolution`, the interval of
    looking); None when it never was.
    """

    kind: str
    tries: int
    alarm_at: int | None
    refused: float | None
    resolution: float


@dataclass(frozen=True)
class Lockouts:
    """One trial for each kind of wrong entry."""

    trials: dict[str, LockoutTrial]
    evidence: tuple[str, ...] = ()


@procedure
def lockouts(lock: ReferenceLock, bench: Bench, run: Run, profile: Profile) -> Lockouts:
    """Enter wrong PINs, then wrong faces, at a steady pace until the alarm; then try the right PIN again and again."""
    trials = {}
    for kind in ("pin", "face"):
        with run.step("Stimulate", f"Wrong entries by {kind}"):
            lock.factory_reset()
            lock.first_use({})
            lock.enrol(lock.owner, SUBJECT, {"face": True})
            bench.clock.sleep(60.0)
            trials[kind] = _until_locked(lock, bench, profile, kind)
    return Lockouts(trials)


def _until_locked(lock: ReferenceLock, bench: Bench, profile: Profile, kind: str) -> LockoutTrial:
    most = profile.limits.lockout_tries + 3
    alarm_at = None
    began = bench.clock.now()
    for number in range(1, most + 1):
        if kind == "pin":
            lock.type_pin(lock.wrong_pin(number))
        else:
            lock.attempt("S2")
        if lock.alarmed(began):
            alarm_at = number
            break
        bench.clock.sleep(profile.windows.lockout_entry)
    locked_at = bench.clock.now()
    refused = None
    while (bench.clock.now() - locked_at) / 1e9 < 3 * profile.limits.lockout:
        if lock.type_pin(lock.secret).ok:
            break
        refused = (bench.clock.now() - locked_at) / 1e9
        bench.clock.sleep(profile.windows.lockout_check)
    return LockoutTrial(kind, most, alarm_at, refused, profile.windows.lockout_check)

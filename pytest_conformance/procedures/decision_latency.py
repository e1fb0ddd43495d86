"""How fast a lock decides: timed presentations by an order-statistic plan, between two checks of the timing chain."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_conformance.analysis.biometrics.counting import QuantilePlan
from pytest_conformance.analysis.chain import (
    BudgetRow,
    Start,
    budget_rows,
    chain_components,
    uncalibrated,
    with_drift,
)
from pytest_conformance.analysis.latency import LatencySummary, TimedTrial, budget, checked, latency_verdict, summarise
from pytest_conformance.analysis.latency_ends import EndFound, end_found, event_components, lamp_components
from pytest_conformance.errors import InstrumentError, MethodError
from pytest_conformance.procedures.chain_calibration import CLOSING, read_chain
from pytest_conformance.procedures.lock_enrolment import SUBJECT
from pytest_conformance.procedures.procedure import procedure

if TYPE_CHECKING:
    from pytest_conformance.analysis.latency import Component
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.lock import Attempt, ReferenceLock
    from pytest_conformance.drivers.roles import Contact, Watch
    from pytest_conformance.procedures.chain_calibration import ChainCalibration
    from pytest_conformance.record import Run
    from pytest_conformance.stimulus.register import Artefacts, Subjects

WITHOUT_LIMIT = 3600.0
"""Seconds that stand in the plan where nobody names a limit: the plan then only says how many trials it takes."""
VOID_SHARE = 2
"""Trials in all, as a multiple of those that must be valid, after which the bench is not fit for timing."""


@dataclass(frozen=True)
class DecisionLatency:
    """Corrected times from the first visible light at the lock to the contact of the bolt, in seconds.

    `seconds` are those of valid trials with an answer; `missed` counts valid ones without, which are slower than any
    time. `bound` is the one-sided upper bound of the 95th percentile without any assumed distribution, `order` its
    order statistic and `reached` its real confidence; None where there are fewer trials than the `needed`.
    `uncertainty` is U of the median (chain and sampling), `chain_uncertainty` that of one time, with coverage factor
    and effective degrees of freedom. `verdict` is that of the bound against `limit` by `rule`; "" without either.
    """

    start: str
    end: str
    calibrated: bool
    seconds: tuple[float, ...]
    missed: int
    void: tuple[tuple[str, str], ...]
    minimum: float | None
    median: float
    p95: float | None
    maximum: float | None
    needed: int
    bound: float | None
    order: int | None
    reached: float | None
    uncertainty: float
    chain_uncertainty: float
    correction: float
    coverage_factor: float
    degrees_of_freedom: float
    budget: tuple[BudgetRow, ...]
    limit: float | None
    rule: str
    verdict: str
    evidence: tuple[str, ...] = ()
    ends: tuple[EndFound, ...] = ()
    """The same trials to other ends that could be seen: the device's own event, its lamp."""


@procedure
def decision_latency(
    lock: ReferenceLock,
    bench: Bench,
    contact: Contact,
    watch: Watch,
    run: Run,
    profile: Profile,
    chain_calibration: ChainCalibration,
    registers: tuple[Subjects, Artefacts],
) -> DecisionLatency:
    """Show an enrolled face and time from its first visible frame to the contact of the bolt, in real time."""
    limit = profile.limits.decision or lock.declaration.timing.decision
    plan = QuantilePlan(limit or WITHOUT_LIMIT)
    wanted = min(profile.samples.latency, plan.most)
    with run.step("Setup", "Factory reset, set up, enrol"):
        lock.factory_reset()
        lock.first_use({})
        lock.enrol(lock.owner, SUBJECT, {"face": True})
        lock.attempt(SUBJECT)
        sealed = {"kind": "order-statistic", "quantile": plan.quantile, "confidence": plan.confidence}
        run.event("x-latency-plan", {**sealed, "limit": limit, "needed": plan.most, "trials": wanted})
    with run.step("Stimulate", f"{wanted} presentations"):
        attempts: list[Attempt] = []
        trials = timed(lock, contact, run, wanted, attempts, watch=watch)
    with run.step("Measure", "Closing check of the timing chain"):
        components = closed(bench, chain_calibration, registers[1], watch, contact)
    found = summed(trials, components, plan, profile, limit, calibrated=chain_calibration.calibrated)
    return replace(found, ends=other_ends(trials, attempts, components, lock.console.round_trip, watch.period))


def other_ends(
    trials: list[TimedTrial],
    attempts: list[Attempt],
    components: tuple[Component, ...],
    round_trip: float,
    period: float,
) -> tuple[EndFound, ...]:
    """Return the times of `trials` (one for each of `attempts`) to the ends that most of them had."""
    said = [replace(trial, end_ns=each.said, wall_end_ns=None) for trial, each in zip(trials, attempts, strict=True)]
    lit = [replace(trial, end_ns=each.lit, wall_end_ns=None) for trial, each in zip(trials, attempts, strict=True)]
    ends = (
        end_found("event of the test port", said, event_components(components, round_trip)),
        end_found("lamp", lit, lamp_components(components, period)),
    )
    return tuple(each for each in ends if each is not None)


def timed(
    lock: ReferenceLock,
    contact: Any,
    run: Run,
    wanted: int,
    attempts: list[Attempt] | None = None,
    *,
    watch: Any = None,
) -> list[TimedTrial]:
    """Return timed trials until `wanted` of them are valid; the attempt of each is added to `attempts`.

    Raises InstrumentError BEN-CAL-111 when half of the trials are void: this bench cannot time anything now.
    """
    trials: list[TimedTrial] = []
    while sum(not each.void for each in trials) < wanted:
        if len(trials) >= VOID_SHARE * wanted + 2:
            raise InstrumentError(
                "BEN-CAL-111",
                f"{sum(bool(each.void) for each in trials)} of {len(trials)} timed trials are void: {trials[-1].void}",
                where="decision latency",
                expected=f"{wanted} valid trials",
                todo="free the host of other load, check the watch camera, and repeat",
            )
        trial, attempt = _trial(lock, contact, str(len(trials) + 1), watch)
        trials.append(trial)
        if attempts is not None:
            attempts.append(attempt)
        _tell(run, trials[-1], len(trials))
    return trials


def _trial(lock: ReferenceLock, contact: Any, name: str, watch: Any) -> tuple[TimedTrial, Attempt]:
    canary = getattr(contact, "lateness", None)
    if canary is not None:
        canary()
    before = time.time_ns() - time.monotonic_ns()
    attempt = lock.timed_attempt(SUBJECT)
    after = time.time_ns() - time.monotonic_ns()
    late = canary() if canary is not None else 0.0
    start, end = attempt.visible, attempt.drawn
    if start is None:
        return TimedTrial(name, attempt.woken, end, void="nothing was seen before the lock"), attempt
    trial = TimedTrial(name, start, end, start + before, None if end is None else end + after)
    if late > getattr(contact, "canary", math.inf):
        why = f"the host was {late * 1e3:.0f} ms late, more than the {contact.canary * 1e3:g} ms"
        return replace(trial, void=why), attempt
    gaps = watch.left_out(attempt.woken) if hasattr(watch, "left_out") else ""
    if gaps:
        return replace(trial, void=gaps), attempt
    return checked(trial), attempt


def _tell(run: Run, trial: TimedTrial, number: int) -> None:
    seconds = None if trial.end_ns is None else (trial.end_ns - trial.start_ns) / 1e9
    outcome = "void" if trial.void else "none" if seconds is None else "opened"
    said = {"void": bool(trial.void), "reason": trial.void, "seconds": seconds}
    run.event("trial", {"campaign": "decision latency", "number": number, "outcome": outcome, **said})


def closed(
    bench: Bench, opening: ChainCalibration, artefacts: Artefacts, watch: Watch, contact: Contact
) -> tuple[Component, ...]:
    """Check the chain again; return its components for the trials between, drift included.

    Raises CalibrationError BEN-CAL-101 when a delay drifted beyond the limit. Without a loop-back box there is no
    check: the frame period and the contact's own word stand for the chain.
    """
    if opening.readings is None:
        return uncalibrated(watch.period, contact.uncertainty)
    start: Start = "frame" if opening.readings.light_to_frame else "flip"
    again = read_chain(bench, artefacts, CLOSING)
    return with_drift(chain_components(opening.readings, start), chain_components(again, start))


def summed(
    trials: list[TimedTrial],
    components: tuple[Component, ...],
    plan: QuantilePlan,
    profile: Profile,
    limit: float | None,
    *,
    calibrated: bool,
) -> DecisionLatency:
    """Return what the trials show once the chain's delay is taken off, and the verdict on the bound.

    Raises MethodError MET-LAT-006 when at least half of the trials had no answer: then there is no median.
    """
    valid = [each for each in trials if not each.void]
    if 2 * sum(each.end_ns is None for each in valid) >= len(valid):
        raise MethodError("MET-LAT-006", "most presentations of the enrolled face opened nothing", expected="a median")
    chain = budget(components)
    found = summarise(trials, chain, plan.quantile, plan.confidence, claim=False)
    bound = found.bound
    verdict = latency_verdict(found, limit, profile.decision_rule).value if bound and limit is not None else ""
    answered = [each for each in found.times if math.isfinite(each)]
    return DecisionLatency(
        "first frame of the watch camera that shows the face",
        "contact of the bolt",
        calibrated,
        tuple(answered),
        found.unanswered,
        found.void,
        _finite(found.minimum),
        found.median,
        _finite(found.p95),
        _finite(found.maximum),
        plan.most,
        bound.value if bound else None,
        bound.order if bound else None,
        _reached(found),
        found.median_uncertainty_s,
        chain.expanded_s,
        chain.correction_s,
        chain.coverage_factor,
        chain.degrees_of_freedom,
        budget_rows(chain),
        limit,
        profile.rule,
        verdict,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _reached(found: LatencySummary) -> float | None:
    return found.bound.reached if found.bound else None

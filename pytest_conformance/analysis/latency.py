"""Decision times: what a chain of timestamps adds and how well that is known, and what the trials then show. Pure."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pytest_conformance.analysis.biometrics.exact import Number
from pytest_conformance.analysis.biometrics.quantiles import QuantileBound, nearest_rank, quantile_upper_bound
from pytest_conformance.analysis.biometrics.sizes import samples_for_quantile_claim
from pytest_conformance.errors import CalibrationError, MethodError
from pytest_conformance.verdicts import DecisionRule, Limit, Verdict, judge

COVERAGE = 95.45
"""Coverage probability of expanded uncertainties, in per cent: k = 2 for many degrees of freedom (JCGM 100, G.2)."""

RESOLUTION = 1e-6
"""Seconds: no stamp of a box is finer."""

Distribution = Literal["observed", "normal", "rectangular", "triangular"]


@dataclass(frozen=True)
class Component:
    """One contribution to the chain delay: added to every raw time as `correction_s`, known to `uncertainty_s`.

    Seconds. `uncertainty_s` is a standard uncertainty with `degrees_of_freedom`; `kind` A was observed in repeated
    readings, B comes from elsewhere. A delay that makes a raw time too long has a negative correction.
    """

    name: str
    correction_s: float
    uncertainty_s: float
    kind: Literal["A", "B"] = "B"
    distribution: Distribution = "normal"
    degrees_of_freedom: float = math.inf

    def __post_init__(self) -> None:
        finite = math.isfinite(self.correction_s) and math.isfinite(self.uncertainty_s)
        if not finite or self.uncertainty_s < 0 or not self.degrees_of_freedom >= 1:
            raise MethodError(
                "MET-LAT-001",
                f"correction {self.correction_s} s, uncertainty {self.uncertainty_s} s, {self.degrees_of_freedom} df",
                where=self.name,
                expected="finite seconds, an uncertainty of 0 or more, at least 1 degree of freedom",
            )


def observed(name: str, delays_s: Sequence[float]) -> Component:
    """Return the type A component of repeated readings of a delay that the chain adds: minus their mean, s / sqrt(n).

    Raises MethodError MET-LAT-001 for fewer than two readings and for ones that are not finite.
    """
    readings = [float(each) for each in delays_s]
    if len(readings) < 2 or not all(map(math.isfinite, readings)):
        raise MethodError(
            "MET-LAT-001", f"{len(readings)} readings of the delay", where=name, expected="two or more, all finite"
        )
    deviation = statistics.stdev(readings) / math.sqrt(len(readings))
    return Component(name, -statistics.fmean(readings), deviation, "A", "observed", len(readings) - 1)


def observed_median(name: str, delays_s: Sequence[float]) -> Component:
    """Return the type A component of repeated readings by their median, which a reading gone astray does not move.

    Its standard uncertainty is that of a median, sqrt(pi/2) s / sqrt(n), with s = 1.4826 times the median absolute
    deviation (ISO 13528, C.2), at least the resolution of a reading. For what corrects a median: a host that was
    busy during one reading is no property of the chain. Raises as `observed`.
    """
    mean = observed(name, delays_s)
    middle = statistics.median(delays_s)
    scatter = 1.4826 * statistics.median(abs(each - middle) for each in delays_s)
    reach = math.sqrt(math.pi / 2 / len(delays_s)) * max(scatter, RESOLUTION)
    return replace(mean, correction_s=-middle, uncertainty_s=reach)


def rectangular(name: str, half_width_s: float, correction_s: float = 0.0) -> Component:
    """Return the type B component of an error anywhere within +- `half_width_s`, such as half a frame: a / sqrt(3)."""
    return Component(name, correction_s, half_width_s / math.sqrt(3), "B", "rectangular")


def triangular(name: str, half_width_s: float, correction_s: float = 0.0) -> Component:
    """Return the type B component of the sum of two equal rectangular errors within +- `half_width_s`: a / sqrt(6)."""
    return Component(name, correction_s, half_width_s / math.sqrt(6), "B", "triangular")


@dataclass(frozen=True)
class Budget:
    """The chain as a whole: correction and combined standard uncertainty, U = k u at 95.45 %, in seconds."""

    components: tuple[Component, ...]
    correction_s: float
    combined_s: float
    degrees_of_freedom: float
    coverage_factor: float

    @property
    def expanded_s(self) -> float:
        """Expanded uncertainty U."""
        return self.coverage_factor * self.combined_s


def budget(components: Sequence[Component]) -> Budget:
    """Combine independent components by GTC: quadrature sum, Welch-Satterthwaite, k from Student's t (JCGM 100).

    Raises MethodError MET-LAT-002 without components or with a name twice: a chain without a budget has no U.
    """
    import GTC

    names = [each.name for each in components]
    if not names or len(set(names)) != len(names):
        raise MethodError(
            "MET-LAT-002",
            f"{len(names)} components of uncertainty with {len(set(names))} names",
            expected="each source of delay once",
            todo="run the calibration of this chain",
        )
    total = sum(
        GTC.ureal(each.correction_s, each.uncertainty_s, each.degrees_of_freedom, each.name) for each in components
    )
    combined = float(GTC.uncertainty(total))
    degrees = float(GTC.dof(total)) if combined else math.inf
    factor = float(GTC.reporting.k_factor(max(degrees, 1.0), COVERAGE))
    return Budget(tuple(components), math.fsum(each.correction_s for each in components), combined, degrees, factor)


def check_drift(opening: Component, closing: Component, limit_s: float) -> Component:
    """Compare the calibrations before and after the trials and return what their difference may have done to a trial.

    A rectangular component within half the difference, around the mean of the two. Raises CalibrationError
    BEN-CAL-101 when they differ by more than `limit_s`: nothing between them can be used.
    """
    difference = closing.correction_s - opening.correction_s
    if abs(difference) > limit_s:
        raise CalibrationError(
            "BEN-CAL-101",
            f"the delay drifted by {abs(difference) * 1e3:.3f} ms between opening and closing check",
            where=opening.name,
            expected=f"at most {limit_s * 1e3:g} ms",
            todo="calibrate again and repeat the trials since the opening check",
        )
    return rectangular(f"{opening.name}: drift", abs(difference) / 2, difference / 2)


@dataclass(frozen=True)
class TimedTrial:
    """Raw timestamps of one trial in nanoseconds of a monotonic clock; `end_ns` is None when the device did not answer.

    The wall clock's readings at the same two moments, when given, tell a clock that stepped. `void` is a reason that
    the bench already knows (light out of limits, lockout), empty otherwise.
    """

    id: str
    start_ns: int
    end_ns: int | None
    wall_start_ns: int | None = None
    wall_end_ns: int | None = None
    void: str = ""


def checked(trial: TimedTrial, clock_tolerance_s: float = 0.002) -> TimedTrial:
    """Return the trial, void with a reason when its times cannot be a decision time.

    An answer before the stimulus and a clock that stepped against the other by more than `clock_tolerance_s` are
    void; no answer is not: it is slower than any time, and stays.
    """
    if trial.void or trial.end_ns is None:
        return trial
    lasted = trial.end_ns - trial.start_ns
    if lasted < 0:
        return replace(trial, void=f"the answer came {-lasted / 1e6:.3f} ms before the stimulus")
    if trial.wall_start_ns is not None and trial.wall_end_ns is not None:
        step = trial.wall_end_ns - trial.wall_start_ns - lasted
        if abs(step) > clock_tolerance_s * 1e9:
            return replace(trial, void=f"a clock stepped by {step / 1e6:.3f} ms during the trial")
    return trial


@dataclass(frozen=True)
class LatencySummary:
    """Corrected decision times in seconds; those of trials without an answer are infinite.

    `p95` is an observed value (nearest rank); `bound` is the one-sided upper bound of the 95th percentile that
    assumes no distribution, with its order statistic. `median_uncertainty_s` is U of the median: chain and sampling.
    `void` holds (trial, reason) of trials that were kept but not counted; `times` are all that count, sorted.
    """

    n: int
    unanswered: int
    minimum: float
    median: float
    p95: float
    maximum: float
    bound: QuantileBound | None
    median_uncertainty_s: float
    chain: Budget
    void: tuple[tuple[str, str], ...]
    times: tuple[float, ...] = ()


def summarise(
    trials: Sequence[TimedTrial],
    chain: Budget,
    quantile: Number = 0.95,
    confidence: Number = 0.95,
    clock_tolerance_s: float = 0.002,
    *,
    claim: bool = True,
) -> LatencySummary:
    """Return what the trials show once the chain's delay is taken off; without `claim` too few trials have no bound.

    Raises MethodError MET-LAT-003 for a trial recorded twice, -004 without a valid trial, -005 when the corrected
    median is negative by more than twice its U (the correction cannot be right); MET-BIO-012 for too few trials to
    bound the quantile.
    """
    judged = _judged(trials, clock_tolerance_s)
    valid = [each for each in judged if not each.void]
    if not valid:
        raise MethodError("MET-LAT-004", f"none of {len(trials)} trials is valid", expected="valid trials")
    times = sorted(_corrected(each, chain) for each in valid)
    enough = claim or len(times) >= samples_for_quantile_claim(quantile, confidence)
    bound = quantile_upper_bound(times, quantile, confidence) if enough else None
    median, reach = statistics.median(times), _median_uncertainty(times, chain)
    if median < -2 * reach:
        raise MethodError(
            "MET-LAT-005",
            f"the median is {median * 1e3:.3f} ms after correction",
            expected=f"0 or more; its uncertainty is {reach * 1e3:.3f} ms",
            todo="calibrate the chain: its correction is larger than the measured times",
        )
    return LatencySummary(
        len(times),
        sum(math.isinf(each) for each in times),
        times[0],
        median,
        nearest_rank(times, "0.95"),
        times[-1],
        bound,
        reach,
        chain,
        tuple((each.id, each.void) for each in judged if each.void),
        tuple(times),
    )


def _judged(trials: Sequence[TimedTrial], clock_tolerance_s: float) -> list[TimedTrial]:
    for identity, times in Counter(each.id for each in trials).items():
        if times > 1:
            raise MethodError("MET-LAT-003", f"trial {identity!r} has {times} outcomes", expected="one per trial")
    return [checked(each, clock_tolerance_s) for each in trials]


def _corrected(trial: TimedTrial, chain: Budget) -> float:
    """Return the corrected time; jitter of the chain may leave less than 0, which is kept: cutting biases."""
    return math.inf if trial.end_ns is None else (trial.end_ns - trial.start_ns) / 1e9 + chain.correction_s


def _median_uncertainty(times: Sequence[float], chain: Budget) -> float:
    """Return U of the median: the chain's components and the sampling of the median, combined."""
    reach = median_reach(times)
    if math.isinf(reach):
        return math.inf
    sampling = Component("median of the trials", 0.0, reach, "A", "observed", len(times) - 1)
    return budget([*chain.components, sampling]).expanded_s


def median_reach(ordered: Sequence[float]) -> float:
    """Return the standard uncertainty of the median of `ordered` readings, without assuming a distribution.

    Half the distance of the order statistics sqrt(n)/2 ranks below and above the middle, rounded outwards: they hold
    the true median in at least 68 % of all cases. From 7 readings on one that went astray, on a host that was busy just
    then, widens it as little as it moves the median; from 8 on two.
    """
    n = len(ordered)
    ranks = math.sqrt(n) / 2
    low = ordered[max(0, math.floor((n - 1) / 2 - ranks))]
    high = ordered[min(n - 1, math.ceil((n - 1) / 2 + ranks))]
    return math.inf if math.isinf(high) else (high - low) / 2


def latency_verdict(summary: LatencySummary, limit_s: float, rule: DecisionRule) -> Verdict:
    """Judge the upper bound of the quantile, with U of the chain, against `limit_s` by the declared decision rule.

    How the device itself varies is in the bound; how well the bench reads a clock is in U. A bound that falls on
    trials without an answer fails: no time limit holds for a device that does not decide.
    """
    if summary.bound is None:
        raise MethodError("MET-LAT-007", f"{summary.n} trials bound no quantile", todo="plan as many as the rule needs")
    if math.isinf(summary.bound.value):
        return Verdict.FAIL
    return judge(summary.bound.value, summary.chain.expanded_s, Limit("s", upper=limit_s), rule)

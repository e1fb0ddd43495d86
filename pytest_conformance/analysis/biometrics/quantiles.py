"""Percentiles with their method named, and a bound of a quantile that assumes no distribution."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_conformance.analysis.biometrics.exact import Number, binomial_tail_at_most, confidence_level, rate
from pytest_conformance.analysis.biometrics.sizes import samples_for_quantile_claim
from pytest_conformance.errors import MethodError


@dataclass(frozen=True)
class Percentiles:
    """Summary of durations, in the unit given. `p95_nearest_rank` is an observed value, `p95_linear` interpolates."""

    n: int
    minimum: float
    median: float
    p95_nearest_rank: float
    p95_linear: float
    max: float
    mean: float


@dataclass(frozen=True)
class QuantileBound:
    """Upper confidence bound of a quantile: the `order`-th smallest of `n` values (1-based).

    `reached` is the confidence that this order statistic really has, at least the one asked for.
    """

    value: float
    order: int
    n: int
    quantile: float
    confidence: float
    reached: float


def percentiles(seconds: Sequence[float]) -> Percentiles:
    """Return minimum, median, 95th percentile by nearest rank and by linear interpolation, maximum and mean.

    A small sample has a p95 but supports no claim about it: see `quantile_upper_bound`. Raises MethodError
    MET-BIO-006 for an empty list and for values that are not finite.
    """
    ordered = _ordered(seconds)
    n = len(ordered)
    place = (n - 1) * 0.95
    below = math.floor(place)
    above = min(below + 1, n - 1)
    linear = ordered[below] + (ordered[above] - ordered[below]) * (place - below)
    nearest = nearest_rank(ordered, "0.95")
    return Percentiles(n, ordered[0], statistics.median(ordered), nearest, linear, ordered[-1], math.fsum(ordered) / n)


def nearest_rank(values: Sequence[float], quantile: Number) -> float:
    """Return the smallest value that at least the share `quantile` of `values` does not exceed: an observed value."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(len(ordered) * rate(quantile, "quantile"))) - 1]


def quantile_upper_bound(values: Sequence[float], quantile: Number = 0.95, confidence: Number = 0.95) -> QuantileBound:
    """Return a one-sided upper confidence bound of the `quantile` of any continuous distribution.

    The smallest order statistic r with P(Binomial(n, quantile) < r) >= confidence (Wilks 1941; David and Nagaraja,
    Order Statistics, 7.1). Raises MethodError MET-BIO-012 when even the largest value does not reach the confidence,
    and says how many values do; MET-BIO-006 for NaN. An infinite value stands for a trial that never ended; the bound
    is infinite when it falls on one.
    """
    ordered = _ordered(values, endless=True)
    n, share, alpha = len(ordered), rate(quantile, "quantile"), 1 - confidence_level(confidence)
    needed = samples_for_quantile_claim(quantile, confidence)
    if n < needed:
        raise MethodError(
            "MET-BIO-012",
            f"{n} values cannot bound the {float(share):g} quantile at {float(1 - alpha):g} confidence",
            expected=f"at least {needed} values",
            todo="plan more trials, or report the percentile without a claim",
        )
    low, high = -1, n - 1
    while low < high:
        middle = -(-(low + high) // 2)
        if binomial_tail_at_most(middle, n, 1 - share, alpha):
            low = middle
        else:
            high = middle - 1
    order = n - low
    return QuantileBound(ordered[order - 1], order, n, float(share), float(1 - alpha), _reached(order, n, float(share)))


def _reached(order: int, n: int, quantile: float) -> float:
    from scipy.special import bdtr

    return float(bdtr(order - 1, n, quantile))


def _ordered(values: Sequence[float], endless: bool = False) -> list[float]:
    ordered = [float(each) for each in values]
    if not ordered:
        raise MethodError("MET-BIO-006", "there is no value to summarise", expected="at least one")
    if not all(math.isfinite(each) or (endless and each == math.inf) for each in ordered):
        raise MethodError(
            "MET-BIO-006", "a duration is not finite", expected="numbers", todo="void the trial and say why"
        )
    return sorted(ordered)

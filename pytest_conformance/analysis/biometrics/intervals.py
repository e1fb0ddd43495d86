"""Confidence intervals and bounds of one binomial rate. Trials are taken as independent: else see `clusters`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from pytest_conformance.analysis.biometrics.exact import Number, confidence_level, counts, whole
from pytest_conformance.errors import MethodError

Method = Literal["clopper-pearson", "wilson", "agresti-coull", "jeffreys"]
Side = Literal["two-sided", "upper", "lower"]
Variance = Literal["p(1-p)/(n-1)", "p(1-p)/n"]


@dataclass(frozen=True)
class Interval:
    """Bounds of a rate, fractions in [0, 1]. A one-sided interval has 0 or 1 on its open side."""

    lower: float
    upper: float

    def __contains__(self, rate: float) -> bool:
        return self.lower <= rate <= self.upper


@dataclass(frozen=True)
class NormalBound:
    """An upper bound by the normal approximation, with the estimate and standard error that it was made of."""

    upper: float
    rate: float
    standard_error: float


def binomial_interval(
    errors: int,
    trials: int,
    confidence: Number = 0.95,
    method: Method = "clopper-pearson",
    side: Side = "two-sided",
) -> Interval:
    """Return the confidence interval of a rate with `errors` in `trials` independent trials.

    `side` "upper" and "lower" are one-sided at the stated confidence; "two-sided" splits alpha equally.
    Clopper-Pearson (1934) never covers less than it claims; Wilson (1927), Agresti-Coull (1998) and Jeffreys
    (equal-tailed Beta(k+1/2, n-k+1/2), no correction at the edges) cover it on average. Wilson and Agresti-Coull
    limits are clipped to [0, 1]. Raises MethodError MET-BIO-002 to -005.
    """
    counts(errors, trials)
    level = float(confidence_level(confidence))
    _one_of(side, get_args(Side), "side")
    _one_of(method, get_args(Method), "method")
    alpha = 1 - level
    tail = alpha / 2 if side == "two-sided" else alpha
    bounds = {
        "clopper-pearson": clopper_pearson,
        "wilson": _wilson,
        "agresti-coull": _agresti_coull,
        "jeffreys": _jeffreys,
    }[method](errors, trials, tail)
    lower = 0.0 if side == "upper" else max(0.0, bounds.lower)
    upper = 1.0 if side == "lower" else min(1.0, bounds.upper)
    return Interval(lower, upper)


def clopper_pearson(errors: float, trials: float, tail: float) -> Interval:
    """Return the exact interval with `tail` probability on each side.

    `errors` and `trials` may be fractional: an effective sample size of clustered trials is one (see `clusters`).
    """
    from scipy.special import betainccinv, betaincinv

    if errors <= 0:
        lower = 0.0
    else:
        lower = float(betaincinv(errors, trials - errors + 1, tail))
    if errors >= trials:
        upper = 1.0
    elif errors <= 0:
        upper = -math.expm1(math.log(tail) / trials)
    else:
        upper = float(betainccinv(errors + 1, trials - errors, tail))
    return Interval(lower, upper)


def _wilson(errors: int, trials: int, tail: float) -> Interval:
    z = normal_quantile(1 - tail)
    rate, share = errors / trials, z * z / trials
    middle = (rate + share / 2) / (1 + share)
    half = z / (1 + share) * math.sqrt(rate * (1 - rate) / trials + share / trials / 4)
    lower = 0.0 if errors == 0 else middle - half
    return Interval(lower, 1.0 if errors == trials else middle + half)


def _agresti_coull(errors: int, trials: int, tail: float) -> Interval:
    z = normal_quantile(1 - tail)
    size = trials + z * z
    middle = (errors + z * z / 2) / size
    half = z * math.sqrt(middle * (1 - middle) / size)
    return Interval(middle - half, middle + half)


def _jeffreys(errors: int, trials: int, tail: float) -> Interval:
    from scipy.special import betainccinv, betaincinv

    a, b = errors + 0.5, trials - errors + 0.5
    return Interval(float(betaincinv(a, b, tail)), float(betainccinv(a, b, tail)))


def normal_upper_bound(
    errors: int, trials: int, confidence_two_sided: Number = 0.8, variance: Variance = "p(1-p)/(n-1)"
) -> NormalBound:
    """Return the upper end of the TWO-sided normal interval, as in the example of BIO-iTC BS_SD v2.0.

    At 80 % two-sided z is 1.2816, not the one-sided 0.8416. Raises MethodError MET-BIO-012 with no error at all
    (the variance would be 0 and the bound claim certainty: use the rule of three or Clopper-Pearson) and with a
    single trial; MET-BIO-002 to -005 for impossible input.
    """
    counts(errors, trials)
    _one_of(variance, get_args(Variance), "variance")
    z = two_sided_z(confidence_two_sided)
    if errors == 0:
        raise MethodError(
            "MET-BIO-012",
            f"the normal approximation has no width at 0 errors in {trials} trials",
            expected="at least one error",
            todo="use zero_failure_bound, rule_of_three or a Clopper-Pearson interval",
        )
    below = trials - 1 if variance == "p(1-p)/(n-1)" else trials
    if below == 0:
        raise MethodError("MET-BIO-012", "one trial has no variance", expected="at least two trials")
    rate = errors / trials
    deviation = math.sqrt(rate * (1 - rate) / below)
    return NormalBound(min(1.0, rate + z * deviation), rate, deviation)


def zero_failure_bound(trials: int, confidence: Number = 0.95) -> float:
    """Return the one-sided upper bound of a rate after `trials` independent trials without one error.

    1 - (1 - confidence)^(1/n), the Clopper-Pearson bound at 0: 20 clean presentations show no more than
    "at most 13.9 % at 95 % confidence". Raises MethodError MET-BIO-002 to -004.
    """
    counts(0, trials)
    alpha = 1 - confidence_level(confidence)
    return -math.expm1(math.log(alpha) / trials)


def normal_quantile(probability: float) -> float:
    """Return the quantile of the standard normal distribution."""
    from scipy.special import ndtri

    return float(ndtri(probability))


def two_sided_z(confidence: Number) -> float:
    """Return the coverage factor of a two-sided normal interval: 1.96 at 0.95, 1.2816 at 0.8."""
    return normal_quantile(float((1 + confidence_level(confidence)) / 2))


def _one_of(value: str, allowed: tuple[str, ...], what: str) -> None:
    if value not in allowed:
        raise MethodError("MET-BIO-005", f"unknown {what} {value!r}", expected=f"one of {', '.join(allowed)}")


def checked_trials(trials: int) -> int:
    """Return a number of trials of at least 1. Raises MethodError MET-BIO-002 or -003."""
    counts(0, whole(trials, "trials"))
    return int(trials)

"""How many trials a claim needs, and how many errors it forgives: planning numbers and rules of thumb."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from pytest_conformance.analysis.biometrics.exact import (
    Number,
    binomial_tail_at_most,
    confidence_level,
    exact,
    rate,
    whole,
)
from pytest_conformance.analysis.biometrics.intervals import binomial_interval, checked_trials, normal_upper_bound
from pytest_conformance.errors import MethodError


@dataclass(frozen=True)
class RuleOfThree:
    """What `trials` clean trials show: the rule of thumb beside the exact one-sided bound, and the 90 % rule."""

    upper95: float
    exact_upper95: float
    upper90_rule_of_2_3: float


@dataclass(frozen=True)
class RelativeHalfwidth:
    """How far the true rate may lie from an observed one at 90 %, as shares of the observed rate."""

    normal_relative_halfwidth: float
    exact_poisson_lower_ratio: float
    exact_poisson_upper_ratio: float


@dataclass(frozen=True)
class AllowedErrors:
    """Largest numbers of errors whose rate is at most (`le`) or below (`lt`) the limit; None when not even 0 is."""

    max_errors_le: int
    max_errors_lt: int | None


def zero_failure_sample_size(limit: Number, confidence: Number = 0.95) -> int:
    """Return the smallest n for which n clean trials show a rate of at most `limit`: (1 - limit)^n <= 1 - confidence.

    Raises MethodError MET-BIO-001 for a limit outside (0, 1]: no number of clean trials shows a rate of zero.
    """
    return _smallest_size(_positive_limit(limit), 1 - confidence_level(confidence), 0)


def samples_for_quantile_claim(quantile: Number, confidence: Number = 0.95, exceedances: int = 0) -> int:
    """Return the smallest n that shows "the quantile is within the limit" with `exceedances` slower samples among n.

    Order statistics (Wilks 1941): BinomCDF(exceedances; n, 1 - quantile) <= 1 - confidence. Without exceedance at
    quantile 0.95 and confidence 0.95 it is 59.
    """
    part = rate(quantile, "quantile")
    if not 0 < part < 1:
        raise MethodError("MET-BIO-001", f"quantile {quantile} is not between 0 and 1", expected="for example 0.95")
    return _smallest_size(1 - part, 1 - confidence_level(confidence), whole(exceedances, "exceedances"))


def _positive_limit(limit: Number) -> Fraction:
    share = rate(limit, "limit")
    if share == 0:
        raise MethodError(
            "MET-BIO-001", "no number of clean trials shows a rate of zero", expected="a limit above 0 and at most 1"
        )
    return share


def _smallest_size(share: Fraction, alpha: Fraction, errors: int) -> int:
    """Return the smallest n with P(X <= errors) <= alpha, X ~ Binomial(n, share)."""

    def shown(n: int) -> bool:
        return n > errors and binomial_tail_at_most(errors, n, share, alpha)

    upper = errors + 1
    while not shown(upper):
        upper *= 2
    lower = upper // 2
    while upper - lower > 1:
        middle = (lower + upper) // 2
        if shown(middle):
            upper = middle
        else:
            lower = middle
    return upper


def rule_of_three(trials: int) -> RuleOfThree:
    """Return what `trials` clean trials show at 95 % (3/n, ISO/IEC 19795-1) and at 90 % (2.3/n), with the exact bound.

    Rules of thumb are capped at 1.
    """
    n = checked_trials(trials)
    return RuleOfThree(min(1.0, 3 / n), -math.expm1(math.log(0.05) / n), min(1.0, -math.log(0.1) / n))


def relative_halfwidth_90(errors: int) -> RelativeHalfwidth:
    """Return the relative half-width at 90 % of a small rate with `errors` observed errors (rule of 30).

    30 errors give about 30 %, 10 give 50 %, 250 give 10 % (ISO/IEC 19795-1). Without errors there is no relative
    width: MethodError MET-BIO-012.
    """
    from scipy.special import gammaincinv

    if whole(errors, "errors") == 0:
        raise MethodError(
            "MET-BIO-012", "0 errors have no relative width", expected="at least 1 error", todo="use the rule of three"
        )
    return RelativeHalfwidth(
        1.6448536269514722 / math.sqrt(errors),
        float(gammaincinv(errors, 0.05)) / errors,
        float(gammaincinv(errors + 1, 0.95)) / errors,
    )


def trials_for_thirty_errors(expected_rate: Number) -> int:
    """Return the trials after which 30 errors are expected at `expected_rate` (rule of 30)."""
    return math.ceil(30 / _positive_limit(expected_rate))


_CONVENTION = re.compile(r"(cp|normal|wilson|agresti_coull|jeffreys)_(one|two)_sided_([0-9]{1,2}(?:\.[0-9]+)?)")


def max_allowed_errors(trials: int, limit: Number, convention: str = "cp_one_sided_95") -> int | None:
    """Return the most errors in `trials` whose upper bound is still at most `limit`; None when not even 0 is enough.

    `convention` names the bound: "cp_one_sided_95", "cp_two_sided_80", "normal_two_sided_80", also with "wilson",
    "agresti_coull" and "jeffreys". The normal bound is that of `normal_upper_bound`; with 0 errors, where it has no
    width, the exact one takes its place. Raises MethodError MET-BIO-005 for another convention.
    """
    checked_trials(trials)
    share = rate(limit, "limit")
    match = _CONVENTION.fullmatch(convention)
    if match is None:
        raise MethodError(
            "MET-BIO-005", f"unknown convention {convention!r}", expected="for example cp_one_sided_95, as documented"
        )
    kind, sides, level = match[1], match[2], confidence_level(Fraction(match[3]) / 100)
    tail = (1 - level) / (2 if sides == "two" else 1)

    def shown(errors: int) -> bool:
        if kind == "cp" or (kind == "normal" and errors == 0):
            return binomial_tail_at_most(errors, trials, share, tail)
        if kind == "normal":
            return normal_upper_bound(errors, trials, 1 - 2 * tail).upper <= share
        method = "agresti-coull" if kind == "agresti_coull" else kind
        return binomial_interval(errors, trials, 1 - tail, method, "upper").upper <= share  # type: ignore[arg-type]

    return _largest(shown, trials)


def _largest(shown: Callable[[int], bool], trials: int) -> int | None:
    if not shown(0):
        return None
    lower, upper = 0, trials + 1
    while upper - lower > 1:
        middle = (lower + upper) // 2
        if shown(middle):
            lower = middle
        else:
            upper = middle
    return lower


def point_estimate_limit(limit: Number, trials: int) -> AllowedErrors:
    """Return how many errors in `trials` keep errors/trials at most, or below, `limit`, in exact fractions."""
    allowed = exact(rate(limit, "limit")) * checked_trials(trials)
    below = math.ceil(allowed) - 1
    return AllowedErrors(math.floor(allowed), below if below >= 0 else None)


def cross_comparison_count(subjects: int, sets_or_samples: int = 1, ordered_pairs: bool = False) -> int:
    """Return the number of impostor comparisons of `subjects` people, each with `sets_or_samples` samples.

    Ordered pairs count A's sample against B's template and the reverse separately: only for algorithms that are not
    symmetric (BIO-iTC BS_SD v2.0, cross-comparison). The comparisons are not independent: see `fmr_extreme_cases`.
    """
    people, sets = whole(subjects, "subjects", 2), whole(sets_or_samples, "sets or samples", 1)
    pairs = people * (people - 1) * sets
    return pairs if ordered_pairs else pairs // 2

"""Exact fractions, and the refusals that every statistic shares. No estimate lives here."""

from __future__ import annotations

import math
import re
from decimal import Decimal, localcontext
from fractions import Fraction

from pytest_conformance.errors import MethodError

Number = str | int | float | Decimal | Fraction
"""A rate or a limit: a decimal text ("0.07", "7 %", "1/10000"), or a number taken by its shortest decimal form."""

_TEXT = re.compile(r"\s*([+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]{1,4})?(?:/[0-9]+)?)\s*(%?)\s*")
_CLOSE = 1e-6
_EXACT_TRIALS = 2000


def exact(value: Number, what: str = "value") -> Fraction:
    """Return `value` as the fraction that a reader sees: 0.07, "0.07" and "7 %" are all 7/100.

    Raises MethodError MET-BIO-001 for NaN, infinity, booleans and text that is no number.
    """
    try:
        if isinstance(value, str):
            match = _TEXT.fullmatch(value)
            if match is None:
                raise ValueError(value)
            number = match[1]
            if "/" in number:
                above, below = number.split("/")
                found = Fraction(Decimal(above)) / int(below)
            else:
                found = Fraction(Decimal(number))
            return found / 100 if match[2] else found
        if isinstance(value, bool):
            raise ValueError(value)
        if isinstance(value, int | Fraction | Decimal):
            return Fraction(value)
        return Fraction(Decimal(repr(float(value))))
    except (ValueError, TypeError, OverflowError, ArithmeticError) as error:
        raise MethodError(
            "MET-BIO-001", f"{what} {value!r} is not a number", expected='a finite number such as 0.07, "0.07" or "7 %"'
        ) from error


def rate(value: Number, what: str = "rate") -> Fraction:
    """Return `value` as an exact fraction between 0 and 1. Raises MethodError MET-BIO-001 outside of that."""
    found = exact(value, what)
    if not 0 <= found <= 1:
        raise MethodError(
            "MET-BIO-001", f"{what} {value} is outside 0 to 1", expected="a fraction, or a percentage with its sign"
        )
    return found


def confidence_level(value: Number) -> Fraction:
    """Return a level of confidence strictly between 0 and 1. Raises MethodError MET-BIO-004 outside of that."""
    found = exact(value, "confidence")
    if not 0 < found < 1:
        raise MethodError("MET-BIO-004", f"confidence {value} is not between 0 and 1", expected="for example 0.95")
    return found


def whole(value: int, what: str, least: int = 0) -> int:
    """Return `value` when it is a whole number of at least `least`. Raises MethodError MET-BIO-002 otherwise."""
    if isinstance(value, bool) or not (isinstance(value, int) or _is_numpy_integer(value)):
        raise MethodError("MET-BIO-002", f"{what} {value!r} is not a whole number", expected="a count")
    if value < least:
        raise MethodError("MET-BIO-002", f"{what} {value} is too small", expected=f"at least {least}")
    return int(value)


def _is_numpy_integer(value: object) -> bool:
    return hasattr(value, "__index__") and not hasattr(value, "__len__")


def counts(errors: int, trials: int, what: str = "errors") -> tuple[int, int]:
    """Return `errors` and `trials` when a rate can be formed of them.

    Raises MethodError MET-BIO-002 for what cannot be counted (also more errors than trials), MET-BIO-003 for zero
    trials: a rate over nothing is undefined, never 0.
    """
    some, all_of_them = whole(errors, what), whole(trials, "trials")
    if all_of_them == 0:
        raise MethodError(
            "MET-BIO-003", "a rate over zero trials is undefined", expected="at least one trial with an outcome"
        )
    if some > all_of_them:
        raise MethodError(
            "MET-BIO-002", f"{some} {what} in {all_of_them} trials cannot be", expected="errors <= trials"
        )
    return some, all_of_them


def at_most(errors: int, trials: int, limit: Number) -> bool:
    """Tell whether errors/trials <= limit, compared as exact fractions (ISO/IEC Guide 98-4 simple acceptance).

    57 of 100 meets "0.57" although the binary number 0.57 * 100 is 56.99999999999999.
    """
    some, all_of_them = counts(errors, trials)
    return Fraction(some, all_of_them) <= exact(limit, "limit")


def binomial_tail_at_most(errors: int, trials: int, probability: Fraction, bound: Fraction) -> bool:
    """Tell whether P(X <= errors) <= bound for X ~ Binomial(trials, probability).

    Decided in floating point when the two are clearly apart. Within 1e-6 of each other they are compared as exact
    fractions, so that a tie such as 0.5**2 against 0.25 is decided as written; beyond 2,000 trials, where the exact
    fraction would have millions of digits, with 60 digits.
    """
    if errors >= trials:
        return bound >= 1
    if errors < 0:
        return bound >= 0
    from scipy.special import betaincc

    near = float(betaincc(errors + 1.0, float(trials - errors), float(probability)))
    if math.isfinite(near) and abs(near - float(bound)) > _CLOSE * max(float(bound), 1e-300):
        return near < float(bound)
    if trials > _EXACT_TRIALS:
        return _tail(errors, trials, probability) <= Decimal(bound.numerator) / bound.denominator
    hits, misses = probability.numerator, probability.denominator - probability.numerator
    tail = sum(math.comb(trials, k) * hits**k * misses ** (trials - k) for k in range(errors + 1))
    return bool(tail * bound.denominator <= bound.numerator * probability.denominator**trials)


def _tail(errors: int, trials: int, probability: Fraction) -> Decimal:
    with localcontext(prec=60):
        hit = Decimal(probability.numerator) / probability.denominator
        term = total = (1 - hit) ** trials
        for k in range(errors):
            term *= hit / (1 - hit) * (trials - k) / (k + 1)
            total += term
        return total

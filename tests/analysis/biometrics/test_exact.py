"""Exact fractions: what a reader sees is what is compared."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from pytest_conformance.analysis.biometrics import at_most, exact
from pytest_conformance.analysis.biometrics.exact import _tail, binomial_tail_at_most, confidence_level, counts, rate
from pytest_conformance.errors import MethodError


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("0.07", Fraction(7, 100)),
        (0.07, Fraction(7, 100)),
        ("7 %", Fraction(7, 100)),
        ("1/10000", Fraction(1, 10000)),
        ("2e-5", Fraction(1, 50000)),
        (Decimal("0.57"), Fraction(57, 100)),
        (1, Fraction(1)),
        (np.float64(0.1), Fraction(1, 10)),
    ],
)
def test_a_number_is_taken_as_it_is_written(given: Any, found: Fraction) -> None:
    assert exact(given) == found


@pytest.mark.parametrize(
    "given", ["", "seven", "nan", "1/0", float("nan"), float("inf"), True, None, "0.07%%", "1e99999"]
)
def test_what_is_no_number_is_refused(given: Any) -> None:
    with pytest.raises(MethodError) as caught:
        exact(given)
    assert caught.value.code == "MET-BIO-001"


def test_a_rate_and_a_confidence_have_their_ranges() -> None:
    assert rate("100 %") == 1
    for wrong in ("-0.1", "1.01", "101 %"):
        with pytest.raises(MethodError, match="MET-BIO-001"):
            rate(wrong)
    for wrong in (0, 1, "95"):
        with pytest.raises(MethodError, match="MET-BIO-004"):
            confidence_level(wrong)


@pytest.mark.parametrize(
    ("errors", "trials", "code"),
    [
        (0, 0, "MET-BIO-003"),
        (2, 1, "MET-BIO-002"),
        (-1, 3, "MET-BIO-002"),
        (1.5, 3, "MET-BIO-002"),
        (True, 3, "MET-BIO-002"),
    ],
)
def test_counts_that_make_no_rate_are_refused_with_their_reason(errors: Any, trials: Any, code: str) -> None:
    with pytest.raises(MethodError) as caught:
        counts(errors, trials)
    assert caught.value.code == code


def test_counts_may_come_from_numpy() -> None:
    assert counts(np.int64(3), np.int32(7)) == (3, 7)  # type: ignore[arg-type]


@given(st.integers(1, 5000), st.integers(1, 400), st.data())
def test_a_rate_on_the_limit_is_within_it(hundredths: int, trials: int, data: st.DataObject) -> None:
    limit = f"{hundredths / 10000:.4f}"
    errors = data.draw(st.integers(0, trials))
    assert at_most(errors, trials, limit) == (errors * 10000 <= hundredths * trials)


def test_binary_rounding_does_not_decide() -> None:
    assert 0.57 * 100 < 57
    assert at_most(57, 100, "0.57")
    assert not at_most(58, 100, 0.57)


@given(st.integers(0, 60), st.integers(1, 60), st.integers(1, 99), st.integers(1, 99))
def test_a_binomial_tail_is_compared_as_scipy_does(errors: int, trials: int, p: int, bound: int) -> None:
    tail = binom.cdf(errors, trials, p / 100)
    if abs(tail - bound / 100) > 1e-9:
        assert binomial_tail_at_most(errors, trials, Fraction(p, 100), Fraction(bound, 100)) == (tail <= bound / 100)


def test_a_tie_of_the_tail_is_decided_exactly() -> None:
    half, quarter = Fraction(1, 2), Fraction(1, 4)
    assert binomial_tail_at_most(0, 2, half, quarter)
    assert not binomial_tail_at_most(0, 2, half, quarter - Fraction(1, 10**30))
    assert binomial_tail_at_most(1, 3, half, half)
    for p, n, k, tail in (
        (Fraction(3, 10), 4, 1, "0.6517"),
        (Fraction(3, 10), 5, 0, "0.16807"),
        (Fraction(7, 20), 2, 1, "0.8775"),
    ):
        assert binomial_tail_at_most(k, n, p, Fraction(tail))


@given(st.integers(0, 40), st.integers(41, 300), st.integers(1, 99), st.integers(1, 999))
def test_sixty_digits_decide_as_exact_fractions_do(errors: int, trials: int, p: int, bound: int) -> None:
    share, limit = Fraction(p, 100), Fraction(bound, 1000)
    due = sum(math.comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(errors + 1))
    assert abs(Fraction(_tail(errors, trials, share)) - due) <= due / 10**50
    assert binomial_tail_at_most(errors, trials, share, limit) == (due <= limit)


def test_a_very_small_rate_over_very_many_trials_is_decided_at_once() -> None:
    share = Fraction(1, 10**8)
    n = 299_573_226
    assert binomial_tail_at_most(0, n, share, Fraction(1, 20))
    assert not binomial_tail_at_most(0, n - 1, share, Fraction(1, 20))

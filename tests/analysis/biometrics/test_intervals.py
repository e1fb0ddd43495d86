"""Binomial intervals: agreement with scipy, symmetry, coverage by enumeration and by seeded campaigns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from pytest_conformance.analysis.biometrics import binomial_interval, normal_upper_bound, zero_failure_bound
from pytest_conformance.errors import MethodError

METHODS = ("clopper-pearson", "wilson", "agresti-coull", "jeffreys")


def coverage(method: Any, n: int, p: float, side: Any = "two-sided", confidence: float = 0.95) -> float:
    """Return the exact probability that the interval holds p: the sum over all outcomes."""
    inside = [p in binomial_interval(k, n, confidence, method, side) for k in range(n + 1)]
    return float(binom.pmf(np.arange(n + 1), n, p)[np.array(inside)].sum())


@given(st.integers(1, 300), st.data())
def test_clopper_pearson_and_wilson_are_those_of_scipy(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    for method, theirs in (("clopper-pearson", "exact"), ("wilson", "wilson")):
        found = binomial_interval(k, n, 0.95, method)  # type: ignore[arg-type]
        due = binomtest(k, n).proportion_ci(0.95, theirs)
        assert (found.lower, found.upper) == pytest.approx((due.low, due.high), abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
@given(n=st.integers(1, 200), data=st.data())
def test_errors_and_successes_mirror_each_other_and_hold_the_rate(method: Any, n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    one, other = binomial_interval(k, n, 0.9, method), binomial_interval(n - k, n, 0.9, method)
    assert (one.lower, one.upper) == pytest.approx((1 - other.upper, 1 - other.lower), abs=1e-9)
    assert 0 <= one.lower <= one.upper <= 1
    if 0 < k < n:
        assert k / n in one


@pytest.mark.parametrize("method", METHODS)
def test_a_one_sided_bound_is_the_end_of_a_wider_two_sided_interval(method: Any) -> None:
    two = binomial_interval(7, 150, 0.9, method)
    assert binomial_interval(7, 150, 0.95, method, "upper").upper == pytest.approx(two.upper)
    assert binomial_interval(7, 150, 0.95, method, "lower").lower == pytest.approx(two.lower)
    assert binomial_interval(7, 150, 0.95, method, "upper").lower == 0
    assert binomial_interval(7, 150, 0.95, method, "lower").upper == 1


@pytest.mark.parametrize("n", [20, 150])
@pytest.mark.parametrize("p", [0.01, 0.07, 0.15, 0.3, 0.5])
def test_the_exact_interval_never_covers_less_than_it_claims(n: int, p: float) -> None:
    assert coverage("clopper-pearson", n, p) >= 0.95
    assert coverage("clopper-pearson", n, p, "upper") >= 0.95


def test_approximate_intervals_cover_on_average_and_not_everywhere() -> None:
    rates = np.linspace(0.02, 0.5, 49)
    for method in ("wilson", "jeffreys"):
        found = [coverage(method, 50, float(p)) for p in rates]
        assert 0.94 < np.mean(found) < 0.965
        assert min(found) < 0.945


def test_seeded_campaigns_cover_the_truth_as_often_as_the_exact_interval_claims() -> None:
    generator = np.random.default_rng(20260103)
    for p in (0.02, 0.07, 0.2):
        errors = generator.binomial(150, p, 2000)
        known = {int(k): p in binomial_interval(int(k), 150) for k in np.unique(errors)}
        assert np.mean([known[int(k)] for k in errors]) >= 0.945


def test_twenty_clean_presentations_bound_the_rate_at_fourteen_per_cent() -> None:
    assert zero_failure_bound(20) == pytest.approx(0.1391, abs=1e-4)
    assert zero_failure_bound(20, "0.8") == pytest.approx(1 - 0.2 ** (1 / 20))
    assert zero_failure_bound(20) == pytest.approx(binomial_interval(0, 20, 0.95, side="upper").upper)


def test_the_normal_bound_refuses_a_width_of_zero_and_says_what_to_use() -> None:
    with pytest.raises(MethodError, match=r"MET-BIO-012.*zero_failure_bound"):
        normal_upper_bound(0, 174)
    with pytest.raises(MethodError, match="MET-BIO-012"):
        normal_upper_bound(1, 1)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((0, 0), "MET-BIO-003"),
        ((6, 5), "MET-BIO-002"),
        ((1, 5, 95), "MET-BIO-004"),
        ((1, 5, 0.95, "wald"), "MET-BIO-005"),
        ((1, 5, 0.95, "wilson", "left"), "MET-BIO-005"),
    ],
)
def test_impossible_input_is_refused_with_its_code(arguments: Any, code: str) -> None:
    with pytest.raises(MethodError) as caught:
        binomial_interval(*arguments)
    assert caught.value.code == code

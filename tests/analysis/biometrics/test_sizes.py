"""Sample sizes and rules of thumb: bracketed by the bound that they promise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from pytest_conformance.analysis.biometrics import (
    binomial_interval,
    cross_comparison_count,
    max_allowed_errors,
    normal_upper_bound,
    point_estimate_limit,
    relative_halfwidth_90,
    rule_of_three,
    samples_for_quantile_claim,
    trials_for_thirty_errors,
    zero_failure_bound,
    zero_failure_sample_size,
)
from pytest_conformance.errors import MethodError


@given(st.integers(1, 900), st.sampled_from(["0.8", "0.9", "0.95", "0.99"]))
def test_a_zero_failure_size_is_the_smallest_that_shows_the_limit(thousandths: int, confidence: str) -> None:
    limit = thousandths / 1000
    n = zero_failure_sample_size(limit, confidence)
    assert zero_failure_bound(n, confidence) <= limit + 1e-12
    assert n == 1 or zero_failure_bound(n - 1, confidence) > limit - 1e-12


def test_ties_are_decided_as_written() -> None:
    assert zero_failure_sample_size("0.5", "0.75") == 2
    assert zero_failure_sample_size("0.5", "0.875") == 3
    assert zero_failure_sample_size("0.9", "0.99") == 2
    assert zero_failure_sample_size("0.6", "0.84") == 2
    assert zero_failure_sample_size(0.7, 0.7) == 1
    assert zero_failure_sample_size("1") == 1
    assert samples_for_quantile_claim("0.5", "0.75") == 2


@settings(deadline=None)
@given(st.sampled_from(["0.9", "0.95", "0.99"]), st.integers(0, 6))
def test_a_quantile_claim_needs_no_more_and_no_fewer_samples(quantile: str, exceedances: int) -> None:
    n = samples_for_quantile_claim(quantile, "0.95", exceedances)
    slow = 1 - float(quantile)
    assert binom.cdf(exceedances, n, slow) <= 0.05 < binom.cdf(exceedances, n - 1, slow)


@pytest.mark.parametrize("limit", ["0", "-0.01", "1.1"])
def test_a_limit_that_no_trial_can_show_is_refused(limit: str) -> None:
    with pytest.raises(MethodError, match="MET-BIO-001"):
        zero_failure_sample_size(limit)


@pytest.mark.parametrize(
    "convention", ["cp_one_sided_95", "cp_two_sided_80", "wilson_one_sided_95", "jeffreys_two_sided_90"]
)
@given(n=st.integers(1, 400), hundredths=st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_allowed_errors_are_the_most_whose_bound_is_within_the_limit(convention: str, n: int, hundredths: int) -> None:
    kind, sides, _, level = convention.split("_")
    tail = (1 - int(level) / 100) / (2 if sides == "two" else 1)
    method: Any = "clopper-pearson" if kind == "cp" else kind

    def bound(k: int) -> float:
        return binomial_interval(k, n, round(1 - tail, 6), method, "upper").upper

    found = max_allowed_errors(n, hundredths / 100, convention)
    assert found is None or bound(found) <= hundredths / 100 + 1e-12
    assert bound(0 if found is None else found + 1) > hundredths / 100 - 1e-12


def test_the_normal_bound_does_not_let_zero_errors_of_twenty_show_five_per_cent() -> None:
    assert max_allowed_errors(20, 0.05, "normal_two_sided_80") is None
    assert max_allowed_errors(174, 0.05, "normal_two_sided_80") == 5
    assert normal_upper_bound(5, 174).upper <= 0.05 < normal_upper_bound(6, 174).upper


def test_an_unknown_convention_is_refused() -> None:
    with pytest.raises(MethodError, match="MET-BIO-005"):
        max_allowed_errors(100, 0.05, "cp_three_sided_95")


@given(st.integers(0, 1000), st.integers(1, 500))
def test_point_estimates_are_compared_exactly(thousandths: int, n: int) -> None:
    found = point_estimate_limit(f"{thousandths / 1000:.3f}", n)
    assert found.max_errors_le * 1000 <= thousandths * n < (found.max_errors_le + 1) * 1000
    assert found.max_errors_lt == (None if thousandths == 0 else -(-thousandths * n // 1000) - 1)


def test_the_rule_of_three_bounds_the_exact_one_and_is_a_rate() -> None:
    for n in (1, 2, 3, 10, 1000):
        found = rule_of_three(n)
        assert found.exact_upper95 <= found.upper95 <= 1
        assert found.exact_upper95 == pytest.approx(zero_failure_bound(n))


def test_without_errors_there_is_no_relative_width() -> None:
    with pytest.raises(MethodError, match=r"MET-BIO-012.*rule of three"):
        relative_halfwidth_90(0)
    assert trials_for_thirty_errors("0.07") == 429


def test_pairs_are_counted_once_unless_ordered() -> None:
    assert (cross_comparison_count(4), cross_comparison_count(4, 2), cross_comparison_count(4, 2, True)) == (6, 12, 24)
    with pytest.raises(MethodError, match="MET-BIO-002"):
        cross_comparison_count(1)

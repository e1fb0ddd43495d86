"""Percentiles and the distribution-free bound: its order statistic by enumeration, its coverage by seeded samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from pytest_conformance.analysis.biometrics import percentiles, quantile_upper_bound
from pytest_conformance.errors import MethodError


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60))
def test_percentiles_are_those_of_numpy(values: list[float]) -> None:
    found = percentiles(values)
    assert found.p95_linear == pytest.approx(np.percentile(values, 95), abs=1e-9)
    assert found.p95_nearest_rank == np.percentile(values, 95, method="inverted_cdf")
    assert (found.minimum, found.median, found.max) == (min(values), pytest.approx(np.median(values)), max(values))
    assert found.mean == pytest.approx(np.mean(values))


@pytest.mark.parametrize("n", [59, 60, 92, 93, 123, 124, 500])
def test_the_order_statistic_is_the_smallest_that_reaches_the_confidence(n: int) -> None:
    bound = quantile_upper_bound(range(1, n + 1))
    assert bound.value == bound.order
    assert binom.cdf(bound.order - 1, n, 0.95) >= 0.95 > binom.cdf(bound.order - 2, n, 0.95)
    assert bound.reached == pytest.approx(binom.cdf(bound.order - 1, n, 0.95))


def test_one_sample_too_few_is_refused_and_the_number_needed_is_told() -> None:
    with pytest.raises(MethodError, match=r"MET-BIO-012.*at least 59"):
        quantile_upper_bound(range(58))
    assert quantile_upper_bound(range(59)).value == 58
    assert quantile_upper_bound(range(29), "0.9").value == 28


def test_the_bound_covers_the_true_quantile_of_any_distribution() -> None:
    generator = np.random.default_rng(11)
    for draw, truth in (
        (generator.exponential(1.0, (2000, 100)), -math.log(0.05)),
        (generator.lognormal(0, 1, (2000, 100)), math.exp(1.6448536)),
        (generator.uniform(0, 1, (2000, 100)), 0.95),
    ):
        order = quantile_upper_bound(draw[0]).order
        assert np.mean(np.sort(draw, axis=1)[:, order - 1] >= truth) >= 0.945


def test_a_trial_that_never_ended_is_slower_than_any_and_the_bound_may_be_infinite() -> None:
    assert quantile_upper_bound([*range(58), math.inf]).value == math.inf
    assert math.isfinite(quantile_upper_bound([*range(99), math.inf]).value)
    for wrong in ([math.nan] * 59, [-math.inf, *range(58)], []):
        with pytest.raises(MethodError, match="MET-BIO-006"):
            quantile_upper_bound(wrong)
    with pytest.raises(MethodError, match="MET-BIO-006"):
        percentiles([1.0, math.inf])

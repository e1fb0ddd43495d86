"""Clustered trials: equal to the plain interval when nothing clusters, honest when it does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_conformance.analysis.biometrics import (
    binomial_interval,
    clustered_rate_interval,
    effective_interval,
    two_way_interval,
    zero_failure_bound,
)
from pytest_conformance.analysis.biometrics.clusters import grouped
from pytest_conformance.errors import MethodError

SPREAD = [1] * 14 + [0] * 64
CONCENTRATED = [5, 5, 4] + [0] * 75
FIVE = [5] * 78


def test_the_same_errors_from_three_people_widen_the_interval() -> None:
    spread, concentrated = effective_interval(SPREAD, FIVE), effective_interval(CONCENTRATED, FIVE)
    assert spread.rate == concentrated.rate == pytest.approx(14 / 390)
    assert spread.design_effect == 1.0
    assert concentrated.design_effect == pytest.approx(clustered_rate_interval(CONCENTRATED, FIVE).design_effect)
    assert concentrated.upper > 1.7 * spread.upper


def test_errors_spread_evenly_have_nearly_the_plain_interval_and_never_a_narrower_one() -> None:
    plain, found = binomial_interval(14, 390), effective_interval(SPREAD, FIVE)
    assert found.lower <= plain.lower
    assert plain.upper <= found.upper < 1.2 * plain.upper


def test_the_worst_is_one_trial_per_cluster() -> None:
    found = effective_interval([10, 0, 0, 0, 0, 0, 0, 0, 0, 0], [10] * 10)
    assert found.effective_trials == pytest.approx(10)
    assert found.upper == pytest.approx(binomial_interval(1, 10).upper)


def test_without_errors_clusters_are_trials_unless_a_correlation_is_declared() -> None:
    found = effective_interval([0] * 15, [10] * 15, side="upper")
    assert (found.basis, found.upper) == ("one trial per cluster", pytest.approx(zero_failure_bound(15)))
    declared = effective_interval([0] * 15, [10] * 15, side="upper", assumed_correlation="0.2")
    assert (declared.basis, declared.design_effect) == ("assumed correlation", pytest.approx(2.8))
    assert zero_failure_bound(150) < declared.upper < found.upper
    assert effective_interval([0] * 15, [10] * 15, side="upper", assumed_correlation=0).upper == pytest.approx(
        zero_failure_bound(150)
    )


def test_nothing_but_errors_is_the_mirror_of_none() -> None:
    none, all_of_them = effective_interval([0] * 15, [10] * 15), effective_interval([10] * 15, [10] * 15)
    assert (all_of_them.lower, all_of_them.upper) == pytest.approx((1 - none.upper, 1.0))


def campaigns(rate: float, correlation: float, people: int, each: int, seed: int) -> np.ndarray[Any, Any]:
    generator = np.random.default_rng(seed)
    weight = 1 / correlation - 1
    rates = generator.beta(rate * weight, (1 - rate) * weight, (2000, people))
    return generator.binomial(each, rates)


@pytest.mark.parametrize(("rate", "people", "each"), [(0.07, 30, 10), (0.15, 15, 10), (0.07, 20, 45), (0.02, 20, 45)])
def test_clustered_campaigns_cover_the_truth_where_the_plain_interval_falls_short(
    rate: float, people: int, each: int
) -> None:
    errors = campaigns(rate, 0.2, people, each, 20260207)
    sizes = [each] * people
    covered = short = 0
    for row in errors.tolist():
        found = effective_interval(row, sizes)
        covered += found.lower <= rate <= found.upper
        short += rate in binomial_interval(sum(row), people * each)
    assert covered / 2000 >= 0.93
    assert short / 2000 < 0.90


def crossed(seed: int, rate: float, people: int = 12, artefacts: int = 8, each: int = 5) -> tuple[Any, Any, Any]:
    """Trials whose chance of error depends on the subject and on the artefact."""
    generator = np.random.default_rng(seed)
    weight = 9.0
    subject = generator.beta(rate * weight, (1 - rate) * weight, people) / rate
    artefact = generator.beta(rate * weight, (1 - rate) * weight, artefacts) / rate
    chance = np.clip(rate * np.outer(subject, artefact), 0, 1)
    outcomes = generator.random((people, artefacts, each)) < chance[:, :, None]
    who, what = np.meshgrid(np.arange(people), np.arange(artefacts), indexing="ij")
    repeat = [np.repeat(part.ravel(), each).tolist() for part in (who, what)]
    return outcomes.ravel().tolist(), *repeat


def test_two_ways_of_clustering_are_never_narrower_than_the_wider_of_them() -> None:
    outcomes, subjects, artefacts = crossed(3, 0.2)
    both = two_way_interval(outcomes, subjects, artefacts)
    for labels in (subjects, artefacts):
        errors, trials = zip(*grouped(outcomes, labels), strict=True)
        one = effective_interval(errors, trials)
        assert both.design_effect >= one.design_effect - 1e-12
        assert both.upper - both.lower >= one.upper - one.lower - 1e-12


def test_a_trial_of_its_own_per_subject_and_artefact_is_no_cluster() -> None:
    outcomes = [index % 10 == 0 for index in range(100)]
    found = two_way_interval(outcomes, list(range(100)), list(range(100)))
    assert found.design_effect == pytest.approx(1.0, abs=0.02)


def test_the_normal_interval_refuses_to_invent_a_width() -> None:
    with pytest.raises(MethodError, match=r"MET-BIO-012.*effective_interval"):
        clustered_rate_interval([0, 0, 0], [5, 5, 5])


@pytest.mark.parametrize(
    ("errors", "trials", "code"),
    [
        ([1], [5], "MET-BIO-011"),
        ([1, 0], [5], "MET-BIO-011"),
        ([], [], "MET-BIO-011"),
        ([6, 0], [5, 5], "MET-BIO-002"),
        ([0, 1], [0, 5], "MET-BIO-003"),
    ],
)
def test_clusters_without_spread_or_with_impossible_counts_are_refused(
    errors: list[int], trials: list[int], code: str
) -> None:
    for function in (clustered_rate_interval, effective_interval):
        with pytest.raises(MethodError) as caught:
            function(errors, trials)
        assert caught.value.code == code


def test_labels_must_be_one_per_trial() -> None:
    with pytest.raises(MethodError, match="MET-BIO-011"):
        two_way_interval([True, False], ["a", "b"], ["x"])
    with pytest.raises(MethodError, match="MET-BIO-005"):
        effective_interval([1, 0], [5, 5], side="both")  # type: ignore[arg-type]

"""Cluster bootstrap: each resample against plain counting of the trials drawn again; seeds; refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_conformance.analysis.biometrics import (
    TrialLabels,
    bootstrap_rate,
    bootstrap_scores,
    eer,
    fnmr_at_fmr,
)
from pytest_conformance.analysis.biometrics.bootstrap import _Weighing
from pytest_conformance.errors import MethodError


def scored(seed: int, people: int = 9, each: int = 6) -> tuple[list[float], list[float], TrialLabels, TrialLabels]:
    generator = np.random.default_rng(seed)
    subject = np.repeat(np.arange(people), each)
    mated = np.round(generator.normal(1.2, 0.6, people)[subject] + generator.normal(0, 0.5, people * each), 1)
    others = np.round(generator.normal(-0.2, 0.6, people)[subject] + generator.normal(0, 0.5, people * each), 1)
    made = TrialLabels(None, [f"a{index % 4}" for index in range(len(others))])
    return mated.tolist(), others.tolist(), TrialLabels(subject.tolist(), subject[::-1].tolist()), made


@pytest.mark.parametrize("seed", range(12))
def test_a_weighted_resample_has_the_rates_of_the_trials_drawn_again(seed: int) -> None:
    mated, others, subjects, artefacts = scored(seed)
    weighing = _Weighing.of(mated, others, subjects, artefacts)
    weights = weighing.draw(np.random.default_rng(seed))
    again = [
        [score for score, times in zip(scores.tolist(), drawn.tolist(), strict=True) for _ in range(int(times))]
        for scores, drawn in zip((weighing.mated, weighing.non_mated), weights, strict=True)
    ]
    if not again[0] or not again[1]:
        assert np.isnan(weighing.eer(*weights))
        return
    assert weighing.eer(*weights) == pytest.approx(eer(*again).eer, abs=1e-12)
    for target in (0.0, 0.05, 0.1, 0.5, 1.0):
        assert weighing.fnmr_at_fmr(*weights, target) == pytest.approx(fnmr_at_fmr(*again, target).fnmr, abs=1e-12)


def test_a_tie_of_both_rates_is_the_equal_error_rate() -> None:
    mated, others = [2.0, 3.0], [1.0, 2.5]
    weighing = _Weighing.of(mated, others, TrialLabels(["a", "b"], ["a", "b"]), None)
    assert weighing.eer(np.ones(2), np.ones(2)) == eer(mated, others).eer == 0.5


def test_weights_follow_their_subject_through_the_sorting_on_both_sides() -> None:
    people = [7, 3, 5, 1] * 3
    mated = [person + index / 100 for index, person in enumerate(people)]
    others = [-person - index / 100 for index, person in enumerate(people)]
    weighing = _Weighing.of(mated, others, TrialLabels(people, people), None)
    drawn = weighing.draw(np.random.default_rng(4))
    times: dict[int, set[float]] = {}
    for scores, weights in zip((weighing.mated, weighing.non_mated), drawn, strict=True):
        for score, weight in zip(scores.tolist(), weights.tolist(), strict=True):
            times.setdefault(int(abs(score)), set()).add(weight)
    assert sorted(times) == [1, 3, 5, 7]
    assert all(len(each) == 1 for each in times.values())
    assert sum(each.pop() for each in times.values()) == 4


def test_bona_fide_scores_have_no_artefact_to_be_drawn() -> None:
    labels = TrialLabels(None, ["x", "y", "y"])
    weighing = _Weighing.of([1.0, 2.0], [0.1, 0.2, 0.3], TrialLabels(["a", "b"], None), labels)
    mated, others = weighing.draw(np.random.default_rng(1))
    assert mated.sum() == 2
    assert others[1] == others[2]
    assert others[0] + others[1] == 2


def test_the_estimate_is_the_plain_one_and_lies_within() -> None:
    mated, others, subjects, artefacts = scored(7, people=20)
    by_eer = bootstrap_scores(mated, others, subjects, artefacts, seed=1, resamples=200)
    assert by_eer.estimate == pytest.approx(eer(mated, others).eer)
    assert by_eer.lower < by_eer.estimate < by_eer.upper
    by_target = bootstrap_scores(mated, others, subjects, seed=1, target_fmr="0.1", resamples=200)
    assert by_target.estimate == pytest.approx(fnmr_at_fmr(mated, others, "0.1").fnmr)
    assert len(by_target.resamples) + by_target.undefined == 200


def test_a_seed_repeats_itself_and_another_differs() -> None:
    mated, others, subjects, artefacts = scored(2)
    one, same, other = (
        bootstrap_scores(mated, others, subjects, artefacts, seed=seed, resamples=100) for seed in (5, 5, 6)
    )
    assert (one.lower, one.upper) == (same.lower, same.upper)
    assert one.resamples.tolist() != other.resamples.tolist()


def test_a_resampled_rate_spreads_as_far_as_its_clusters_do() -> None:
    subjects = np.repeat(np.arange(25), 20).tolist()
    generator = np.random.default_rng(9)
    apart = (generator.random(500) < np.repeat(generator.beta(0.6, 2.4, 25), 20)).tolist()
    together = bootstrap_rate(apart, subjects, seed=1)
    alone = bootstrap_rate(apart, list(range(500)), seed=1)
    assert together.estimate == alone.estimate == pytest.approx(np.mean(apart))
    assert together.upper - together.lower > 1.5 * (alone.upper - alone.lower)
    deviation = float(np.std(alone.resamples))
    assert deviation == pytest.approx((alone.estimate * (1 - alone.estimate) / 500) ** 0.5, rel=0.1)


def test_subjects_and_artefacts_are_both_drawn_again() -> None:
    generator = np.random.default_rng(12)
    subjects, artefacts = np.repeat(np.arange(30), 10).tolist(), (np.arange(300) % 10).tolist()
    outcomes = (generator.random(300) < np.array([0.02, 0.5] * 5)[artefacts]).tolist()
    both = bootstrap_rate(outcomes, subjects, artefacts, seed=1)
    one = bootstrap_rate(outcomes, subjects, seed=1)
    assert both.upper - both.lower > 1.5 * (one.upper - one.lower)


def test_trials_that_all_ended_alike_show_no_spread() -> None:
    for outcomes in ([False] * 6, [True] * 6):
        with pytest.raises(MethodError, match=r"MET-BIO-012.*effective_interval"):
            bootstrap_rate(outcomes, [1, 1, 2, 2, 3, 3], seed=1)


@pytest.mark.parametrize(
    ("subjects", "artefacts"),
    [(["a"] * 4, None), (["a", "b"], None), (["a", "b", "a", "b"], ["x"] * 4), (["a", "b", "a", "b"], ["x", "y"])],
)
def test_too_few_clusters_or_labels_are_refused(subjects: Any, artefacts: Any) -> None:
    with pytest.raises(MethodError, match="MET-BIO-011"):
        bootstrap_rate([True, False, True, False], subjects, artefacts, seed=1)


def test_an_interval_over_the_resamples_that_happened_to_work_is_refused() -> None:
    labels = TrialLabels(["a", "b", "c"], ["d", "d", "d"])
    with pytest.raises(MethodError, match=r"MET-BIO-011.*had no trial"):
        bootstrap_scores([0.8, 0.9, 0.7], [0.1, 0.2, 0.3], labels, seed=1, resamples=100)


def test_scores_are_checked_before_they_are_drawn() -> None:
    labels = TrialLabels(["a", "b"], ["a", "b"])
    with pytest.raises(MethodError, match="MET-BIO-006"):
        bootstrap_scores([0.1, float("nan")], [0.1, 0.2], labels, seed=1)
    with pytest.raises(MethodError, match="MET-BIO-006"):
        bootstrap_scores(["x", "y"], [0.1, 0.2], labels, seed=1)  # type: ignore[list-item]
    with pytest.raises(MethodError, match="MET-BIO-011"):
        bootstrap_scores([0.1], [0.1, 0.2], labels, seed=1)

"""Rates over scores: against plain counting on small sets with ties, and against the definition of each convention."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_conformance.analysis.biometrics import bpcer_at_apcer, det_points, eer, fnmr_at_fmr, score_set
from pytest_conformance.errors import MethodError

scores = st.lists(st.integers(0, 12).map(lambda n: n / 10), min_size=1, max_size=25)
targets = st.integers(0, 100).map(lambda n: f"{n / 100:.2f}")


def counted(mated: list[float], others: list[float], threshold: float) -> tuple[Fraction, Fraction]:
    fmr = Fraction(sum(each >= threshold for each in others), len(others))
    return fmr, Fraction(sum(each < threshold for each in mated), len(mated))


def candidates(*lists: list[float]) -> list[float]:
    return [*sorted({each for every in lists for each in every}), math.inf]


@given(scores, scores)
def test_every_observed_score_is_a_point_with_its_counted_rates(mated: list[float], others: list[float]) -> None:
    rows = det_points(mated, others).rows()
    assert [row[0] for row in rows] == candidates(mated, others)[:-1]
    for threshold, fmr, fnmr in rows:
        assert (fmr, fnmr) == tuple(float(each) for each in counted(mated, others, threshold))


@given(scores, scores, targets)
def test_fnmr_at_fmr_is_the_best_of_all_thresholds(mated: list[float], others: list[float], target: str) -> None:
    allowed = [t for t in candidates(mated, others) if counted(mated, others, t)[0] <= Fraction(target)]
    found = fnmr_at_fmr(mated, others, target)
    best = min(counted(mated, others, t)[1] for t in allowed)
    assert found.fnmr == float(best)
    assert found.threshold == min(t for t in allowed if counted(mated, others, t)[1] == best)


@given(scores, scores)
def test_both_eer_conventions_follow_their_definition(mated: list[float], others: list[float]) -> None:
    points = [counted(mated, others, t) for t in candidates(mated, others)]
    crossing = next(i for i, (fmr, fnmr) in enumerate(points) if fmr <= fnmr)
    pair = [points[crossing]] if points[crossing][0] == points[crossing][1] else points[crossing - 1 : crossing + 1]
    assert eer(mated, others).eer == pytest.approx(float(min(sum(each) for each in pair) / 2))
    gap = min(abs(fmr - fnmr) for fmr, fnmr in points)
    nearest = {float(sum(each) / 2) for each in points if abs(each[0] - each[1]) == gap}
    assert any(eer(mated, others, "closest").eer == pytest.approx(each) for each in nearest)


def test_the_eer_names_its_convention_and_refuses_an_unknown_one() -> None:
    assert eer([0.9], [0.1]).convention == "range-midpoint"
    with pytest.raises(MethodError, match="MET-BIO-005"):
        eer([0.9], [0.1], "interpolated")  # type: ignore[arg-type]


def test_a_target_on_a_step_is_met_exactly() -> None:
    others = [index / 100 for index in range(100)]
    assert fnmr_at_fmr([0.5], others, "0.29").fmr == 0.29
    assert fnmr_at_fmr([0.5], others, 0.57).fmr == 0.57


def test_when_only_rejecting_everybody_meets_the_target_the_threshold_is_infinite() -> None:
    found = fnmr_at_fmr([0.1, 0.2], [0.9], 0)
    assert (found.threshold, found.fmr, found.fnmr) == (math.inf, 0.0, 1.0)


@settings(max_examples=60)
@given(scores, st.lists(scores, min_size=1, max_size=3), targets)
def test_bpcer_is_the_best_that_holds_every_species_within_the_target(
    bona_fide: list[float], attacks: list[list[float]], target: str
) -> None:
    species = {str(index): each for index, each in enumerate(attacks)}

    def worst(threshold: float) -> Fraction:
        return max(counted(bona_fide, each, threshold)[0] for each in attacks)

    allowed = [t for t in candidates(bona_fide, *attacks) if worst(t) <= Fraction(target)]
    best = min(counted(bona_fide, attacks[0], t)[1] for t in allowed)
    found = bpcer_at_apcer(bona_fide, species, target)
    assert found.bpcer == float(best)
    assert found.apcer_max == float(worst(found.threshold)) == max(found.apcer.values())
    assert found.threshold in allowed


def test_a_curve_for_a_picture_is_a_part_of_the_points_and_has_both_ends() -> None:
    generator = np.random.default_rng(5)
    made = score_set(generator.normal(1, 1, 3000), generator.normal(-1, 1, 5000))
    all_rows, few = set(made.det_points().rows()), made.det_curve(50)
    assert 2 < len(few.thresholds) <= 50
    assert set(few.rows()) <= all_rows | {(math.inf, 0.0, 1.0)}
    assert few.fmr[0] == 1.0
    assert few.fmr[-1] == 0.0
    assert bool(np.all(np.diff(few.fmr) <= 0))
    assert made.fnmr_at_fmr("0.01").fnmr == made.at(made.fnmr_at_fmr("0.01").threshold).fnmr


@pytest.mark.parametrize(
    ("mated", "others"),
    [
        ([], [0.1]),
        ([0.1], []),
        (["NaN"], [0.1]),
        ([0.2, float("nan")], [0.1]),
        ([0.2], [0.1, float("inf")]),
        ([0.2], [-float("inf")]),
        (["high"], [0.1]),
        ([None], [0.1]),
        ([[0.1]], [0.1]),
        (0.5, [0.1]),
    ],
)
def test_scores_that_are_none_are_refused(mated: Any, others: Any) -> None:
    with pytest.raises(MethodError) as caught:
        det_points(mated, others)
    assert caught.value.code == "MET-BIO-006"


def test_a_nan_is_counted_and_the_reader_told_what_to_do() -> None:
    with pytest.raises(MethodError, match=r"1 of 3 .* are NaN.*failure to acquire"):
        fnmr_at_fmr([0.1, float("nan"), 0.3], [0.1], 0.1)


def test_attacks_without_species_or_scores_are_refused() -> None:
    with pytest.raises(MethodError, match="MET-BIO-007"):
        bpcer_at_apcer([0.9], {}, 0.1)
    with pytest.raises(MethodError, match=r"MET-BIO-006.*'mask'"):
        bpcer_at_apcer([0.9], {"mask": []}, 0.1)

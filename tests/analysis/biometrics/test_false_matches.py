"""The two extreme cases of the FMR: the rule of three over all comparisons, and over disjoint pairs only."""

from __future__ import annotations

import pytest

from pytest_conformance.analysis.biometrics import fmr_extreme_cases, zero_failure_bound
from pytest_conformance.errors import MethodError


def test_without_a_false_match_the_extremes_are_zero_failure_bounds() -> None:
    found = fmr_extreme_cases(0, 174, ordered_pairs=True)
    assert (found.comparisons, found.independent_pairs, found.fmr) == (30102, 87, 0.0)
    assert found.independent_upper == pytest.approx(zero_failure_bound(30102))
    assert found.independent_upper < 0.0001
    assert found.dependent_upper == pytest.approx(zero_failure_bound(87))


def test_both_extremes_hold_the_observed_rate_and_keep_their_order() -> None:
    found = fmr_extreme_cases(40, 50, 4)
    assert found.fmr < found.independent_upper < found.dependent_upper < 1


def test_everything_matching_bounds_nothing() -> None:
    found = fmr_extreme_cases(3, 3)
    assert (found.independent_upper, found.dependent_upper) == (1.0, 1.0)


def test_more_false_matches_than_comparisons_are_refused() -> None:
    with pytest.raises(MethodError, match="MET-BIO-002"):
        fmr_extreme_cases(4, 3)

"""Decision times against a limit: the bound of the 95th percentile counts, where there are enough trials for one."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.latency_judging import require_timely
from pytest_conformance.running.judging import Judgement, LimitExceededError
from pytest_conformance.verdicts import DecisionRule
from tests.procedures.test_decision_latency import NEEDED, observe


def judged(seconds: list[float | None], limit: float, rule: str = "simple") -> Judgement:
    judgement = Judgement(DecisionRule(rule))
    require_timely(observe(seconds, limit), limit, judgement)
    return judgement


def test_one_slow_trial_in_the_smallest_plan_is_a_finding_although_the_median_is_quick() -> None:
    with pytest.raises(LimitExceededError, match=r"upper bound of the 95th percentile is 1\.225 s"):
        judged([0.5] * (NEEDED - 1) + [1.2], 1.0)


def test_bound_and_median_are_measured_each_with_its_uncertainty() -> None:
    bound, median = judged([0.5 + number / 1000 for number in range(NEEDED)], 1.0).measurements
    assert (bound.name, median.name) == (
        "decision time by face, upper bound of the 95th percentile",
        "median decision time by face",
    )
    assert bound.value > median.value
    assert (bound.n, median.n) == (NEEDED, NEEDED)
    assert 0 < (bound.uncertainty or 0) < (median.uncertainty or 0)


def test_a_bound_within_the_uncertainty_of_the_limit_is_not_decided_by_a_guarded_rule() -> None:
    seconds: Any = [0.5] * NEEDED
    assert judged(seconds, 0.530, "guarded").verdict.name == "PASS"
    with pytest.raises(MethodError) as caught:
        judged(seconds, 0.527, "guarded")
    assert caught.value.code == "MET-LIM-001"


def test_few_trials_are_judged_by_their_median_alone() -> None:
    (median,) = judged([0.5] * 5 + [3.0], 1.0).measurements
    assert (median.name, median.n) == ("median decision time by face", 6)
    with pytest.raises(LimitExceededError, match="median"):
        judged([1.5] * 5, 1.0)


def test_a_presentation_without_an_answer_is_slower_than_any_bound() -> None:
    with pytest.raises(AssertionError, match="1 of 59 presentations of the enrolled face opened nothing"):
        judged([0.5] * (NEEDED - 1) + [None], 1.0)

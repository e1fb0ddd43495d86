"""Counting plans: a curtailed run ends with the verdict of the plan as written, for every sequence of outcomes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_conformance.analysis.biometrics import samples_for_quantile_claim, zero_failure_sample_size
from pytest_conformance.analysis.biometrics.counting import (
    ArtefactPlan,
    CountPlan,
    Decision,
    FixedPlan,
    QuantilePlan,
    Tally,
    run,
    run_in_full,
    sequential_pad_plan,
    sequential_pad_plan_pass_probability,
    zero_failure_plan,
)
from pytest_conformance.errors import MethodError

SMALL: list[CountPlan] = [FixedPlan(1), FixedPlan(6, 0), FixedPlan(6, 2), FixedPlan(6, 5), ArtefactPlan(4, 3)]


@pytest.mark.parametrize("plan", SMALL, ids=str)
def test_curtailment_never_changes_a_verdict_and_stops_as_soon_as_none_could(plan: CountPlan) -> None:
    def full(outcomes: tuple[bool, ...]) -> Decision:
        return run_in_full(plan, outcomes).decision

    for outcomes in itertools.product([False, True], repeat=plan.most):
        short = run(plan, outcomes)
        assert short.decision is full(outcomes)
        assert short.used <= run_in_full(plan, outcomes).used
        before = outcomes[: short.used - 1]
        rest = itertools.product([False, True], repeat=plan.most - len(before))
        assert len({full((*before, *after)) for after in rest}) == 2


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))), st.data())
def test_a_fixed_plan_forgives_c_errors_in_n(sizes: tuple[int, int], data: st.DataObject) -> None:
    n, c = sizes
    outcomes = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    verdict = run(FixedPlan(n, c), outcomes).decision
    assert verdict is (Decision.PASS if sum(outcomes) <= c else Decision.FAIL)


def test_a_zero_failure_plan_needs_all_its_clean_trials_and_fails_at_once() -> None:
    plan = zero_failure_plan("0.07")
    assert plan == FixedPlan(zero_failure_sample_size("0.07"), 0)
    assert run(plan, [False] * 41).decision is Decision.CONTINUE
    assert run(plan, [False] * 42).decision is Decision.PASS
    assert (run(plan, [True]).decision, run(plan, [True]).used) == (Decision.FAIL, 1)


def test_a_decided_plan_takes_no_further_presentation() -> None:
    with pytest.raises(MethodError, match="MET-BIO-021"):
        run(FixedPlan(3), [True]).feed(False)


def test_feeding_makes_a_new_state() -> None:
    state = Tally(FixedPlan(3, 1))
    assert state.feed(True) == Tally(FixedPlan(3, 1), 1, 1, Decision.CONTINUE)
    assert (state.used, state.errors) == (0, 0)


def test_the_artefact_rule_as_written_asks_for_ten_and_curtailed_for_nine_when_clean() -> None:
    assert run_in_full(ArtefactPlan(), [False] * 10).used == 10
    assert run(ArtefactPlan(), [False] * 10).used == 9
    assert run(ArtefactPlan(), [True] + [False] * 9).used == 10


def test_the_rule_reads_no_further_than_its_decision_and_refuses_other_outcomes() -> None:
    assert sequential_pad_plan([0] * 12).presentations_used == 10
    assert sequential_pad_plan([0] * 4).verdict == "incomplete"
    assert sequential_pad_plan([1, 1, 1, 0, 0]).presentations_used == 3
    with pytest.raises(MethodError, match="MET-BIO-006"):
        sequential_pad_plan([0, 2])


@pytest.mark.parametrize("rate", [0.02, 0.15, 0.5])
def test_the_pass_probability_is_the_sum_over_all_outcomes(rate: float) -> None:
    weights = {True: rate, False: 1 - rate}
    passing = 0.0
    for first in itertools.product([False, True], repeat=10):
        weight = rate ** sum(first) * (1 - rate) ** (10 - sum(first))
        if sum(first) <= 1:
            passing += weight
        elif sum(first) == 2:
            passing += weight * weights[False] ** 10
    found = sequential_pad_plan_pass_probability(rate, 9)
    assert found.pass_one_artefact == pytest.approx(passing)
    assert found.pass_all == pytest.approx(passing**9)


def test_a_quantile_plan_counts_slower_trials_than_its_limit() -> None:
    plan = QuantilePlan(1.0, exceedances=1)
    assert plan.most == samples_for_quantile_claim("0.95", "0.95", 1) == 93
    assert [plan.is_error(each) for each in (0.2, 1.0, 1.0001)] == [False, False, True]
    assert run(plan, [True] + [False] * 92).decision is Decision.PASS
    assert run_in_full(plan, [True, True] + [False] * 91).decision is Decision.FAIL
    for wrong in (-0.1, float("nan"), float("inf")):
        with pytest.raises(MethodError, match="MET-BIO-006"):
            plan.is_error(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: FixedPlan(0),
        lambda: FixedPlan(5, 5),
        lambda: FixedPlan(5, -1),
        lambda: FixedPlan(5.0),  # type: ignore[arg-type]
        lambda: ArtefactPlan(2, 10),
        lambda: ArtefactPlan(10, 0),
        lambda: QuantilePlan(0.0),
        lambda: QuantilePlan(1.0, "1.0"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(wrong: Any) -> None:
    with pytest.raises(MethodError):
        wrong()

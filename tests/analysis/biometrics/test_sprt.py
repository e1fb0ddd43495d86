"""The sequential plan: risks kept exactly, verdicts unchanged by curtailment, plans refused that cannot keep them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pytest_conformance.analysis.biometrics.counting import Decision, run, run_in_full
from pytest_conformance.analysis.biometrics.sprt import SequentialPlan
from pytest_conformance.errors import MethodError

PLAN = SequentialPlan("0.01", "0.15", "0.05", "0.05", 60)


@pytest.mark.parametrize(
    "plan",
    [PLAN, SequentialPlan("0.02", "0.07", "0.1", "0.05", 400), SequentialPlan("0.05", "0.3", "0.05", "0.1", 40)],
    ids=str,
)
def test_the_risks_are_kept_with_truncation(plan: SequentialPlan) -> None:
    good, bad = plan.risks(plan.p0), plan.risks(plan.p1)
    assert 1 - good.pass_probability <= float(plan.alpha)
    assert bad.pass_probability <= float(plan.beta)
    assert good.expected_presentations < plan.most
    assert plan.risks(0).pass_probability == pytest.approx(1.0)
    assert plan.risks(1).pass_probability == 0.0


def test_the_risks_are_those_of_simulated_campaigns() -> None:
    generator = np.random.default_rng(4)
    for rate in (0.03, 0.08):
        runs = [run(PLAN, (generator.random(60) < rate).tolist()) for _ in range(3000)]
        due = PLAN.risks(rate)
        assert np.mean([each.decision is Decision.PASS for each in runs]) == pytest.approx(
            due.pass_probability, abs=0.03
        )
        assert np.mean([each.used for each in runs]) == pytest.approx(due.expected_presentations, rel=0.05)


def test_curtailment_never_changes_a_verdict_and_stops_as_soon_as_none_could() -> None:
    small = SequentialPlan("0.2", "0.5", "0.2", "0.2", 10)
    verdicts = {
        outcomes: run_in_full(small, outcomes).decision
        for outcomes in itertools.product([False, True], repeat=small.most)
    }
    for outcomes in verdicts:
        short, full = run(small, outcomes), run_in_full(small, outcomes)
        assert short.decision is full.decision is not Decision.CONTINUE
        rest = itertools.product([False, True], repeat=small.most - short.used + 1)
        before = outcomes[: short.used - 1]
        assert len({verdicts[(*before, *after)] for after in rest}) == 2


def test_a_good_device_needs_far_fewer_presentations_than_a_fixed_plan() -> None:
    assert run(PLAN, [False] * 60).decision is Decision.PASS
    assert run(PLAN, [False] * 60).used < 30
    assert run(PLAN, [True] * 3).decision is Decision.FAIL


@pytest.mark.parametrize(
    ("p0", "p1", "alpha", "beta", "most"),
    [
        ("0.15", "0.07", "0.05", "0.05", 100),
        ("0", "0.07", "0.05", "0.05", 100),
        ("0.01", "1", "0.05", "0.05", 100),
        ("0.01", "0.07", "0.6", "0.05", 100),
        ("0.01", "0.07", "0.05", "0", 100),
        ("0.01", "0.07", "0.05", "0.05", 20),
    ],
)
def test_a_plan_that_cannot_keep_its_risks_is_refused(p0: str, p1: str, alpha: str, beta: str, most: int) -> None:
    with pytest.raises(MethodError, match="MET-BIO-025"):
        SequentialPlan(p0, p1, alpha, beta, most)

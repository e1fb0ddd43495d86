"""Group I, operator and method: what a person or a plan leaves open is said, never guessed."""

from __future__ import annotations

import pytest

from pytest_conformance.errors import MethodError
from pytest_conformance.running.judging import Judgement, contribution
from pytest_conformance.verdicts import DecisionRule, Limit


@pytest.mark.parametrize(
    ("rule", "value", "verdict"),
    [
        (DecisionRule.SIMPLE, 1.95, "PASS"),
        (DecisionRule.GUARDED, 1.95, "INCONCLUSIVE"),
        (DecisionRule.CONDITIONAL, 1.95, "CONDITIONAL_PASS"),
        (DecisionRule.CONDITIONAL, 2.05, "CONDITIONAL_FAIL"),
    ],
)
def test_I11_a_value_inside_the_uncertainty_of_its_limit(rule: DecisionRule, value: float, verdict: str) -> None:
    """A value in the guard band: judged by the agreed rule; limit and uncertainty stand beside it in the record."""
    judgement, found = Judgement(rule), None
    try:
        judgement.require("decision", value, Limit("s", upper=2.0), uncertainty=0.1, n=20)
    except (AssertionError, MethodError) as error:
        found = error
    said = contribution("t", "call", found, judgement)
    assert said is not None
    assert said.verdict.value == verdict
    (measured,) = said.measurements
    assert (measured.value, measured.uncertainty, measured.limit) == (value, 0.1, "<= 2 s")
    assert ("U = 0.1 s" in said.reason) is (verdict != "PASS")

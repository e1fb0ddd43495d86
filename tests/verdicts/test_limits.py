"""Limits and decision rules: where a value with its uncertainty stands against a limit."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_conformance.verdicts import DecisionRule, Limit, Verdict, judge

numbers = st.floats(-1e6, 1e6)
widths = st.floats(0, 1e3)
UPPER = Limit("s", upper=2.0)
BAND = Limit("lx", lower=100.0, upper=1000.0)


@pytest.mark.parametrize(
    ("value", "rule", "verdict"),
    [
        (2.0, DecisionRule.SIMPLE, "PASS"),
        (2.0001, DecisionRule.SIMPLE, "FAIL"),
        (1.89, DecisionRule.GUARDED, "PASS"),
        (1.95, DecisionRule.GUARDED, "INCONCLUSIVE"),
        (2.05, DecisionRule.GUARDED, "INCONCLUSIVE"),
        (2.11, DecisionRule.GUARDED, "FAIL"),
        (1.89, DecisionRule.CONDITIONAL, "PASS"),
        (1.95, DecisionRule.CONDITIONAL, "CONDITIONAL_PASS"),
        (2.0, DecisionRule.CONDITIONAL, "CONDITIONAL_PASS"),
        (2.05, DecisionRule.CONDITIONAL, "CONDITIONAL_FAIL"),
        (2.11, DecisionRule.CONDITIONAL, "FAIL"),
    ],
)
def test_a_value_near_an_upper_limit(value: float, rule: DecisionRule, verdict: str) -> None:
    assert judge(value, 0.1, UPPER, rule).value == verdict


@pytest.mark.parametrize(("value", "verdict"), [(99.9, "FAIL"), (100.0, "PASS"), (1000.0, "PASS"), (1000.1, "FAIL")])
def test_both_sides_of_a_range_count(value: float, verdict: str) -> None:
    assert judge(value, 5.0, BAND, DecisionRule.SIMPLE).value == verdict


@given(numbers, widths)
def test_without_uncertainty_all_rules_agree(value: float, width: float) -> None:
    limit = Limit("V", -width, width)
    simple, guarded, conditional = (judge(value, 0.0, limit, rule) for rule in DecisionRule)
    assert simple is guarded
    assert simple is conditional


@given(numbers, widths, numbers)
def test_a_guarded_pass_or_fail_is_also_the_simple_one(value: float, uncertainty: float, upper: float) -> None:
    limit = Limit("V", upper=upper)
    guarded = judge(value, uncertainty, limit, DecisionRule.GUARDED)
    assume(guarded is not Verdict.INCONCLUSIVE)
    assert guarded is judge(value, uncertainty, limit, DecisionRule.SIMPLE)


@given(numbers, widths, numbers)
def test_conditional_verdicts_are_exactly_the_undecided_ones(value: float, uncertainty: float, upper: float) -> None:
    limit = Limit("V", upper=upper)
    guarded = judge(value, uncertainty, limit, DecisionRule.GUARDED)
    conditional = judge(value, uncertainty, limit, DecisionRule.CONDITIONAL)
    if guarded is Verdict.INCONCLUSIVE:
        inside = value <= upper
        assert conditional is (Verdict.CONDITIONAL_PASS if inside else Verdict.CONDITIONAL_FAIL)
    else:
        assert conditional is guarded


@given(numbers, numbers, widths, st.sampled_from(DecisionRule))
def test_a_larger_value_is_never_judged_better_by_an_upper_limit(
    value: float, other: float, uncertainty: float, rule: DecisionRule
) -> None:
    low, high = sorted((value, other))
    limit = Limit("s", upper=1.0)
    assert judge(high, uncertainty, limit, rule).gravity >= judge(low, uncertainty, limit, rule).gravity


@pytest.mark.parametrize(
    ("value", "uncertainty"), [(math.nan, 0.1), (math.inf, 0.1), (1.0, math.nan), (1.0, math.inf), (1.0, -0.1)]
)
@pytest.mark.parametrize("rule", DecisionRule)
def test_what_is_no_measurement_never_meets_a_limit(value: float, uncertainty: float, rule: DecisionRule) -> None:
    with pytest.raises(ValueError, match="not a measurement"):
        judge(value, uncertainty, UPPER, rule)


@pytest.mark.parametrize(
    ("lower", "upper"), [(math.nan, 1.0), (0.0, math.nan), (2.0, 1.0), (-math.inf, math.inf), (math.inf, math.inf)]
)
def test_a_limit_that_limits_nothing_is_refused(lower: float, upper: float) -> None:
    with pytest.raises(ValueError, match="limit"):
        Limit("s", lower, upper)


def test_a_limit_reads_like_its_rule() -> None:
    assert str(UPPER) == "<= 2 s"
    assert str(Limit("%", lower=99.5)) == ">= 99.5 %"
    assert str(BAND) == "100 to 1000 lx"

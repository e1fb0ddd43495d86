"""Decision times: the budget recomputes, the correction corrects, void trials are told, the bound is judged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pytest_conformance.analysis.latency import (
    Budget,
    Component,
    TimedTrial,
    budget,
    check_drift,
    checked,
    latency_verdict,
    observed,
    rectangular,
    summarise,
    triangular,
)
from pytest_conformance.errors import CalibrationError, MethodError
from pytest_conformance.verdicts import DecisionRule, Verdict

MS = 1_000_000
CHAIN = budget([Component("flip to photodiode", -0.012, 0.001), rectangular("half a frame", 0.002)])


def trials(milliseconds: Any, start: int = 5_000_000_000) -> list[TimedTrial]:
    return [TimedTrial(str(i), start, start + round(each * MS)) for i, each in enumerate(milliseconds)]


def test_a_budget_recomputes_by_hand() -> None:
    parts = [Component("a", -0.010, 0.003), rectangular("b", 0.006), triangular("c", 0.006, 0.001)]
    found = budget(parts)
    assert found.correction_s == pytest.approx(-0.009)
    assert found.combined_s == pytest.approx(math.sqrt(0.003**2 + 0.006**2 / 3 + 0.006**2 / 6))
    assert found.coverage_factor == pytest.approx(2.0, abs=1e-4)
    assert found.expanded_s == pytest.approx(2 * found.combined_s, rel=1e-4)


def test_few_readings_widen_the_coverage_factor() -> None:
    found = budget([Component("a", 0.0, 0.002, "A", "observed", 4), Component("b", 0.0, 0.001)])
    assert found.degrees_of_freedom == pytest.approx((0.002**2 + 0.001**2) ** 2 / (0.002**4 / 4))
    assert 2.3 < found.coverage_factor < 2.7
    alone = budget([Component("a", 0.0, 0.002, "A", "observed", 1)])
    assert alone.coverage_factor > 12


def test_repeated_readings_of_a_delay_correct_by_minus_their_mean() -> None:
    found = observed("echo", [0.011, 0.012, 0.013])
    assert (found.correction_s, found.kind, found.degrees_of_freedom) == (pytest.approx(-0.012), "A", 2)
    assert found.uncertainty_s == pytest.approx(0.001 / math.sqrt(3))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Component("a", math.nan, 0.001),
        lambda: Component("a", 0.0, -0.001),
        lambda: Component("a", 0.0, 0.001, degrees_of_freedom=0.5),
        lambda: observed("a", [0.01]),
        lambda: observed("a", [0.01, math.inf]),
        lambda: budget([]),
        lambda: budget([Component("a", 0, 0.001), Component("a", 0, 0.001)]),
    ],
)
def test_a_budget_that_cannot_be_is_refused(wrong: Any) -> None:
    with pytest.raises(MethodError, match=r"MET-LAT-00[12]"):
        wrong()


def test_a_chain_that_is_known_perfectly_has_no_uncertainty() -> None:
    assert budget([Component("exact", -0.1, 0.0)]).expanded_s == 0.0


def test_the_chain_is_taken_off_every_time() -> None:
    found = summarise(trials(range(101, 201)), CHAIN)
    assert (found.n, found.unanswered, found.void) == (100, 0, ())
    assert (found.minimum, found.maximum) == (pytest.approx(0.089), pytest.approx(0.188))
    assert found.median == pytest.approx(0.1385)
    assert found.p95 == pytest.approx(0.183)
    assert (found.bound.order, found.bound.value) == (99, pytest.approx(0.187))
    assert found.median_uncertainty_s > CHAIN.expanded_s


@pytest.mark.parametrize("true_s", [0.0, 0.1, 0.5, 1.0])
def test_a_known_delay_is_found_within_the_stated_uncertainty(true_s: float) -> None:
    hits, runs = 0, 300
    generator = np.random.default_rng(int(true_s * 1000))
    for _ in range(runs):
        calibration = observed("loop", generator.normal(0.012, 0.0008, 25))
        chain = budget([calibration, rectangular("resolution", 0.0005)])
        raw = (true_s + 0.012 + generator.normal(0, 0.0008, 60) + generator.uniform(-0.0005, 0.0005)) * 1000
        found = summarise(trials(raw), chain)
        assert found.median_uncertainty_s <= 0.005
        hits += abs(found.median - true_s) <= found.median_uncertainty_s
    assert hits / runs >= 0.945


def test_C06_an_answer_before_the_stimulus_is_void_with_its_reason() -> None:
    early = TimedTrial("early", 10 * MS, 9 * MS)
    stepped = TimedTrial("stepped", 0, 50 * MS, 0, 3_650 * MS)
    steady = TimedTrial("steady", 0, 50 * MS, 7, 51 * MS)
    assert checked(early).void == "the answer came 1.000 ms before the stimulus"
    assert checked(stepped).void == "a clock stepped by 3600.000 ms during the trial"
    assert checked(steady).void == ""
    found = summarise([*trials([100] * 60), early, stepped, TimedTrial("dark", 0, MS, void="3 lx")], CHAIN)
    assert found.n == 60
    assert [each for each, _ in found.void] == ["early", "stepped", "dark"]


def test_a_trial_without_an_answer_is_slow_and_never_void() -> None:
    silent = [TimedTrial("s1", 0, None), TimedTrial("s2", 0, None)]
    few = summarise([*trials([100] * 57), *silent], CHAIN)
    assert (few.unanswered, few.bound.value, few.maximum) == (2, math.inf, math.inf)
    assert latency_verdict(few, 1.0, DecisionRule.SIMPLE) is Verdict.FAIL
    many = summarise([*trials([100] * 200), *silent], CHAIN)
    assert math.isfinite(many.bound.value)
    assert latency_verdict(many, 1.0, DecisionRule.SIMPLE) is Verdict.PASS


def test_too_few_trials_are_refused_rather_than_judged() -> None:
    with pytest.raises(MethodError, match=r"MET-BIO-012.*at least 59"):
        summarise(trials([100] * 58), CHAIN)


@pytest.mark.parametrize(
    ("recorded", "code"),
    [
        ([*trials([100] * 60), TimedTrial("0", 0, MS)], "MET-LAT-003"),
        ([], "MET-LAT-004"),
        ([TimedTrial("0", MS, 0)], "MET-LAT-004"),
        (trials([5] * 60), "MET-LAT-005"),
    ],
)
def test_records_that_give_no_time_are_refused(recorded: list[TimedTrial], code: str) -> None:
    with pytest.raises(MethodError) as caught:
        summarise(recorded, CHAIN)
    assert caught.value.code == code


def test_times_near_zero_keep_the_jitter_of_the_chain() -> None:
    found = summarise(trials([11, 13] * 30), CHAIN)
    assert (found.minimum, found.median) == (pytest.approx(-0.001), pytest.approx(0.0, abs=1e-9))


@pytest.mark.parametrize(
    ("limit", "simple", "guarded", "conditional"),
    [
        (0.095, Verdict.PASS, Verdict.PASS, Verdict.PASS),
        (0.090, Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.CONDITIONAL_PASS),
        (0.086, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.CONDITIONAL_FAIL),
        (0.080, Verdict.FAIL, Verdict.FAIL, Verdict.FAIL),
    ],
)
def test_the_bound_is_judged_by_the_declared_rule(
    limit: float, simple: Verdict, guarded: Verdict, conditional: Verdict
) -> None:
    summary = summarise(trials([40, 100] * 30), CHAIN)
    assert summary.bound.value == pytest.approx(0.088)
    assert 0.003 < CHAIN.expanded_s < 0.0035
    rules = (DecisionRule.SIMPLE, DecisionRule.GUARDED, DecisionRule.CONDITIONAL)
    assert [latency_verdict(summary, limit, rule) for rule in rules] == [simple, guarded, conditional]


def test_drift_between_checks_is_corrected_by_half_and_carried_as_uncertainty() -> None:
    opening, closing = Component("loop", -0.012, 0.0002), Component("loop", -0.013, 0.0002)
    found = check_drift(opening, closing, 0.002)
    assert (found.correction_s, found.uncertainty_s) == (pytest.approx(-0.0005), pytest.approx(0.0005 / math.sqrt(3)))
    with pytest.raises(CalibrationError, match=r"BEN-CAL-101.*1\.000 ms"):
        check_drift(opening, closing, 0.0009)


def test_the_budget_lists_its_components_for_the_report() -> None:
    assert isinstance(CHAIN, Budget)
    assert [(each.name, each.kind, each.distribution) for each in CHAIN.components] == [
        ("flip to photodiode", "B", "normal"),
        ("half a frame", "B", "rectangular"),
    ]

"""Judgements over campaigns: ends without a verdict keep their cause, few trials withhold it, a sleeping device too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_conformance.analysis.biometrics.campaigns import (
    CampaignObservation,
    Decided,
    PlanStatement,
    RateRow,
)
from pytest_conformance.analysis.biometrics.intervals import Interval, binomial_interval
from pytest_conformance.errors import AbortedError, ConformanceError, DeviceError, MethodError, SurroundingsError
from pytest_conformance.procedures.campaign_judging import (
    MOST_MISSING,
    impostors,
    missing_trials,
    report_rates,
    require_awake,
    require_claimed,
    require_decided,
    require_declared,
    require_shown,
    require_table,
)
from pytest_conformance.running.judging import Judgement, LimitExceededError
from pytest_conformance.verdicts import DecisionRule

PLAN = PlanStatement(
    "p", "1", "t", "attack", "r", {}, "95 %", "s", "seen", (), 1, "quick 1.0", 8, 12, True, "0" * 64, {}
)
DONE = Decided("decided", "pass", 8, 8, 0, "the rule says pass", "")


def rates(name: str, errors: int, n: int, silent: int = 0, clustered: float | None = None) -> RateRow:
    upper = binomial_interval(errors, n, side="upper").upper if n else None
    two = binomial_interval(errors, n) if n else None
    pair = Interval(0.0, clustered) if clustered is not None else None
    return RateRow(
        name,
        n,
        errors,
        silent,
        0,
        1,
        1,
        errors / n if n else None,
        two,
        upper,
        pair,
        clustered,
        None,
        "",
        "",
        "pass",
        0,
    )


def observed(**changed: Any) -> CampaignObservation:
    base = CampaignObservation(
        PLAN, (), (rates("print", 0, 42), rates("mask", 1, 42)), rates("bona fide", 0, 5), (), DONE
    )
    return replace(base, **changed)


def raised(act: Any) -> ConformanceError:
    with pytest.raises(ConformanceError) as caught:
        act()
    return caught.value


@pytest.mark.parametrize(
    ("end", "kind", "code", "cause"),
    [
        ("aborted", AbortedError, "ABO-CAM-001", "aborted"),
        ("environment", SurroundingsError, "ENV-CAM-001", "environment"),
        ("device", DeviceError, "DUT-CAM-001", "dut"),
        ("maximum", MethodError, "MET-CAM-001", "method"),
    ],
)
def test_a_campaign_without_a_verdict_says_why_with_its_numbers(end: str, kind: type, code: str, cause: str) -> None:
    how = replace(DONE, end=end, verdict="", at_trial=None, used=7, void=5, reason="because")
    open_row = replace(rates("print", 0, 7), missing=35)
    error = raised(lambda: require_decided(observed(decided=how, species=(open_row,))))
    assert (type(error), error.code, error.cause) == (kind, code, cause)
    assert "because; 7 presentations counted, 5 were void" in error.what
    assert ("print: 35 missing" in error.what) == (end == "maximum")


def test_a_verdict_is_the_rules() -> None:
    assert require_decided(observed()) == "pass"
    assert require_decided(observed(decided=replace(DONE, verdict="fail"))) == "fail"


def test_a_device_that_accepts_nobody_proves_nothing() -> None:
    require_awake(observed())
    assert raised(lambda: require_awake(observed(bona_fide=rates("bona fide", 5, 5)))).code == "MET-PAD-002"
    assert raised(lambda: require_awake(observed(bona_fide=None))).code == "MET-PAD-002"
    assert raised(lambda: require_awake(observed(species=(rates("print", 0, 9, silent=9),)))).code == "MET-PAD-003"


def test_a_rate_above_its_limit_is_a_finding_of_the_device() -> None:
    with pytest.raises(AssertionError, match="4 of 42"):
        require_shown(rates("print", 4, 42), "7 %", "95 %", "IAPAR")


@pytest.mark.parametrize(
    ("errors", "n", "declared", "verdicts"),
    [
        (0, 20, 0.05, ("PASS", "INCONCLUSIVE", "CONDITIONAL_PASS")),  # at most 13.9 % at 95 %
        (0, 59, 0.05, ("PASS", "PASS", "PASS")),  # at most 4.95 %
        (0, 58, 0.05, ("PASS", "INCONCLUSIVE", "CONDITIONAL_PASS")),  # at most 5.03 %
        (1, 20, 0.05, ("PASS", "INCONCLUSIVE", "CONDITIONAL_PASS")),  # a rate on the limit
        (2, 20, 0.05, ("FAIL", "INCONCLUSIVE", "CONDITIONAL_FAIL")),  # at least 1.2 %
        (5, 20, 0.05, ("FAIL", "FAIL", "FAIL")),  # at least 8.7 %
    ],
)
def test_a_declared_rate_is_judged_by_the_decision_rule_with_the_way_to_the_bound(
    errors: int, n: int, declared: float, verdicts: tuple[str, ...]
) -> None:
    for rule, expected in zip(("simple", "guarded", "conditional"), verdicts, strict=True):
        judgement = Judgement(DecisionRule(rule))
        said = "PASS"
        try:
            require_declared(rates("impostor", errors, n), declared, "FAR", judgement)
            said = judgement.verdict.name
        except LimitExceededError:
            said = "FAIL"
        except MethodError as error:
            said = "INCONCLUSIVE" if error.code == "MET-LIM-001" else error.code
        assert said == expected, rule
        (measured,) = judgement.measurements
        assert measured.n == n


def test_a_declared_rate_counts_trials_that_cluster_as_fewer() -> None:
    judgement = Judgement(DecisionRule.GUARDED)
    require_declared(rates("impostor", 1, 200), 0.05, "FAR", judgement)
    with pytest.raises(MethodError):
        require_declared(rates("impostor", 1, 200, clustered=0.06), 0.05, "FAR", judgement)
    assert raised(lambda: require_declared(rates("x", 0, 0), 0.05, "FAR", judgement)).code == "MET-CAM-005"
    assert raised(lambda: require_declared(None, 0.05, "FRR", judgement)).code == "MET-CAM-005"


def test_I12_a_limit_is_shown_only_by_enough_trials_and_the_missing_ones_are_counted() -> None:
    require_shown(rates("print", 0, 42), "7 %", "95 %", "IAPAR")
    error = raised(lambda: require_shown(rates("print", 0, 20), "7 %", "95 %", "IAPAR of print"))
    assert (error.code, error.expected) == ("MET-CAM-002", "22 more without an error")
    assert raised(lambda: require_shown(rates("print", 0, 0), "7 %", "95 %", "x")).expected.startswith("42 more")
    assert raised(lambda: require_shown(None, "7 %", "95 %", "FRR")).code == "MET-CAM-005"


def test_trials_that_cluster_show_less() -> None:
    error = raised(lambda: require_shown(rates("print", 3, 150, clustered=0.12), "7 %", "95 %", "IAPAR"))
    assert (error.code, error.expected) == ("MET-CAM-002", "trials that cluster less, of more subjects")
    require_shown(rates("print", 3, 150, clustered=0.065), "7 %", "95 %", "IAPAR")


@pytest.mark.parametrize(
    ("errors", "n", "limit", "missing"), [(0, 0, "7 %", 42), (0, 42, "7 %", 0), (0, 41, "7 %", 1), (1, 42, "7 %", 24)]
)
def test_the_number_of_missing_presentations_is_the_least_that_shows_the_limit(
    errors: int, n: int, limit: str, missing: int
) -> None:
    assert missing_trials(errors, n, limit, "95 %") == missing
    if missing:
        assert binomial_interval(errors, n + missing, side="upper").upper <= 0.07
        assert n + missing == 1 or binomial_interval(errors, n + missing - 1, side="upper").upper > 0.07


def test_a_limit_that_no_test_can_show_is_said_to_need_very_many() -> None:
    assert missing_trials(0, 3, "1/10000000", "95 %") == MOST_MISSING


def test_the_table_needs_a_rate_of_each_species() -> None:
    require_table(observed())
    assert raised(lambda: require_table(observed(species=(rates("print", 0, 0),)))).code == "MET-CAM-004"
    assert raised(lambda: require_table(observed(species=(rates("print", 0, 5, silent=5),)))).code == "MET-CAM-004"


def test_impostors_and_declared_rates_must_be_there() -> None:
    assert impostors(observed(species=(rates("impostor", 0, 9),))).n == 9
    assert raised(lambda: impostors(observed())).code == "MET-CAM-005"
    assert require_claimed(0.01) == 0.01
    assert raised(lambda: require_claimed(None)).code == "MET-CAM-006"


class Told:
    """A judgement that remembers what was reported."""

    def __init__(self) -> None:
        self.rows: dict[str, float] = {}

    def report(self, name: str, value: float, unit: str, *, n: int = 0) -> None:
        self.rows[name] = value


def test_a_device_seen_from_outside_has_iapar_far_and_frr_and_never_apcer() -> None:
    told = Told()
    report_rates(observed(species=(rates("print", 0, 42, clustered=0.3), rates("impostor", 0, 9))), told)
    assert {"IAPAR of print", "FAR", "FRR"} <= set(told.rows)
    assert not [name for name in told.rows if "APCER" in name]
    assert told.rows["IAPAR of print: upper 95 % bound, independent trials"] == pytest.approx(0.0688, abs=1e-3)
    assert 0.3 in told.rows.values()

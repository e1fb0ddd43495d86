"""Rates of a campaign's rows: what counts, intervals with and without clusters, rules in words, early stops."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_conformance.analysis.biometrics.campaign_tables import decided, one_rule, rate_row
from pytest_conformance.analysis.biometrics.campaigns import Conditions, RateRow, TrialRow, Void
from pytest_conformance.analysis.biometrics.clusters import effective_interval, two_way_interval
from pytest_conformance.analysis.biometrics.counting import ArtefactPlan, FixedPlan, QuantilePlan, Tally, run
from pytest_conformance.analysis.biometrics.intervals import binomial_interval
from pytest_conformance.analysis.biometrics.plans import Campaign, CampaignPlan, per_species_plan, run_campaign
from pytest_conformance.analysis.biometrics.sprt import SequentialPlan


def trial(
    number: int, subject: str = "S1", artefact: str = "A1", outcome: str = "rejected", void: Void = ""
) -> TrialRow:
    said = Conditions()
    return TrialRow(  # type: ignore[arg-type]
        number, 1, ("print",), subject, artefact, "", "print", False, outcome, void, "", said, None, None, 0, 1
    )


def row(trials: Sequence[TrialRow], tallies: Sequence[tuple[FixedPlan, Tally | None]] = ()) -> RateRow:
    error = {each.number: each.outcome == "accepted" for each in trials}
    return rate_row("print", trials, error, confidence="95 %", limit="7 %", tallies=tallies)


def test_void_trials_are_counted_apart_and_in_no_rate() -> None:
    trials = [
        trial(1),
        trial(2, outcome="accepted"),
        trial(3, outcome="none"),
        trial(4, outcome="accepted", void="lockout"),
    ]
    found = row(trials)
    assert (found.n, found.errors, found.non_response, found.void) == (3, 1, 1, 1)
    assert found.rate == pytest.approx(1 / 3)
    exact = binomial_interval(1, 3, "95 %")
    assert found.interval == exact
    assert found.upper == binomial_interval(1, 3, "95 %", side="upper").upper


def test_a_row_without_a_valid_trial_has_no_rate() -> None:
    found = row([trial(1, void="conditions")])
    assert (found.n, found.rate, found.interval, found.upper, found.void) == (0, None, None, None, 1)


def test_trials_of_one_subject_and_artefact_have_no_clustered_interval() -> None:
    found = row([trial(number) for number in range(1, 9)])
    assert (found.clustered, found.clustered_upper) == (None, None)
    assert "independent" in found.clustering


def test_trials_of_several_artefacts_are_clustered_by_them() -> None:
    trials = [trial(n, artefact=f"A{n % 4}", outcome="accepted" if n % 4 == 1 else "rejected") for n in range(40)]
    found = row(trials)
    due = effective_interval([0, 10, 0, 0], [10, 10, 10, 10], "95 %", "upper")
    assert found.clustered_upper == pytest.approx(due.upper)
    assert found.upper is not None
    assert found.clustered_upper > found.upper
    assert found.clustering.startswith("artefact: 4 clusters")


def test_trials_of_several_subjects_and_artefacts_are_clustered_both_ways() -> None:
    trials = [trial(n, f"S{n % 3}", f"A{n % 9}", "accepted" if n % 7 == 1 else "rejected") for n in range(90)]
    outcomes = [each.outcome == "accepted" for each in trials]
    subjects, artefacts = [each.subject for each in trials], [each.artefact for each in trials]
    found = row(trials)
    due = two_way_interval(outcomes, subjects, artefacts, "95 %", "upper")
    assert found.clustered_upper == pytest.approx(due.upper)
    assert (found.subjects, found.artefacts) == (3, 9)


def test_a_row_says_what_its_rule_says_and_how_many_presentations_are_missing() -> None:
    plan = FixedPlan(10, 0)
    trials = [trial(number) for number in range(1, 5)]
    open_row = row(trials, [(plan, run(plan, [False] * 4)), (plan, None)])
    assert (open_row.decision, open_row.missing) == ("continue", 16)
    done = row(trials, [(plan, run(plan, [False] * 10))])
    assert (done.decision, done.missing) == ("pass", 0)
    failed = row(trials, [(plan, run(plan, [True])), (plan, run(plan, [False] * 10))])
    assert failed.decision == "fail"
    assert row(trials).decision == ""


def test_a_verdict_before_the_full_plan_says_that_the_rates_are_biased() -> None:
    plan = per_species_plan({"print": FixedPlan(4, 1)})
    full = run_campaign(plan, [(("print",), each) for each in (True, False, False, False)])
    assert decided(full, "decided", [trial(n) for n in range(1, 5)], "").statement == ""
    early = run_campaign(plan, [(("print",), False)] * 3)
    found = decided(early, "decided", [trial(n) for n in range(1, 4)], "the rule says pass")
    assert (found.verdict, found.at_trial, found.used) == ("pass", 3, 3)
    assert "stopped after 3 of at most 4" in found.statement
    assert "biased" in found.statement


@pytest.mark.parametrize("end", ["maximum", "environment", "device", "bench", "aborted"])
def test_an_end_other_than_by_the_rule_is_no_verdict(end: str) -> None:
    passed = run_campaign(per_species_plan({"print": FixedPlan(2)}), [(("print",), False)] * 2)
    found = decided(passed, end, [trial(1), trial(2)], "")  # type: ignore[arg-type]
    assert (found.verdict, found.at_trial, found.statement) == ("", None, "")


def test_rules_are_told_in_words_with_their_risks() -> None:
    words, risks = one_rule(CampaignPlan({("a",): SequentialPlan("1 %", "15 %", "5 %", "5 %", 60)}))
    assert "1 % (passes) against 15 % (fails), alpha 5 %, beta 5 %" in words
    assert risks == {"p0": "1 %", "p1": "15 %", "alpha": "5 %", "beta": "5 %", "n": "60"}
    assert "a third error fails" in one_rule(CampaignPlan({("a",): ArtefactPlan()}))[0]
    assert "59 timed trials" in one_rule(CampaignPlan({("a",): QuantilePlan(1.0)}))[0]
    words, risks = one_rule(CampaignPlan({("genuine",): FixedPlan(20, 1), ("impostor",): FixedPlan(30)}))
    assert words.startswith("genuine: 20 presentations")
    assert (risks["n (genuine)"], risks["n (impostor)"]) == ("20", "30")


def test_a_campaign_that_has_not_begun_has_no_verdict() -> None:
    state = Campaign(per_species_plan({"print": FixedPlan(2)}))
    assert decided(state, "aborted", [], "stopped").used == 0

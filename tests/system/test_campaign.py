"""A campaign from the command line, on the bench whose lock has a stated truth: sealed, journalled, judged."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.resources import shipped

Conduct = Callable[..., Any]
PLAN = """\
schema: conformance-plan/1
name: short
version: "1"
title: a short plan
kind: attack
cells: species
rules: {attack: {kind: fixed, n: 6, c: 2}}
bona_fide_every: 6
stop_at_failure: false
conditions: {lux: {lower: 100 lx, upper: 1000 lx}}
limits: [{name: IAPAR, value: 15 %, text_status: unsure, source: this test}]
source: this test
text_status: unsure
"""
SUITE = """
from pytest_conformance.procedures.campaign_judging import report_rates, require_awake, require_decided

@clause("CN-LOCK-GB-B")
def test_attacks(campaign, recogniser, judgement, run):
    seen = campaign.run("short", recogniser)
    run.observation("short", seen)
    report_rates(seen, judgement)
    failed = [row.name for row in seen.species if row.decision == "fail"]
    assert require_decided(seen) == "pass", f"accepted: {', '.join(failed)}"
    require_awake(seen)
"""


@pytest.fixture(scope="module")
def ran(conduct_once: Conduct, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("bench")
    text = (shipped("benches") / "mock-campaign.yaml").read_text()
    assert "mask-latex: 5 %" in text
    text = text.replace("mask-latex: 5 %", "mask-latex: 95 %").replace("rejects: 2 %", "rejects: 0 %")
    text = text.replace("correlation: 5 %", "correlation: 0 %")
    (folder / "truth.yaml").write_text(text)
    (Path(folder) / "short.yaml").write_text(PLAN)
    source = SUITE.replace('"short", recogniser', f'"{folder / "short.yaml"}", recogniser')
    return conduct_once(source, "--profile=quick", bench=str(folder / "truth.yaml"))


def test_the_species_that_succeeds_fails_the_clause_and_no_other_does(ran: Any) -> None:
    row = ran.clauses["CN-LOCK-GB-B"]
    assert (ran.code, row["verdict"], row["cause"]) == (1, "FAIL", "dut"), ran.out
    assert "accepted: mask-latex" in row["reason"]
    names = {each["name"] for each in row["measurements"]}
    assert {"IAPAR of mask-latex", "IAPAR of print-matt", "FRR"} <= names
    assert not [name for name in names if "APCER" in name]


def test_the_plan_stands_before_the_first_trial_and_every_trial_in_the_journal(ran: Any) -> None:
    kinds = [event.type for event in ran.events if event.type in ("campaign", "trial")]
    assert (kinds[0], kinds[-1]) == ("campaign", "campaign")
    trials = [event.data for event in ran.of_type("trial")]
    assert [each["number"] for each in trials] == list(range(1, len(trials) + 1))
    assert all(each["conditions"]["lux"] == 300.0 for each in trials)
    (observed,) = (event for event in ran.of_type("observation") if event.data["name"] == "short")
    assert observed.data["kind"].endswith(":CampaignObservation")


def test_the_trials_are_kept_as_a_table_and_are_no_steps(ran: Any) -> None:
    (table,) = (event.data for event in ran.of_type("evidence") if event.data["media_type"] == "text/csv")
    rows = list(csv.DictReader((ran.folder / table["file"]).read_text().splitlines()))
    trials = [event.data for event in ran.of_type("trial")]
    assert [(row["number"], row["outcome"], row["lux"]) for row in rows] == [
        (str(each["number"]), each["outcome"], "300.0") for each in trials
    ]
    assert len(ran.of_type("step")) < len(trials)


def test_attacks_and_genuine_presentations_alternate_and_no_lock_out_is_a_rejection(ran: Any) -> None:
    trials = [event.data for event in ran.of_type("trial")]
    assert 5 <= sum(each["bona_fide"] for each in trials) <= 12
    assert {each["outcome"] for each in trials if each["bona_fide"]} == {"accepted"}
    assert not [each for each in trials if each["void"]]
    assert {each["species"] for each in trials if each["outcome"] == "accepted" and not each["bona_fide"]} <= {
        "mask-latex",
        "mask-silicone",
        "mask-resin",
        "cut-card",
        "cut-paper",
        "print-bent",
        "print-glossy",
    }

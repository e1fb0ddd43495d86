"""What the journal alone tells of a run."""

from __future__ import annotations

from pathlib import Path

from pytest_conformance.record import PlannedClause, Run, read_journal
from pytest_conformance.reports import read_record
from pytest_conformance.reports.reading import record_of
from pytest_conformance.verdicts import Cause, Contribution, Verdict


def _verdicts(run: Run) -> dict[str, str]:
    return {each.id: each.verdict for each in read_record(run.folder).clauses}


def test_the_head_is_the_root_that_the_run_wrote(run: Run) -> None:
    record = read_record(run.folder)

    assert f'"head": "{record.head}"' in (run.folder / "journal.root").read_text()
    assert (record.trials, record.void) == (2, 1)
    assert record.header["partial"] is False
    assert record.device["kind"] == "lock"
    assert "firmware" in record.device


def test_a05_a_run_that_was_killed_is_partial_and_keeps_what_was_judged(run: Run) -> None:
    events = read_journal(run.folder / "journal.jsonl")

    record = record_of(run.folder, events[:-3])

    said = {each.id: each.verdict for each in record.clauses}
    assert record.header["partial"] is True
    assert record.exit_code is None
    assert said["A-1"] == "FAIL"
    assert said["A-2"] == "PASS"
    assert said["B-1"] == "NOT_TESTED"


def test_a_clause_only_gets_worse(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {})
    run.plan([PlannedClause("A-1", "A", True)], documents={})
    for verdict in (Verdict.FAIL, Verdict.PASS, Verdict.INCONCLUSIVE):
        run.verdict(["A-1"], Contribution(verdict, verdict.value, Cause.DUT, verdict.value))

    (clause,) = read_record(run.folder).clauses
    assert (clause.verdict, clause.reason) == ("FAIL", "FAIL")
    assert clause.tests == ("FAIL", "PASS", "INCONCLUSIVE")


def test_a_test_of_its_own_outweighs_a_derivation(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {})
    run.plan([PlannedClause("A-1", "A", True, evidence_level="measured")], documents={})
    run.verdict(["A-1"], Contribution(Verdict.FAIL, "", Cause.DUT), derived_from=["B-1"])
    run.verdict(["A-1"], Contribution(Verdict.PASS, "t"))

    (clause,) = read_record(run.folder).clauses
    assert (clause.verdict, clause.evidence_level) == ("PASS", "measured")


def test_plans_of_several_workers_add_up(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {})
    run.plan([PlannedClause("A-1", "A", True, tests=("t1",))], documents={"A": {"title": "a"}})
    Run.join(run.folder).plan([PlannedClause("A-1", "A", True, tests=("t2",))], documents={"B": {"title": "b"}})

    record = read_record(run.folder)
    assert record.clauses[0].tests == ("t1", "t2")
    assert set(record.documents) == {"A", "B"}


def test_a_declaration_that_was_contradicted_is_planned_again(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {})
    run.plan([PlannedClause("A-1", "A", False, "no cloud")], documents={})
    run.verdict(["A-1"], Contribution(Verdict.FAIL, "t", Cause.DUT, "a cloud was seen"))
    assert _verdicts(run) == {"A-1": "NOT_APPLICABLE"}

    run.plan([PlannedClause("A-1", "A", True)], documents={})
    assert _verdicts(run) == {"A-1": "FAIL"}


def test_a_safe_state_that_was_not_reached_is_noted(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {})
    run.event("safe-state", {"reached": False, "reason": "supply does not answer"})

    assert read_record(run.folder).notes == ["safe state was not reached: supply does not answer"]

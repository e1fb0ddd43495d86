"""`conformance amend`: old and new value, person, time and reason stay; what follows is judged again (case I07)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.catalogue import load_catalogue
from pytest_conformance.cli import main
from pytest_conformance.record import PlannedClause, Run, verify_run
from pytest_conformance.record.sequel import read_sequel
from pytest_conformance.reports import build_views, read_record
from pytest_conformance.verdicts import Cause, ClauseVerdict, Contribution, Verdict

SOURCE, BESIDE = "CN-FRT-8.b", "EN303645-5.1-4"
BY = ("--person=Ada", "--reason=the lux meter was not calibrated that day")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run that ended with one failure, on which exact and partial derivations rest."""
    catalogue = load_catalogue()
    run = Run.start(tmp_path / "runs", {"bench": "own", "mode": "lab", "device": {"kind": "lock", "model": "L"}})
    failed = Contribution(Verdict.FAIL, "s/t.py::leak", Cause.DUT, "a face went out")
    derived = catalogue.derive_all({SOURCE: ClauseVerdict(Verdict.FAIL, Cause.DUT, failed.reason, (failed,))})
    rows = [PlannedClause(each, each.partition("-")[0], True, tests=("s/t.py::leak",)) for each in (SOURCE, BESIDE)]
    sources = {each: catalogue.clauses[each].derived_from for each in derived}
    rows += [PlannedClause(each, "D", True, "no-test", derived_from=sources[each]) for each in derived]
    run.plan(rows, documents={})
    run.verdict([SOURCE, BESIDE], failed)
    for clause, verdict in derived.items():
        for said in verdict.contributions:
            run.verdict([clause], said, derived_from=sources[clause])
    run.stop(1)
    build_views(run.folder)
    assert any(each.verdict is Verdict.FAIL for each in derived.values()), "something must follow"
    return run


def verdicts(run: Run) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in json.loads((run.folder / "results.json").read_bytes())["clauses"]}


def test_I07_a_result_corrected_later(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Old, new, person, time and reason are kept, the clause and what follows from it judged again; both are shown."""
    before, journal = verdicts(run), (run.folder / "journal.jsonl").read_bytes()
    followed = {name for name, row in before.items() if row["derived_from"] and row["verdict"] == "FAIL"}
    assert main(["amend", str(run.folder), SOURCE, "--verdict=INCONCLUSIVE", "--cause=bench", *BY, "--json"]) == 0
    changed = {row["clause"] for row in json.loads(capsys.readouterr().out)["changed"]}
    assert changed == {SOURCE, *followed}

    after = verdicts(run)
    assert (after[SOURCE]["verdict"], after[SOURCE]["cause"]) == ("INCONCLUSIVE", "bench")
    assert (after[BESIDE]["verdict"], after[BESIDE]["reason"]) == ("FAIL", "a face went out"), "the other clause stays"
    for name in followed:
        assert after[name]["verdict"] == "INCONCLUSIVE"
        assert "was FAIL: follows from the correction of CN-FRT-8.b" in after[name]["reason"]
    (first, *_) = [each for each in read_sequel(run.folder) if each.type == "amendment"]
    assert first.data["old"] == {"verdict": "FAIL", "cause": "dut", "reason": "a face went out"}
    assert (first.data["person"], first.data["reason"]) == ("Ada", "the lux meter was not calibrated that day")
    said = f"[corrected by Ada on {first.utc}, was FAIL: the lux meter was not calibrated that day]"
    assert after[SOURCE]["reason"] == said
    assert (run.folder / "journal.jsonl").read_bytes() == journal
    assert verify_run(run.folder) == []
    assert "corrected by Ada" in (run.folder / "report.html").read_text("utf-8")
    assert "<failure" in (run.folder / "junit.xml").read_text("utf-8"), "the test still failed on the other clause"
    assert main(["amend", str(run.folder), BESIDE, "--verdict=INCONCLUSIVE", "--cause=bench", *BY]) == 0
    junit = (run.folder / "junit.xml").read_text("utf-8")
    assert "corrected by Ada" in junit
    assert "<failure" not in junit


def test_a_second_correction_stands_and_the_first_is_still_shown(run: Run) -> None:
    main(["amend", str(run.folder), SOURCE, "--verdict=INCONCLUSIVE", "--cause=bench", *BY])
    main(["amend", str(run.folder), SOURCE, "--verdict=FAIL", "--person=Bo", "--reason=it was calibrated after all"])
    row = verdicts(run)[SOURCE]
    assert (row["verdict"], row["cause"]) == ("FAIL", "dut")
    assert "corrected by Ada" in row["reason"]
    assert "by Bo" in row["reason"]
    assert "was INCONCLUSIVE(bench)" in row["reason"]


def test_a_correction_that_was_changed_afterwards_is_found(run: Run) -> None:
    main(["amend", str(run.folder), SOURCE, "--verdict=PASS", *BY])
    sequel = run.folder / "sequel.jsonl"
    sequel.write_bytes(sequel.read_bytes().replace(b"Ada", b"Eve"))
    assert verify_run(run.folder)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([SOURCE, "--verdict=FAIL", *BY], "USE-AMD-004"),
        (["CN-FRT-6.a", "--verdict=PASS", *BY], "USE-AMD-002"),
        ([SOURCE, "--verdict=PASS", "--test=other", *BY], "USE-AMD-003"),
        ([SOURCE, "--verdict=PASS", "--person= ", "--reason=x"], "USE-AMD-006"),
        ([SOURCE, "--verdict=INCONCLUSIVE", *BY], "USE-AMD-007"),
        ([SOURCE, "--verdict=PASS", "--cause=bench", *BY], "USE-AMD-007"),
    ],
)
def test_what_is_no_correction_is_refused(
    run: Run, given: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["amend", str(run.folder), *given]) == 11
    assert code in capsys.readouterr().err
    assert not (run.folder / "sequel.jsonl").exists()


def test_a_derived_verdict_is_corrected_at_its_source(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    derived = next(row.id for row in read_record(run.folder).clauses if row.derived_from)
    assert main(["amend", str(run.folder), derived, "--verdict=PASS", *BY]) == 11
    assert "follows from other clauses" in capsys.readouterr().err


def test_a_run_that_did_not_end_or_does_not_verify_is_not_corrected(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    open_run = Run.start(tmp_path / "open", {"bench": "own"})
    assert main(["amend", str(open_run.folder), SOURCE, "--verdict=PASS", *BY]) == 11
    assert "USE-AMD-001" in capsys.readouterr().err
    journal = run.folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"a face went out", b"a face went in_"))
    assert main(["amend", str(run.folder), SOURCE, "--verdict=PASS", *BY]) != 0
    assert "BEN-STO-012" in capsys.readouterr().err

"""Group K, the report: views that are missing, edited, huge, in doubt; the record stands whatever becomes of them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.cli import main
from pytest_conformance.record import PlannedClause, Run, verify_run
from pytest_conformance.reports import build_views
from pytest_conformance.verdicts import Cause, Contribution, Verdict


def run_in(folder: Path, *, trials: int = 0, attachments: int = 0, mode: str = "mock") -> Run:
    run = Run.start(folder, {"bench": "b", "mode": mode, "device": {"model": "门锁", "sample": "S1"}})
    clauses = [
        PlannedClause(
            "A-1", "A", True, title="keep it local", text="不得上传", text_status="seen", tests=("s/t.py::one",)
        ),
        PlannedClause("A-2", "A", True, title="nobody judged this", text_status="seen"),
    ]
    run.plan(clauses, documents={"A": {"title": "Measures", "title_zh": "办法", "edition": "2025"}})
    run.test = "s/t.py::one"
    for number in range(trials):
        run.event("trial", {"campaign": "c", "number": number, "outcome": "match"})
        with run.step("Stimulate", f"trial {number}"):
            pass
    for number in range(attachments):
        run.evidence(b"%d" % number, name=f"{number}.txt", media_type="text/plain")
    run.verdict(["A-1"], Contribution(Verdict.FAIL, "s/t.py::one", Cause.DUT, "a face left"))
    run.stop(1)
    return run


def files_of(folder: Path) -> dict[str, bytes]:
    kept = ("journal.jsonl", "journal.root", "evidence/", "attestations/")
    found = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    return {name: file.read_bytes() for name, file in found.items() if not name.startswith(kept)}


def test_K01_without_allure_the_other_views_are_built_and_its_results_can_be_made_later(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    code = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("allure", "allure_commons", "allure_pytest"):
            raise ImportError(name + " is not installed here")
sys.meta_path.insert(0, Blocker())
from pathlib import Path
from pytest_conformance.reports import build_views
built = build_views(Path(sys.argv[1]))
assert set(built.files) == {"results", "report", "junit"}, built.files
assert "allure" in built.failed["allure"], built.failed
"""
    done = subprocess.run([sys.executable, "-c", code, str(run.folder)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert verify_run(run.folder) == []
    assert list(build_views(run.folder).files["allure"].glob("*-result.json"))


def test_K01_a_view_that_crashes_harms_neither_record_nor_other_views(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_in(tmp_path)

    def crash(record: object) -> None:
        raise RuntimeError("renderer")

    monkeypatch.setattr("pytest_conformance.reports.building.write_report", crash)

    built = build_views(run.folder)

    assert built.failed == {"report": "RuntimeError: renderer"}
    assert set(built.files) == {"results", "junit", "allure"}
    assert verify_run(run.folder) == []


def test_K02_views_that_were_deleted_or_edited_come_back_byte_by_byte(tmp_path: Path) -> None:
    run = run_in(tmp_path, trials=3, attachments=3)
    build_views(run.folder)
    first = files_of(run.folder)
    shutil.rmtree(run.folder / "allure-results")
    (run.folder / "results.json").write_text((run.folder / "results.json").read_text().replace("FAIL", "PASS"))
    (run.folder / "junit.xml").unlink()

    build_views(run.folder)

    assert files_of(run.folder) == first
    assert any(name.endswith("-result.json") for name in first)


FULL = bool(os.environ.get("CONFORMANCE_FAULTS"))
"""`make faults` shows the whole numbers of K03; the quick tests numbers that are well beyond all caps."""


def test_K03_many_trials_and_attachments_stay_a_page_that_can_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda fd: None)  # how fast a disk is, is another question
    trials, attachments = (10_000, 5_000) if FULL else (600, 100)
    run = run_in(tmp_path, trials=trials, attachments=attachments)

    built = build_views(run.folder)

    assert built.failed == {}
    assert built.record.trials == trials
    (result,) = (json.loads(file.read_bytes()) for file in built.files["allure"].glob("*-result.json"))
    assert len(result["steps"]) == 200
    assert len(result["attachments"]) <= 60
    assert built.files["report"].stat().st_size < 2_000_000


def test_K04_the_page_asks_for_nothing_from_anywhere(tmp_path: Path) -> None:
    page = build_views(run_in(tmp_path).folder).files["report"].read_text("utf-8")

    assert "default-src 'none'" in page
    assert not re.findall(r"""(?:src|href|action|url)\s*[=(]\s*["']?(?:https?:)?//""", page)
    assert "<script" not in page
    assert "门锁" in page


def test_K07_a_simulated_run_says_so_in_every_view_and_no_option_takes_that_away(tmp_path: Path) -> None:
    mock = build_views(run_in(tmp_path / "mock").folder)
    lab = build_views(run_in(tmp_path / "lab", mode="lab").folder)

    assert "This is no test result of any product" in mock.files["report"].read_text("utf-8")
    assert "This is no test result of any product" not in lab.files["report"].read_text("utf-8")
    assert "no test result of a product" in mock.files["junit"].read_text("ascii")
    assert json.loads(mock.files["results"].read_bytes())["run"]["mode"] == "mock"
    assert "Mode = mock" in (mock.files["allure"] / "environment.properties").read_text("ascii")


def test_K07_judging_a_simulated_run_again_does_not_make_it_a_real_one(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {"mode": "replay", "replay_of": {"run": "r", "mode": "mock"}})
    run.stop(0)

    assert "This is no test result of any product" in build_views(run.folder).files["report"].read_text("utf-8")


def test_K10_a_clause_that_never_ran_is_listed_as_not_tested(tmp_path: Path) -> None:
    built = build_views(run_in(tmp_path).folder)

    rows = {row["id"]: row for row in json.loads(built.files["results"].read_bytes())["clauses"]}
    assert (rows["A-2"]["verdict"], rows["A-2"]["reason"]) == ("NOT_TESTED", "no-test")
    assert "A-2" in built.files["report"].read_text("utf-8")


def test_K11_a_report_that_another_version_would_make_with_other_numbers(
    conduct: Callable[..., Any], bench_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Made again, the report says the same, after a correction too; a version that reads other verdicts out of the
    record is refused, BEN-STO-015, and the report that is there stays."""
    from pytest_conformance.reports import reading
    from pytest_conformance.verdicts import ClauseVerdict

    source = "\n@clause('CN-FRT-8.a')\ndef test_on(powered):\n    assert powered.volts() > 4.9\n"
    ran = conduct(source, bench_file())
    assert re.fullmatch("[0-9a-f]{64}", ran.events("stop")[0].data["numbers"]), ran.out
    before = files_of(ran.folder)
    assert main(["report", str(ran.folder)]) == 0
    assert files_of(ran.folder) == before
    told = ["--verdict=INCONCLUSIVE", "--cause=bench", "--person=Ada", "--reason=the supply was not calibrated"]
    assert main(["amend", str(ran.folder), "CN-FRT-8.a", *told]) == 0
    assert main(["report", str(ran.folder)]) == 0
    before = files_of(ran.folder)

    monkeypatch.setattr(reading, "fold", lambda said: ClauseVerdict(Verdict.FAIL, Cause.DUT, "a newer rule", ()))
    assert main(["report", str(ran.folder)]) == 10
    assert "BEN-STO-015" in capsys.readouterr().out
    assert files_of(ran.folder) == before

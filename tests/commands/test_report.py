"""`conformance report`: views built again from the record, of one run or of the newest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_conformance.cli import main
from pytest_conformance.record import Run


def test_views_are_built_again_from_the_record(make_run: Callable[[], Run], capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run()
    assert not (run.folder / "results.json").exists()
    assert main(["report", str(run.folder)]) == 0
    results = json.loads((run.folder / "results.json").read_bytes())
    assert {row["id"]: row["verdict"] for row in results["clauses"]} == {"A-1": "FAIL", "A-2": "PASS"}
    assert (run.folder / "report.html").is_file()
    said = capsys.readouterr().out
    assert "1 FAIL, 1 PASS" in said
    assert f"report:  {run.folder / 'report.html'}" in said


def test_text_of_a_device_reaches_the_terminal_escaped(
    make_run: Callable[[], Run], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["report", str(make_run().folder)])
    said = capsys.readouterr().out
    assert "Lock\\x1b[31m" in said
    assert "\x1b" not in said


def test_the_newest_runs_are_built_oldest_first(
    make_run: Callable[[], Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = [make_run() for _ in range(3)]
    names = ("20260101T000000Z-00000003", "20260102T000000Z-00000002", "20260103T000000Z-00000001")
    for run, name in zip(made, names, strict=True):
        run.folder.rename(run.folder.with_name(name))
    (tmp_path / "runs" / "20270101T000000Z-notarun").mkdir()
    assert main(["report", "--latest", "2", "--record", str(tmp_path / "runs"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [Path(each["run"]).name for each in said["runs"]] == list(names[1:])
    assert not (tmp_path / "runs" / names[0] / "results.json").exists()


def test_a_record_that_was_changed_gets_no_report_and_does_not_stop_the_others(
    make_run: Callable[[], Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, changed = make_run(), make_run()
    journal = changed.folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"FAIL"', b'"PASS"'))
    assert main(["report", "--latest", "2", "--record", str(tmp_path / "runs"), "--json"]) == 10
    said = {each["run"]: each for each in json.loads(capsys.readouterr().out)["runs"]}
    assert "BEN-STO-012" in said[str(changed.folder)]["failed"]["record"]
    assert not (changed.folder / "report.html").exists()
    assert said[str(whole.folder)]["failed"] == {}
    assert (whole.folder / "report.html").is_file()


def test_without_node_the_missing_page_is_a_note(
    make_run: Callable[[], Run], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run()
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["report", str(run.folder), "--allure"]) == 0
    assert "no Allure HTML: Node.js and npm are not installed" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["some-run", "--latest", "1"]])
def test_one_run_or_the_newest_are_asked_for(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", *arguments]) == 11
    assert "USE-RUN-003" in capsys.readouterr().err


def test_an_empty_folder_has_no_newest_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--latest", "1", "--record", str(tmp_path)]) == 11
    assert "USE-RUN-001" in capsys.readouterr().err

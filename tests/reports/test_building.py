"""Views are rebuilt from the journal and evidence alone."""

from __future__ import annotations

import pytest

from pytest_conformance.errors import StorageError
from pytest_conformance.record import Run
from pytest_conformance.reports import build_views


def test_k02_deleted_views_are_rebuilt_with_the_same_bytes(run: Run) -> None:
    first = {name: file.read_bytes() for name, file in build_views(run.folder).files.items()}
    for file in run.folder.glob("re*.*"):
        file.unlink()

    again = {name: file.read_bytes() for name, file in build_views(run.folder).files.items()}

    assert set(first) == {"results", "report"}
    assert again == first


def test_a_view_that_fails_does_not_stop_the_others(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(record: object) -> None:
        raise RuntimeError("no template")

    monkeypatch.setattr("pytest_conformance.reports.building.write_report", fail)

    built = build_views(run.folder)

    assert built.failed == {"report": "RuntimeError: no template"}
    assert built.files["results"].is_file()


def test_without_a_journal_there_is_nothing_to_build(run: Run) -> None:
    (run.folder / "journal.jsonl").unlink()

    with pytest.raises(StorageError) as caught:
        build_views(run.folder)
    assert caught.value.code == "BEN-STO-003"


@pytest.mark.parametrize("spoil", ["journal", "evidence"])
def test_e07_no_report_is_made_of_a_changed_record(run: Run, spoil: str) -> None:
    if spoil == "journal":
        journal = run.folder / "journal.jsonl"
        journal.write_bytes(journal.read_bytes().replace(b'"exit_code":1', b'"exit_code":0'))
    else:
        next(run.folder.glob("evidence/*/*.png")).write_bytes(b"another")

    with pytest.raises(StorageError) as caught:
        build_views(run.folder)
    assert caught.value.code == "BEN-STO-012"
    assert not (run.folder / "report.html").exists()


def test_a05_a_killed_run_with_a_torn_line_still_has_its_views(run: Run) -> None:
    journal = run.folder / "journal.jsonl"
    (run.folder / "journal.root").unlink()
    journal.write_bytes(journal.read_bytes()[:-20])

    built = build_views(run.folder)

    assert set(built.files) == {"results", "report"}
    assert built.record.header["partial"] is True

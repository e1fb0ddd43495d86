"""Views are rebuilt from the journal and evidence alone."""

from __future__ import annotations

import pytest

from pytest_conformance.errors import StorageError
from pytest_conformance.record import Run
from pytest_conformance.reports import build_views


def _views(run: Run) -> dict[str, bytes]:
    """Build all views and return their files, Allure's results among them."""
    files: dict[str, bytes] = {}
    for built in build_views(run.folder).files.values():
        for file in built.iterdir() if built.is_dir() else [built]:
            files[file.relative_to(run.folder).as_posix()] = file.read_bytes()
    return files


def test_K02_deleted_or_edited_views_are_rebuilt_with_the_same_bytes(run: Run) -> None:
    first = _views(run)
    for name in first:
        (run.folder / name).unlink()
    (run.folder / "results.json").write_text("{}")
    (run.folder / "allure-results" / "forged-result.json").write_text("{}")

    again = _views(run)

    assert {"results.json", "report.html", "junit.xml"} <= set(first)
    assert sum(name.endswith("-result.json") for name in first) >= 3
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
def test_E07_no_report_is_made_of_a_changed_record(run: Run, spoil: str) -> None:
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

    assert set(built.files) == {"results", "report", "junit", "allure"}
    assert built.record.header["partial"] is True

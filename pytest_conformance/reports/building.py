"""Build every view that can be made from the journal alone; a view that fails stops neither record nor others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pytest_conformance.errors import StorageError
from pytest_conformance.record.journal import iterate_journal
from pytest_conformance.record.verify import require_whole
from pytest_conformance.reports.html_report import write_report
from pytest_conformance.reports.junit_view import write_junit
from pytest_conformance.reports.reading import Record, read_record, record_of
from pytest_conformance.reports.results import numbers_of, write_results


@dataclass(frozen=True)
class BuiltViews:
    """What was built, and for each view that was not, why."""

    record: Record
    files: dict[str, Path] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def build_views(run_folder: Path) -> BuiltViews:
    """Write results.json, report.html, junit.xml and Allure's results of the run in `run_folder` from its record.

    A view that cannot be built is named in `failed`. Raises StorageError when the journal cannot be read, and
    BEN-STO-012 when record or evidence do not verify: no report is made of what may have been changed. What a
    killed run leaves, such as a torn last line, is no obstacle. Raises BEN-STO-015 when this version reads other
    verdicts or numbers out of the record than the one that ran it (fault case K11); what is there stays then.
    """
    record = read_record(run_folder)
    require_whole(run_folder)
    _require_same_numbers(record)
    built = BuiltViews(record)
    views: dict[str, Callable[[], Path]] = {
        "results": lambda: write_results(run_folder, record.results()),
        "report": lambda: write_report(record),
        "junit": lambda: write_junit(record),
        "allure": lambda: _write_allure(record),
    }
    for name, write in views.items():
        try:
            built.files[name] = write()
        except Exception as error:  # whatever ails one view, the others are built
            built.failed[name] = f"{type(error).__name__}: {error}"
    return built


def _require_same_numbers(record: Record) -> None:
    """Compare with the digest that the run left; corrections that were made since are left out."""
    if not record.numbers:
        return
    as_run = record_of(record.folder, iterate_journal(record.folder / "journal.jsonl"))
    if numbers_of(as_run.results()) != record.numbers:
        ran = (record.header.get("versions") or {}).get("pytest-conformance", "unknown")
        raise StorageError(
            "BEN-STO-015",
            "this version reads other verdicts or numbers out of the record than its report said when it was made",
            where=str(record.folder),
            expected=f"what version {ran} said",
            todo=f"make the report with version {ran}, and report the difference",
        )


def _write_allure(record: Record) -> Path:
    from pytest_conformance.reports.allure_results import FOLDER, write_allure_results

    return write_allure_results(record, record.folder / FOLDER)

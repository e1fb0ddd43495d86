"""Issuing a laboratory's report: one number once, what it replaces and what changed, and its digest in the record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_conformance.errors import UsageError
from pytest_conformance.record.files import write_atomically
from pytest_conformance.record.keys import SigningKey
from pytest_conformance.record.sequel import add, read_sequel
from pytest_conformance.reports.laboratory.file import Laboratory, Language
from pytest_conformance.reports.laboratory.page import marks, render
from pytest_conformance.reports.laboratory.pdf import print_pdf
from pytest_conformance.reports.laboratory.sheet import Sheet, changes, sheet
from pytest_conformance.reports.reading import Record

FOLDER = "reports"


@dataclass(frozen=True)
class Issued:
    """What came of it: the files, what must be in the report and is not (a draft then), the watermarks, the changes."""

    files: tuple[Path, ...]
    missing: tuple[str, ...]
    marks: tuple[str, ...]
    changed: int


def issue(
    record: Record,
    own: Laboratory,
    below: Path,
    others: Iterable[Path],
    *,
    languages: Sequence[Language],
    pdf: bool,
    key: SigningKey | None,
) -> Issued:
    """Write the report of `record` under `reports/` in its folder, and journal that it was issued, in the sequel.

    `languages` are those of its files. A report that lacks something mandatory is written as a draft and not issued.
    `others` are the folders of the laboratory's other runs: a number is given once. Raises UsageError USE-LAB-004 for a
    number that was given before, USE-LAB-005 when it replaces what was not issued, or does not say which of this run's
    reports it replaces.
    """
    earlier = issued_of(record.folder)
    _require_fresh(own, [*earlier, *(each for folder in others for each in issued_of(folder))])
    before = _replaced(own, earlier)
    made = sheet(record, own, below)
    if before is not None:
        made = replace(made, changes=changes(before["said"], made.said()))
    files = tuple(each for language in languages for each in _write(record.folder, made, language, pdf=pdf))
    if not made.missing:
        told = {
            "number": own.number,
            "languages": list(languages),
            "files": [{"name": each.name, "sha256": hashlib.sha256(each.read_bytes()).hexdigest()} for each in files],
            "laboratory_sha256": own.digest,
            "replaces": own.replaces.number if own.replaces else "",
            "reason": own.replaces.reason if own.replaces else "",
            "person": own.approved.person if own.approved else "",
            "said": made.said(),
        }
        add(record.folder, "issued", told, key)
    return Issued(files, made.missing, marks(made), len(made.changes))


def issued_of(folder: Path) -> list[Mapping[str, Any]]:
    """Return the reports that were issued of the run in `folder`, oldest first."""
    return [each.data for each in read_sequel(folder) if each.type == "issued"]


def _require_fresh(own: Laboratory, given: Iterable[Mapping[str, Any]]) -> None:
    for each in given:
        if each["number"] == own.number:
            raise UsageError(
                "USE-LAB-004",
                f"report {own.number!r} was issued before",
                where=own.place(("number",)),
                expected="a number that no other report has",
                todo="give a new number; a report that changes one names it under `replaces:`",
            )


def _replaced(own: Laboratory, earlier: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the report that this one replaces: the last one of the run, where there is one."""
    named = own.replaces.number if own.replaces else ""
    standing = earlier[-1] if earlier else None
    if named != (str(standing["number"]) if standing else ""):
        said = f"of this run report {standing['number']!r} stands" if standing else "no report of this run was issued"
        raise UsageError(
            "USE-LAB-005",
            f"{said}, and the new one replaces {named or 'nothing'!r}",
            where=own.place(("replaces",)),
            expected=f"replaces: {{number: {standing['number']}, reason: ...}}" if standing else "no `replaces:`",
            todo="correct the laboratory's file",
        )
    return standing


def _write(folder: Path, made: Sheet, language: Language, *, pdf: bool) -> tuple[Path, ...]:
    below = folder / FOLDER
    below.mkdir(exist_ok=True)
    plain = "".join(each if each.isalnum() or each in "-_." else "_" for each in made.number)
    name = f"{'draft-' if made.missing else ''}{plain}-{language}"
    page = below / f"{name}.html"
    write_atomically(page, render(made, language).encode("utf-8"))
    if not pdf:
        return (page,)
    print_pdf(page, page.with_suffix(".pdf"), made.number, language)
    return page, page.with_suffix(".pdf")

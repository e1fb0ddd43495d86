"""Allure's results, made from the record alone: the same record gives the same files, byte by byte."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytest_conformance.errors import StorageError
from pytest_conformance.record import EvidenceStore
from pytest_conformance.record.amendments import amended_events
from pytest_conformance.record.files import write_atomically
from pytest_conformance.record.views import for_view, shown_of
from pytest_conformance.reports.allure_files import write_allure_files
from pytest_conformance.reports.allure_view import (
    ATTACHED_BYTES,
    GRAVITY,
    SEVERITIES,
    STATUSES,
    described,
    measured_table,
    message_of,
)
from pytest_conformance.reports.reading import Record
from pytest_conformance.reports.tests_told import Step, Told, tests_of
from pytest_conformance.reports.wording import one_line, text_mark, visible
from pytest_conformance.verdicts import Contribution

FOLDER = "allure-results"
_OURS = ("*-result.json", "*-container.json", "*-attachment*", "environment.properties", "categories.json")
_SPACE = uuid.UUID("5a0e2f4c-6f0f-5c53-9c64-0e3a4f7b6d21")
_PLAIN = {  # no captures: a face may lie open in them, and a report is handed on
    "application/json": ("application/json", "json"),
    "video/mp4": ("video/mp4", "mp4"),
}


def write_allure_results(record: Record, target: Path) -> Path:
    """Write results, attachments, environment and categories of `record` into `target`; older ones there are removed.

    Raises StorageError BEN-STO-002 when the disk does not take them.
    """
    target.mkdir(parents=True, exist_ok=True)
    for pattern in _OURS:
        for old in target.glob(pattern):
            with suppress(OSError):
                old.unlink()
    tests, documents = tests_of(amended_events(record.folder))
    store = EvidenceStore(record.folder)
    for told in tests.values():
        result = _result(told, record, documents, _Attaching(store, target))
        content = json.dumps(result, ensure_ascii=True, indent=1).encode("ascii") + b"\n"
        write_atomically(target / f"{result['uuid']}-result.json", content)
    write_allure_files(record, target)
    return target


def _result(
    told: Told, record: Record, documents: Mapping[str, Mapping[str, str]], attach: _Attaching
) -> dict[str, Any]:
    said = told.gravest
    path, _, name = told.name.partition("::")
    stable = hashlib.md5(told.name.encode("utf-8", "backslashreplace"), usedforsecurity=False).hexdigest()
    labels = [
        *_labels(told, documents),
        {"name": "framework", "value": "pytest"},
        {"name": "language", "value": "python"},
    ]
    if said is not None and said.code:
        labels.append({"name": "tag", "value": said.code})
    body = _step(told.body, attach)
    tables = [attach.table(each) for each in told.said if each.measurements]
    return {
        "uuid": str(uuid.uuid5(_SPACE, f"{record.header.get('id')} {told.name}")),
        "historyId": stable,
        "testCaseId": stable,
        "name": one_line(name or told.name, 200),
        "fullName": one_line(told.name, 400),
        "titlePath": [one_line(each, 100) for each in path.split("/")],
        "description": "\n\n".join(described(clause) for clause in told.clauses),
        **_status(said, told),
        "labels": sorted(labels, key=lambda each: (each["name"], each["value"])),
        "parameters": _parameters(record),
        "steps": body["steps"],
        "attachments": [*tables, *body["attachments"]],
        "start": told.start,
        "stop": told.stop,
    }


def _status(said: Contribution | None, told: Told) -> dict[str, Any]:
    if said is None:
        reasons = dict.fromkeys(clause.reason for clause in told.clauses if clause.reason)
        why = "; ".join(reasons) or "selected, but no verdict came: skipped, or the run ended before"
        kind = "NOT_TESTED" if any(clause.applicable for clause in told.clauses) else "NOT_APPLICABLE"
        return {"status": "skipped", "statusDetails": {"message": f"{kind}: {visible(why, 1000)}"}}
    details = {"message": message_of(said), "trace": visible(told.explanation, 20_000, lines=True)}
    shown = {name: text for name, text in details.items() if text}
    return {"status": str(STATUSES[said.verdict]), **({"statusDetails": shown} if shown else {})}


def _labels(told: Told, documents: Mapping[str, Mapping[str, str]]) -> Iterator[dict[str, str]]:
    for clause in told.clauses:
        about = documents.get(clause.document, {})
        title = about.get("title") or about.get("title_zh") or clause.document
        edition = about.get("edition", "")
        yield {"name": "epic", "value": one_line(f"{title} ({edition})" if edition else title, 200)}
        yield {"name": "feature", "value": one_line(f"{clause.document} {clause.chapter}", 200)}
        yield {"name": "story", "value": one_line(f"{clause.id} {one_line(clause.title or clause.text, 90)}", 200)}
        if text_mark(clause.text_status):
            yield {"name": "tag", "value": "text not checked"}
    severities = [SEVERITIES.get(clause.severity, "normal") for clause in told.clauses] or ["normal"]
    yield {"name": "severity", "value": min(severities, key=GRAVITY.index)}


def _parameters(record: Record) -> list[dict[str, Any]]:
    device, header = record.device, record.header
    said = {
        "bench": header.get("bench"),
        "sample": device.get("sample"),
        "firmware": device.get("firmware"),
        "known-bad": ", ".join(str(each) for each in header.get("known_bad") or ()),
    }
    return [{"name": name, "value": one_line(each, 120), "excluded": True} for name, each in said.items() if each]


def _step(step: Step, attach: _Attaching) -> dict[str, Any]:
    details = {"statusDetails": {"message": step.said}} if step.said else {}
    return {
        "name": step.name,
        "status": step.status,
        **details,
        "start": step.start,
        "stop": step.stop,
        "steps": [_step(each, attach) for each in step.steps],
        "attachments": [attach.evidence(each) for each in step.attachments],
    }


class _Attaching:
    """Writes attachments beside the results, each named by the hash of what is in it."""

    def __init__(self, store: EvidenceStore, target: Path) -> None:
        self._store = store
        self._target = target

    def table(self, said: Contribution) -> dict[str, str]:
        """Attach the measured values."""
        return self._file("measured values", measured_table(said), "text/csv", "csv")

    def evidence(self, about: Mapping[str, Any]) -> dict[str, str]:
        """Attach one piece of evidence as a view may show it: a face blurred, what is no picture or text by name."""
        name = one_line(about.get("caption") or about["name"], 160) or str(about["ref"])[7:19]
        kept = f"{about['size']} bytes, kept as {about['file']}"
        if int(about["size"]) > ATTACHED_BYTES:
            return self._text(name, kept)
        ref, kind = str(about["ref"]), str(about["media_type"])
        try:
            content, blur = shown_of(self._store, about)
        except StorageError as error:
            return self._text(name, str(error))
        if kind.startswith("image/") or about.get("view"):
            shown = for_view(content, face=blur, longest=1280)
            if shown is not None:
                return self._file(name + (" (face, blurred)" if about["face"] else ""), shown, "image/png", "png")
        if about["face"]:
            return self._text(name, f"personal data, kept as {ref}")
        if kind in _PLAIN:
            return self._file(name, content, *_PLAIN[kind])
        if kind.startswith("text/") or kind == "application/x-ndjson":
            return self._text(name, content.decode("utf-8", "backslashreplace"))
        return self._text(name, kept)

    def _text(self, name: str, text: str) -> dict[str, str]:
        return self._file(name, visible(text, 200_000, lines=True).encode("utf-8"), "text/plain", "txt")

    def _file(self, name: str, content: bytes, kind: str, extension: str) -> dict[str, str]:
        source = f"{hashlib.sha256(content).hexdigest()[:32]}-attachment.{extension}"
        if not (self._target / source).exists():
            write_atomically(self._target / source, content)
        return {"name": one_line(name, 200), "source": source, "type": kind}

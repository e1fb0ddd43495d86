"""Check a run folder by itself: the chain of the journal, its root, and the evidence. Changes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_conformance.errors import StorageError
from pytest_conformance.record.events import Event
from pytest_conformance.record.journal import GENESIS, LINE_CAP, decode, iterate_journal

ROOT_FILE = "journal.root"
"""Written at the end of a run: number of events and hash of the last line."""


@dataclass(frozen=True)
class Finding:
    """Something wrong. `seq` is the first bad sequence number (None for evidence); `code` is stable:

    `changed`, `missing`, `order`, `unreadable`, `torn`, `root` for the journal; `evidence-missing`,
    `evidence-changed`, `evidence-extra` for the store.
    """

    code: str
    message: str
    seq: int | None = None


@dataclass(frozen=True)
class _Line:
    event: Event | None
    digest: str
    whole: bool
    problem: str = ""


def verify_journal(path: Path) -> list[Finding]:
    """Return what is wrong with the journal at `path`, worst first; an intact one gives an empty list.

    After the first break of the chain nothing that follows is judged, because nothing vouches for it. A torn
    last line is a finding of its own and no sign of forgery. The end is checked against `journal.root` beside
    the journal, where the run wrote one.
    """
    lines = list(_lines(path))
    if not lines:
        return [Finding("missing", "the journal is empty", 0)]
    root, problem = _root(path.with_name(ROOT_FILE))
    for index, line in enumerate(lines):
        finding = _check(lines, index, line, root)
        if finding is not None:
            return [finding]
    if problem:
        return [Finding("root", problem, len(lines))]
    return _check_root(root, lines) if root else []


def verify_evidence(folder: Path, events: list[Event]) -> list[Finding]:
    """Compare the evidence store under `folder` with the `evidence` events: missing, changed, extra files."""
    findings = []
    expected: dict[str, str] = {}
    for event in events:
        if event.type == "evidence":
            expected[str(event.data["file"])] = str(event.data["ref"])
    for name, ref in expected.items():
        file = folder / name
        if not file.is_file():
            findings.append(Finding("evidence-missing", f"{name} is missing"))
        elif file_digest(file) != ref.removeprefix("sha256:"):
            findings.append(Finding("evidence-changed", f"{name} is not what was recorded"))
    for file in sorted((folder / "evidence").rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_file() and name not in expected:
            findings.append(Finding("evidence-extra", f"{name} is in no event of the journal"))
    return findings


def verify_run(folder: Path) -> list[Finding]:
    """Check the journal and the evidence of the run in `folder`."""
    journal = folder / "journal.jsonl"
    findings = verify_journal(journal)
    try:
        return findings + verify_evidence(folder, list(iterate_journal(journal)))
    except StorageError as error:
        return findings or [Finding("unreadable", str(error), 0)]


def file_digest(file: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _lines(path: Path) -> Iterator[_Line]:
    with path.open("rb") as file:
        while raw := file.readline(LINE_CAP + 1):
            digest = hashlib.sha256(raw).hexdigest()
            try:
                yield _Line(decode(raw, path.name), digest, raw.endswith(b"\n"))
            except StorageError as error:
                yield _Line(None, digest, raw.endswith(b"\n"), error.what)


def _check(lines: list[_Line], index: int, line: _Line, root: tuple[int, str] | None) -> Finding | None:
    if not line.whole and index == len(lines) - 1:
        return Finding("torn", f"the last line ({index}) is cut short; everything before it is whole", index)
    if line.event is None:
        return Finding("unreadable", f"event {index} cannot be read: {line.problem}", index)
    if line.event.seq != index:
        later = any(each.event is not None and each.event.seq == index for each in lines[index + 1 :])
        what = "is out of order" if later else "is missing"
        return Finding("order" if later else "missing", f"event {index} {what}", index)
    if line.event.prev != (lines[index - 1].digest if index else GENESIS):
        # The line itself is vouched for by its successor, or it is the one that was changed.
        after = lines[index + 1].event if index + 1 < len(lines) else None
        vouched = (after is not None and after.prev == line.digest) or root == (index + 1, line.digest)
        bad = index - 1 if vouched and index else index
        return Finding("changed", f"event {bad} was changed after it was written", bad)
    return None


def _root(file: Path) -> tuple[tuple[int, str] | None, str]:
    """Return the recorded root (number of events, hash of the last line) and what is wrong with its file."""
    if not file.is_file():
        return None, ""
    try:
        root = json.loads(file.read_bytes())
        events, head = int(root["events"]), str(root["head"])
        if events < 1:
            raise ValueError("no events")
    except (ValueError, KeyError, TypeError) as error:
        return None, f"{file.name} cannot be read: {error}"
    return (events, head), ""


def _check_root(root: tuple[int, str], lines: list[_Line]) -> list[Finding]:
    events, head = root
    if events > len(lines):
        return [Finding("missing", f"event {len(lines)} is missing: the end was cut off", len(lines))]
    if lines[events - 1].digest != head:
        return [Finding("changed", f"event {events - 1} was changed after it was written", events - 1)]
    if events < len(lines):
        return [Finding("root", f"event {events} was added after the run was closed", events)]
    return []

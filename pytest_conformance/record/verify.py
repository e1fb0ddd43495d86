"""Check a run folder by itself: chain, root and signatures of the journal, and the evidence. Changes nothing.

Needs nothing but the standard library and, where something is signed, `cryptography`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_conformance.errors import StorageError
from pytest_conformance.record.attestation import JOURNAL, SEQUEL, Attestation, read_attestations
from pytest_conformance.record.events import FORMAT, Event
from pytest_conformance.record.findings import LEFT_BY_A_KILL, Finding, Verified
from pytest_conformance.record.journal import GENESIS, LINE_CAP, decode
from pytest_conformance.record.keys import PublicKey
from pytest_conformance.record.merkle import Frontier
from pytest_conformance.record.sequel import SEQUEL_FILE, read_sequel
from pytest_conformance.record.store_check import check_evidence, check_reports
from pytest_conformance.record.vouching import Lines, vouch

ROOT_FILE = "journal.root"
"""Written at the end of a run: number of events, hash of the last line, Merkle root."""
ROOT_SCHEMA = "conformance-root/1"
_ROOT_FIELDS = {"schema", "run", "events", "head"}


def verify(folder: Path, *, trusted: Mapping[str, PublicKey] | None = None) -> Verified:
    """Check the journal, its attestations and the evidence of the run in `folder`, in one pass over the journal.

    With `trusted` (public keys by id) the run must be signed, at its end, by one of them. After the first break of
    the chain nothing that follows is judged, because nothing vouches for it; the evidence named up to there is.
    """
    attestations = read_attestations(folder)
    sequel = _sequel(folder, trusted)
    walk = _Walk(folder / "journal.jsonl", {each.events for each in attestations} | {sequel.continues})
    seen = walk.verified
    seen.findings += walk.findings
    if not walk.findings or walk.findings[0].code == "torn":
        lines = Lines(JOURNAL, seen.events, walk.at, seen.ended)
        seen.signed, findings = vouch(attestations, lines, trusted)
        seen.findings += findings + sequel.check(walk)
        if not sequel.findings:
            issued = (each.data for each in read_sequel(folder) if each.type == "issued")
            seen.findings += check_reports(folder, issued)
        seen.added, seen.signed_later = sequel.events, sequel.held
    named = {str(each["file"]): each for each in walk.evidence}
    seen.evidence = len(named)
    seen.findings += check_evidence(folder, named, seen)
    return seen


def require_whole(folder: Path, todo: str = "find out who changed it; restore the folder from a copy") -> Verified:
    """Return what `verify` sees; StorageError BEN-STO-012 when it finds more than a kill may leave."""
    seen = verify(folder)
    wrong = [each for each in seen.findings if each.code not in LEFT_BY_A_KILL]
    if wrong:
        raise StorageError(
            "BEN-STO-012",
            f"the record does not verify: {wrong[0].message}",
            where=str(folder),
            expected="journal and evidence as they were written",
            todo=todo,
        )
    return seen


def verify_run(folder: Path) -> list[Finding]:
    """Return what `verify` finds, trusting no key in particular."""
    return verify(folder).findings


def verify_journal(path: Path) -> list[Finding]:
    """Return what is wrong with the journal at `path`, worst first; an intact one gives an empty list.

    A torn last line is a finding of its own and no sign of forgery. The end is checked against `journal.root`
    beside the journal, where the run wrote one.
    """
    return _Walk(path, set()).findings


@dataclass(frozen=True)
class _Line:
    event: Event | None
    digest: str
    whole: bool
    raw: bytes
    problem: str = ""


class _Walk:
    """One pass over a journal. Keeps the state after each of `sizes` lines, for what vouches for them."""

    def __init__(self, path: Path, sizes: set[int], *, rooted: bool = True) -> None:
        self.verified = Verified()
        self.findings: list[Finding] = []
        self.evidence: list[Mapping[str, Any]] = []
        self.at: dict[int, tuple[str, str]] = {}
        """Number of lines: hash of the last and Merkle root."""
        root_file = path.with_name(ROOT_FILE)
        self._root, problem = _root(root_file) if rooted else (None, "")
        self._sizes = sizes | ({self._root.events} if self._root else set())
        self._tree = Frontier()
        self._run = ""
        self.verified.rooted = root_file.is_file()
        finding = self._through(path)
        self.verified.events, self.verified.merkle_root = self._tree.size, self._tree.root()
        if finding is not None:
            self.findings.append(finding)
        elif problem:
            self.findings.append(Finding("root", problem, self._tree.size))
        elif self._root is not None:
            self.findings += self._check_root(self._root)

    def _through(self, path: Path) -> Finding | None:
        lines = _lines(path)
        head, line = GENESIS, next(lines, None)
        if line is None:
            return Finding("missing", "the journal is empty", 0)
        while line is not None:
            following = next(lines, None)
            finding = self._check(line, head, following, lines)
            if finding is not None:
                return finding
            head = self.verified.head = line.digest
            self._take(line)
            line = following
        return None

    def _take(self, line: _Line) -> None:
        self._tree.add(line.raw)
        if self._tree.size in self._sizes:
            self.at[self._tree.size] = line.digest, self._tree.root()
        if line.event is not None and line.event.type == "evidence":
            self.evidence.append(line.event.data)
        elif line.event is not None and line.event.type == "start":
            self._run = str(line.event.data.get("run"))
        elif line.event is not None and line.event.type == "stop":
            self.verified.ended = True

    def _check(self, line: _Line, head: str, following: _Line | None, rest: Iterator[_Line]) -> Finding | None:
        index, event = self._tree.size, line.event
        if not line.whole and following is None:
            return Finding("torn", f"the last line ({index}) is cut short; everything before it is whole", index)
        if event is None:
            return Finding("unreadable", f"event {index} cannot be read: {line.problem}", index)
        if event.seq != index:
            ahead = (following, *rest) if following else ()
            later = any(each.event is not None and each.event.seq == index for each in ahead)
            what = "is out of order" if later else "is missing"
            return Finding("order" if later else "missing", f"event {index} {what}", index)
        if event.prev != head:
            return self._changed(line, index, following)
        if event.type == "start" and event.data.get("format") != FORMAT:
            said = f"journal format {str(event.data.get('format'))[:80]!r}; this version reads {FORMAT}"
            return Finding("format", said, index)
        if event.type == "evidence" and not {"file", "ref"} <= set(event.data):
            return Finding("unreadable", f"event {index} names no evidence", index)
        return None

    def _changed(self, line: _Line, index: int, following: _Line | None) -> Finding:
        """Name the line that was changed: this one, or the one before when something vouches for this one."""
        after = following.event if following else None
        root = self._root
        vouched = (after is not None and after.prev == line.digest) or (
            root is not None and (root.events, root.head) == (index + 1, line.digest)
        )
        bad = index - 1 if vouched and index else index
        return Finding("changed", f"event {bad} was changed after it was written", bad)

    def _check_root(self, root: _Root) -> list[Finding]:
        size = self._tree.size
        if root.events > size:
            return [Finding("missing", f"event {size} is missing: the end was cut off", size)]
        if root.run != self._run:
            return [Finding("root", f"{ROOT_FILE} is of another run, {root.run[:80]!a}", size)]
        head, merkle_root = self.at[root.events]
        if head != root.head or root.merkle_root not in ("", merkle_root):
            return [Finding("changed", f"event {root.events - 1} was changed after it was written", root.events - 1)]
        if root.events < size:
            return [Finding("root", f"event {root.events} was added after the run was closed", root.events)]
        return []


@dataclass(frozen=True)
class _Sequel:
    """What was written after the run: which journal it continues, and what is wrong with it by itself."""

    continues: int
    """Number of events that the journal had; 0 where nothing was written."""
    head: str
    events: int
    held: list[Attestation]
    findings: list[Finding]

    def check(self, walk: _Walk) -> list[Finding]:
        if self.findings or not self.events:
            return self.findings
        if walk.at.get(self.continues, ("",))[0] != self.head:
            return [Finding("sequel", f"the sequel continues another journal than this one ({self.continues} events)")]
        return []


def _sequel(folder: Path, trusted: Mapping[str, PublicKey] | None) -> _Sequel:
    path = folder / SEQUEL_FILE
    attestations = read_attestations(folder, of=SEQUEL)
    if not path.is_file():
        signed = max((each.events for each in attestations), default=0)
        gone = [Finding("missing", f"the sequel is gone: {signed} events of it were signed")] if attestations else []
        return _Sequel(0, "", 0, [], gone)
    walk = _Walk(path, {each.events for each in attestations}, rooted=False)
    findings = [Finding("sequel", f"sequel: {each.message}") for each in walk.findings]
    first = next(_lines(path), None)
    data = first.event.data if first is not None and first.event is not None else {}
    if not findings and (first is None or first.event is None or first.event.type != "sequel"):
        findings = [Finding("sequel", "the sequel does not say which journal it continues")]
    held: list[Attestation] = []
    if not findings:
        held, findings = vouch(attestations, Lines(SEQUEL, walk.verified.events, walk.at), trusted)
    return _Sequel(int(data.get("events") or 0), str(data.get("head")), walk.verified.events, held, findings)


def _lines(path: Path) -> Iterator[_Line]:
    with path.open("rb") as file:
        while raw := file.readline(LINE_CAP + 1):
            digest = hashlib.sha256(raw).hexdigest()
            try:
                yield _Line(decode(raw, path.name), digest, raw.endswith(b"\n"), raw)
            except StorageError as error:
                yield _Line(None, digest, raw.endswith(b"\n"), raw, error.what)


@dataclass(frozen=True)
class _Root:
    events: int
    head: str
    merkle_root: str
    run: str


def encode_root(root: Mapping[str, Any]) -> bytes:
    """Return the content of `journal.root`."""
    return json.dumps(root, indent=1).encode("ascii") + b"\n"


def _root(file: Path) -> tuple[_Root | None, str]:
    """Return the recorded root and what is wrong with its file."""
    if not file.is_file():
        return None, ""
    try:
        content = file.read_bytes()
        root = json.loads(content)
        found = _Root(int(root["events"]), str(root["head"]), str(root.get("merkle_root", "")), str(root["run"]))
        if found.events < 1 or root["schema"] != ROOT_SCHEMA or set(root) - {"merkle_root"} != _ROOT_FIELDS:
            raise ValueError("no events, or other fields than a run writes")
        if content != encode_root(root):
            raise ValueError("not as a run writes it")
    except (ValueError, KeyError, TypeError) as error:
        return None, f"{file.name} cannot be read: {error}"
    return found, ""

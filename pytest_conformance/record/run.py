"""One run and its folder: events, evidence, steps and observations go in here, views listen. Draws no view."""

from __future__ import annotations

import itertools
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from pytest_conformance.errors import StorageError, bench_error_behind
from pytest_conformance.record.checkpoints import Checkpoints
from pytest_conformance.record.events import FORMAT, Event
from pytest_conformance.record.evidence import EvidenceStore, read_regular
from pytest_conformance.record.files import write_atomically
from pytest_conformance.record.journal import TEXT_CAP, Journal, iterate_journal
from pytest_conformance.record.keys import SigningKey
from pytest_conformance.record.plain import fields_to_json, from_json, references, to_json
from pytest_conformance.record.vault import Vault
from pytest_conformance.record.verify import ROOT_FILE, ROOT_SCHEMA, encode_root
from pytest_conformance.record.views import for_view
from pytest_conformance.verdicts import Contribution

T = TypeVar("T")
Phase = Literal["Setup", "Stimulate", "Measure", "Evaluate"]
Listener = Callable[[Event], None]
JOURNAL_FILE = "journal.jsonl"
_OF_A_TEST = frozenset({"step", "evidence", "observation", "trial"})


@dataclass(frozen=True)
class PlannedClause:
    """One clause of the plan, with all that a view needs to speak of it.

    `text_status` says how we know the text (verbatim, seen, paraphrase, memory, unsure); `evidence_level` how it is
    judged (measured, inspected, declared, organisational, derived). `reason` says why it does not apply, or why
    no test was selected ("deselected"). `derived_from` names the clauses whose verdict it takes.
    """

    id: str
    document: str
    applicable: bool
    reason: str = ""
    title: str = ""
    text: str = ""
    chapter: str = ""
    text_status: str = ""
    severity: str = ""
    evidence_level: str = ""
    tests: tuple[str, ...] = ()
    derived_from: tuple[str, ...] = ()


class Run:
    """The record of one run, open for writing. Use `Run.start` once, `Run.join` in each further process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.id = folder.name
        self.store = EvidenceStore(folder)
        self.journal = Journal(folder / JOURNAL_FILE)
        self.test = ""
        """Node id of the test that is running in this process; steps, evidence and observations carry it."""
        self.checkpoints: Checkpoints | None = None
        """Only in the process that started the run: the workers that join it sign nothing."""
        self.vault: Vault | None = None
        """Seals faces as they come in; without one they are kept as they are, readable by their owner only."""
        self.shown: Callable[[], Iterable[str]] = tuple
        """Tells which subjects were presented so far: a face without a name may be any of theirs."""
        self._stopped = False
        self._listeners: list[Listener] = []
        self._steps = itertools.count(os.getpid() << 20)
        self._open_steps = threading.local()

    @classmethod
    def start(
        cls, root: Path, header: Mapping[str, Any], *, run_id: str | None = None, key: SigningKey | None = None
    ) -> Run:
        """Make a new run folder under `root` and journal its start; `key` signs its checkpoints and its end.

        The id is the UTC second and eight random digits. Raises StorageError: BEN-STO-010 when `run_id` is taken,
        BEN-STO-001 when the folder cannot be made.
        """
        name = run_id or f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        folder = root / name
        try:
            root.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
            (folder / "evidence").mkdir()
        except FileExistsError as error:
            raise StorageError("BEN-STO-010", f"there is a run {name!r} already", where=str(root)) from error
        except OSError as error:
            raise StorageError(
                "BEN-STO-001",
                f"the run folder cannot be made: {error.strerror}",
                where=str(folder),
                todo="name a writable folder with --record",
            ) from error
        run = cls(folder)
        run.checkpoints = Checkpoints(folder / JOURNAL_FILE, key, header)
        run.event("start", {"format": FORMAT, "run": name, "header": dict(header)})
        return run

    @classmethod
    def join(cls, folder: Path) -> Run:
        """Open the run in `folder` from another process, for appending.

        Raises StorageError BEN-STO-003 when there is no run, BEN-STO-004 when a newer version wrote it.
        """
        next(iterate_journal(folder / JOURNAL_FILE), None)
        return cls(folder)

    @classmethod
    def resume(cls, folder: Path, header: Mapping[str, Any], *, key: SigningKey | None = None) -> Run:
        """Open the run in `folder`, which was broken off, for appending; this process signs its checkpoints and end.

        `header` is that of its start. Raises as `join`.
        """
        run = cls.join(folder)
        run.checkpoints = Checkpoints(folder / JOURNAL_FILE, key, header)
        return run

    def event(self, kind: str, data: Mapping[str, Any]) -> Event:
        """Append an event, then tell the listeners. `data` may hold anything that `to_json` takes.

        Types are those of `record.events`; errors those of `Journal.append`, and BEN-STO-011 after `stop`.
        """
        return self._say(kind, fields_to_json(data))

    def plan(
        self, clauses: Iterable[PlannedClause], *, documents: Mapping[str, Mapping[str, str]], partial: bool = False
    ) -> None:
        """Journal the plan. `documents` maps a document's id to its `title`, `title_zh` and `edition`."""
        rows = [asdict(clause) for clause in clauses]
        self.event("plan", {"clauses": rows, "documents": documents, "partial": partial})

    def verdict(
        self,
        clauses: Iterable[str],
        said: Contribution,
        *,
        derived_from: Iterable[str] = (),
        explanation: str = "",
    ) -> None:
        """Journal what one test says of `clauses`; on the disk when this returns.

        `explanation` is the long form that views show: pytest's, with the values that it compared.
        """
        data = {"clauses": list(clauses), **to_json(said), "derived_from": list(derived_from)}
        if explanation:
            data["explanation"] = explanation
        self.event("verdict", data)

    def evidence(
        self,
        content: bytes | Path,
        *,
        name: str,
        media_type: str,
        caption: str = "",
        face: bool = False,
        drawing: bool = False,
        subjects: Iterable[str] = (),
    ) -> str:
        """Store evidence and return its reference ("sha256:..."); `face` keeps the original out of every view.

        With a vault a face is sealed for `subjects`, or for everybody who was shown so far where nobody is named;
        views get a coarse, blurred version. `drawing` says that the bench drew it from data: it may leave the
        laboratory.
        """
        if face and self.vault is not None:
            return self._seal(self.vault, content, name, media_type, caption, tuple(subjects))
        kept = self.store.put(content, name=name, media_type=media_type, caption=caption, face=face, drawing=drawing)
        self.event("evidence", asdict(kept))
        return kept.ref

    def _seal(
        self, vault: Vault, content: bytes | Path, name: str, media_type: str, caption: str, subjects: tuple[str, ...]
    ) -> str:
        plain = content if isinstance(content, bytes) else read_regular(content)
        whose = sorted({f"run:{self.id}", *(subjects or self.shown())})
        more: dict[str, Any] = {"sealed": whose, "was": media_type}
        if media_type.startswith("image/"):
            blurred = for_view(plain, face=True)
            if blurred is not None:
                seen = self.store.put(
                    blurred, name="blurred.png", media_type="image/png", caption=caption, drawing=True
                )
                self.event("evidence", {**asdict(seen), "blurred": True})
                more["view"] = seen.ref
        sealed = vault.seal(plain, whose)
        kept = self.store.put(sealed, name=name, media_type="application/octet-stream", caption=caption, face=True)
        self.event("evidence", {**asdict(kept), **more})
        return kept.ref

    def observation(self, name: str, data: object) -> None:
        """Journal the result of a procedure as data that `observed` turns back into the same object.

        Long byte strings, and observations longer than an event's text may be, become evidence.
        """

        def keep(content: bytes) -> str:
            return self.evidence(content, name=name, media_type="application/octet-stream")

        value = to_json(data, keep)
        event: dict[str, Any] = {"name": name, "kind": f"{type(data).__module__}:{type(data).__qualname__}"}
        encoded = json.dumps(value, allow_nan=False).encode("ascii")
        if len(encoded) > TEXT_CAP:
            event["value_ref"] = self.evidence(encoded, name=f"{name}.json", media_type="application/json")
        else:
            event["value"] = value
        self._say("observation", {**event, "evidence": references(value)})

    def observed(self, kind: type[T], event: Event) -> T:
        """Return the object that `observation` journalled as `event`, as a `kind`."""
        ref = event.data.get("value_ref")
        value = json.loads(self.store.read(ref)) if ref else event.data["value"]
        return from_json(kind, value, self.store.read)

    @contextmanager
    def step(self, phase: Phase, title: str) -> Iterator[None]:
        """Journal the begin and the end of a step of a procedure or judgement; steps nest within a thread."""
        parents = self._open_steps.__dict__.setdefault("ids", [])
        step = {"id": next(self._steps), "parent": parents[-1] if parents else None, "phase": phase, "title": title}
        self.event("step", {**step, "state": "begin"})
        parents.append(step["id"])
        began, outcome, said = time.monotonic_ns(), "passed", ""
        try:
            yield
        except BaseException as error:
            failed = isinstance(error, AssertionError) and bench_error_behind(error) is None
            outcome, said = "failed" if failed else "broken", f"{type(error).__name__}: {error}"
            raise
        finally:
            parents.pop()
            seconds = (time.monotonic_ns() - began) / 1e9
            self.event("step", {**step, "state": "end", "outcome": outcome, "error": said, "seconds": seconds})

    def listen(self, callback: Listener) -> None:
        """Call `callback` after each event of this process. One that raises is noted once and called no more."""
        self._listeners.append(callback)

    def stop(
        self,
        exit_code: int,
        *,
        partial: bool = False,
        reason: str = "",
        result: Mapping[str, Any] | None = None,
        numbers: str = "",
    ) -> None:
        """Journal the end of the run and write `journal.root`, by which a cut-off end is noticed.

        `result` is the in-toto test-result predicate that is signed with it, where the run has a key; `numbers` the
        digest of what the report says, by which a later version shows that it says the same.
        """
        said = {"exit_code": exit_code, "partial": partial, "reason": reason}
        self.event("stop", {**said, "numbers": numbers} if numbers else said)
        self._stopped = True
        self.journal.sync()
        checkpoints = self.checkpoints or Checkpoints(self.folder / JOURNAL_FILE, None, {})
        end = checkpoints.take()
        root = {"schema": ROOT_SCHEMA, "run": self.id, **vars(end)}
        write_atomically(self.folder / ROOT_FILE, encode_root(root))
        checkpoints.sign(end, result or {"result": "WARNED", "configuration": []})
        self.journal.close()

    def close(self) -> None:
        """Sync and close without an end: what a parallel worker does when it leaves."""
        self.journal.close()

    def _say(self, kind: str, plain: Mapping[str, Any]) -> Event:
        if self._stopped:
            raise StorageError("BEN-STO-011", f"a {kind} event came after the end of the run", where=str(self.folder))
        if self.test and kind in _OF_A_TEST:
            plain = {"test": self.test, **plain}
        event = self.journal.append(kind, plain)
        if self.checkpoints is not None and self.checkpoints.due(event.seq + 1):
            self._checkpoint(self.checkpoints)
        self._tell(event)
        return event

    def _checkpoint(self, checkpoints: Checkpoints) -> None:
        self.journal.sync()
        root = checkpoints.take()
        self.journal.append("checkpoint", {"events": root.events, "merkle_root": root.merkle_root})
        checkpoints.sign(root)

    def _tell(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception as error:  # a view's fault, whatever it is, stays the view's
                self._listeners.remove(listener)
                name = getattr(listener, "__qualname__", type(listener).__name__)
                self.event("note", {"text": f"view {name} failed and was left out: {type(error).__name__}: {error}"})

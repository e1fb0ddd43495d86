"""What an earlier run left in its record, for those who judge it again or go on with it. Reads only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.errors import ConformanceError, MethodError, UsageError
from pytest_conformance.record.hints import hints_of

if TYPE_CHECKING:
    from pytest_conformance.record import Event, EvidenceStore

NOT_LOOKED = ("lockout", "no-stimulus", "operator", "broken-off", "bench", "aborted")
"""Reasons of void trials in which the device did not look, or nobody knows whether it did."""


class RecordedError(ConformanceError):
    """An error of an earlier run, as its record has it: the same words, code and cause."""

    def __init__(self, code: str, said: str, cause: str) -> None:
        super().__init__(code, said)
        self.cause = cause  # type: ignore[misc,assignment]

    def __str__(self) -> str:
        return self.what

    def __reduce__(self) -> tuple[object, ...]:
        return (RecordedError, (self.code, self.what, self.cause))


@dataclass
class Recorded:
    """A run that was recorded: header, inputs, plan rows, identities, procedures, verdicts by test."""

    folder: Path
    header: Mapping[str, Any] = field(default_factory=dict)
    inputs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    plan: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    identities: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    procedures: dict[str, Event] = field(default_factory=dict)
    """The last thing that each procedure left: its observation, or the `procedure` event of its failure."""
    verdicts: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    derived: list[Mapping[str, Any]] = field(default_factory=list)
    under_way: list[str] = field(default_factory=list)
    """Procedures that had begun and had not ended."""
    presented: int = 0
    """Trials in which the device looked and decided, or let its time pass."""
    partial: bool = False
    ended: bool = False
    head: str = ""

    @cached_property
    def store(self) -> EvidenceStore:
        from pytest_conformance.record import EvidenceStore

        return EvidenceStore(self.folder)

    @property
    def prepared(self) -> bool:
        """Whether plan and inputs were written to their end: the suite's digests are the last, and nothing is done
        before them."""
        return "suite" in self.inputs

    @property
    def asked(self) -> Mapping[str, Any]:
        """What the run was asked for: options by their names."""
        asked: Mapping[str, Any] = self.header.get("asked") or {}
        return asked

    def file(self, of: str) -> Path:
        """Return the bench file, declaration or profile as it was when the run began.

        Raises UsageError USE-RPL-001 when the record does not keep it.
        """
        ref = self.inputs.get(of, {}).get("ref")
        if not isinstance(ref, str):
            raise UsageError(
                "USE-RPL-001",
                f"the record does not keep its {of}",
                where=str(self.folder),
                expected="a run that was recorded by this version or a later one",
                todo="run it on a bench",
            )
        self.store.read(ref)
        return self.store.find(ref)

    def merged(self, asked: Mapping[str, str | bool], *, resuming: bool) -> dict[str, str | bool]:
        """Return the options of the recorded run; those of today where a replay may have others.

        Raises UsageError: USE-RSM-001 for a run that ended, or was recorded too early to go on with; USE-RSM-004
        where a run that goes on is asked for something else than before.
        """
        if resuming and (self.ended or not self.asked):
            why = "has come to its end" if self.ended else "does not say what it was asked for"
            raise UsageError(
                "USE-RSM-001",
                f"run {self.folder.name} cannot go on: it {why}",
                where=str(self.folder),
                todo="start a new run",
            )
        before = {**asked, **self.asked}
        other = {name: each for name, each in asked.items() if each and each != before[name]}
        if not resuming:
            return {**before, **{name: each for name, each in other.items() if name in ("profile", "clauses")}}
        if other:
            raise UsageError(
                "USE-RSM-004",
                f"the run was asked for something else: {', '.join(f'--{name}' for name in sorted(other))}",
                where=str(self.folder),
                todo="give --resume alone, or start a new run",
            )
        return before

    def again(self, name: str, act: Callable[..., Any]) -> Any:
        """Return what procedure `name` observed, as the type that `act` returns today, or raise what ended it.

        Raises MethodError MET-RPL-002 when it left nothing.
        """
        event = self.procedures.get(name)
        if event is None:
            raise MethodError(
                "MET-RPL-002",
                f"the record holds no observation of {name!r}",
                where=self.folder.name,
                todo="this clause needs the device: run it on a bench",
            )
        if event.type == "observation":
            return self._observed(event, act)
        said, cause = str(event.data.get("reason", "")), event.data.get("cause")
        if cause:
            raise RecordedError(str(event.data.get("code", "")), said, str(cause))
        raise type(str(event.data.get("error") or "Exception"), (Exception,), {})(said)

    def _observed(self, event: Event, act: Callable[..., Any]) -> Any:
        import json

        from pytest_conformance.record import from_json

        ref = event.data.get("value_ref")
        value = json.loads(self.store.read(ref)) if ref else event.data["value"]
        return from_json(_kind(event, act), value, self.store.read)


def _kind(event: Event, act: Callable[..., Any]) -> Any:
    """Return the type that the procedure says it returns; the recorded one, if loaded already, where it says none."""
    said = getattr(act, "__annotations__", {}).get("return", Any)
    try:
        found = hints_of(type("Holder", (), {"__annotations__": {"value": said}, "__module__": act.__module__}))[
            "value"
        ]
    except NameError:
        found = Any
    if found not in (Any, object):
        return found
    module, _, name = str(event.data["kind"]).partition(":")
    known = getattr(sys.modules.get(module), name, None) if name.isidentifier() else None
    return known if isinstance(known, type) else Any


def read_recorded(folder: Path) -> Recorded:
    """Return what the run in `folder` left.

    Raises StorageError BEN-STO-012 when journal or evidence do not verify; what a kill leaves is no obstacle.
    """
    from pytest_conformance.record import iterate_journal
    from pytest_conformance.record.verify import require_whole

    seen = require_whole(folder)
    recorded = Recorded(folder, head=seen.head)
    for event in iterate_journal(folder / "journal.jsonl"):
        _take(recorded, event)
    return recorded


def _take(recorded: Recorded, event: Event) -> None:
    data = event.data
    if event.type == "start":
        recorded.header = data["header"]
    elif event.type == "input":
        recorded.inputs[str(data["of"])] = data
    elif event.type == "plan":
        recorded.plan.update({str(row["id"]): row for row in data["clauses"]})
        recorded.partial = recorded.partial or bool(data.get("partial"))
    elif event.type == "descriptor":
        recorded.identities[str(data["of"])] = data
    elif event.type == "procedure":
        _take_procedure(recorded, event)
    elif event.type == "observation":
        recorded.procedures[str(data["name"])] = event
    elif event.type == "trial":
        recorded.presented += not data.get("void") or data.get("reason") not in NOT_LOOKED
    elif event.type == "verdict" and data.get("derived_from"):
        recorded.derived.append(data)
    elif event.type == "verdict":
        recorded.verdicts.setdefault(str(data["test"]), []).append(data)
    elif event.type == "stop":
        recorded.ended = True


def _take_procedure(recorded: Recorded, event: Event) -> None:
    name, state = str(event.data["name"]), event.data["state"]
    if state == "started":
        recorded.under_way.append(name)
    else:
        recorded.under_way = [each for each in recorded.under_way if each != name]
    if state == "failed":
        recorded.procedures[name] = event

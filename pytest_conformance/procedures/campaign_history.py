"""What a record holds of a campaign that was broken off: its seal, and what came after it in order. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

from pytest_conformance.analysis.biometrics.campaigns import Enrolment, LockoutSeen, TrialRow
from pytest_conformance.errors import MethodError
from pytest_conformance.record.plain import from_json

if TYPE_CHECKING:
    from pytest_conformance.analysis.biometrics.plans import Cell
    from pytest_conformance.record import Event
    from pytest_conformance.stimulus.design import Showing

_FROM_TRIALS = ("decided", "maximum", "environment", "operator")
"""Ends that follow from the trials alone."""
_ROW = frozenset(each.name for each in fields(TrialRow))


@dataclass(frozen=True)
class Withdrawn:
    """Trials that stopped counting: the device turned out not to know who was enrolled."""

    numbers: frozenset[int]
    reason: str


Step = TrialRow | Withdrawn | Enrolment | LockoutSeen


@dataclass
class History:
    """A sealed campaign as its record has it. `under_way` is what was being shown when it broke off ("": nothing)."""

    digest: str
    seed: int
    steps: list[Step] = field(default_factory=list)
    under_way: str = ""
    broken: bool = False
    ended: bool = False
    """It came to its end, and nobody was told: what was observed is put together again from the record."""

    @property
    def trials(self) -> int:
        """How many trials are recorded."""
        return sum(isinstance(each, TrialRow) for each in self.steps)


def broken_off(events: Iterable[Event], campaign: str) -> History | None:
    """Return the history of `campaign` where it was sealed, nobody was told of its end, and the run went on; else None.

    Raises StorageError BEN-STO-006 for a trial that is none of this version's.
    """
    found: History | None = None
    for event in events:
        if found is not None and found.ended and not found.broken and _told(event):
            found = None
        if event.type == "resumed" and found is not None:
            found.broken = True
        elif event.data.get("campaign") != campaign:
            continue
        elif event.type == "campaign" and event.data["state"] == "sealed":
            found = History(str(event.data["digest"]), int(event.data["plan"]["seed"]))
        elif event.type == "campaign" and event.data["state"] == "ended":
            again = event.data["decided"]["end"] in _FROM_TRIALS
            found = replace(found, ended=True, broken=False) if found is not None and again else None
        elif found is not None:
            _take(found, event)
    return found if found is not None and found.broken else None


def _told(event: Event) -> bool:
    """Whether by this event somebody was told how a campaign ended."""
    return event.type in ("observation", "verdict") or (event.type == "procedure" and event.data["state"] != "void")


def _take(history: History, event: Event) -> None:
    data = event.data
    if event.type == "progress":
        history.under_way = str(data["showing"])
    elif event.type == "trial":
        row = {name: value for name, value in data.items() if name in _ROW}
        history.steps.append(from_json(TrialRow, {**row, "void": data["reason"] if data["void"] else ""}))
        history.under_way = ""
    elif data["state"] == "withdrawn":
        history.steps.append(Withdrawn(frozenset(data["trials"]), str(data["reason"])))
    elif data["state"] == "enrolled":
        history.steps.append(Enrolment(data["number"], data["after"], data["reason"]))
    elif data["state"] == "locked-out":
        history.steps.append(LockoutSeen(data["after"], data["seconds"], data["resolution"]))


def require_same_place(row: TrialRow, block: int, cell: Cell, shown: Showing) -> None:
    """Raise MethodError MET-CAM-009 when the plan shows something else where `row` was recorded."""
    was = (row.block, row.cell, row.subject, row.artefact)
    due = (block, cell, shown.subject, shown.artefact)
    if was != due:
        raise MethodError(
            "MET-CAM-009",
            f"the campaign cannot go on: recorded trial {row.number} is {_named(was)}, the plan shows {_named(due)}",
            where="journal",
            expected="the trials of the sealed plan, in the order of its seed",
            todo="run the campaign again, in a run of its own; keep this one's trials",
        )


def _named(place: tuple[int, Cell, str, str]) -> str:
    block, cell, subject, artefact = place
    return f"{artefact or subject} for {'/'.join(cell)} in block {block}"

"""Corrections of what a run said: the journal stays as it is, the sequel holds old and new, readers see both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_conformance.record.events import Event
from pytest_conformance.record.journal import iterate_journal
from pytest_conformance.record.keys import SigningKey
from pytest_conformance.record.sequel import add, read_sequel

CHANGED = ("verdict", "cause", "reason")
"""What an amendment says anew of a `verdict` event."""


def amend(
    folder: Path,
    event: Event,
    clause: str,
    new: Mapping[str, Any],
    *,
    person: str,
    reason: str,
    key: SigningKey | None = None,
) -> Event:
    """Journal that what `event`, a verdict as it reads today, says of `clause` is corrected to `new`."""
    old, said = ({name: each.get(name) for name in CHANGED} for each in (event.data, new))
    data = {"of_seq": event.seq, "clauses": [clause], "old": old, "new": said, "person": person, "reason": reason}
    return add(folder, "amendment", data, key)


def amended_events(folder: Path) -> Iterator[Event]:
    """Yield the events of the run in `folder`; a corrected verdict carries what it says now, and what it said before.

    `reason` of a corrected verdict ends with who corrected it, when, why and from what, so that every view shows both.
    A verdict on several clauses, of which some were corrected, comes in parts with one sequence number.
    """
    corrections: dict[int, dict[str, list[Event]]] = {}
    for each in read_sequel(folder):
        if each.type == "amendment":
            for clause in each.data["clauses"]:
                corrections.setdefault(int(each.data["of_seq"]), {}).setdefault(str(clause), []).append(each)
    for event in iterate_journal(folder / "journal.jsonl"):
        found = corrections.get(event.seq) if event.type == "verdict" else None
        if found is None:
            yield event
            continue
        rest = [each for each in event.data["clauses"] if each not in found]
        if rest:
            yield event._replace(data={**event.data, "clauses": rest})
        for clause, made in found.items():
            yield _corrected(event, clause, made)


def _corrected(event: Event, clause: str, corrections: list[Event]) -> Event:
    new = corrections[-1].data["new"]
    notes = [
        f"[corrected by {each.data['person']} on {each.utc}, was {_words(each.data['old'])}: {each.data['reason']}]"
        for each in corrections
    ]
    reason = " ".join(filter(None, [str(new.get("reason") or ""), *notes]))
    changed = {name: new.get(name) for name in CHANGED}
    return event._replace(data={**event.data, "clauses": [clause], **changed, "reason": reason})


def _words(old: Mapping[str, Any]) -> str:
    cause = f"({old['cause']})" if old.get("cause") and old["verdict"] == "INCONCLUSIVE" else ""
    return f"{old['verdict']}{cause}"

"""A correction and all that follows from it: what derived verdicts say now is corrected with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.errors import StorageError, UsageError
from pytest_conformance.verdicts import Cause, ClauseVerdict, Contribution, Verdict, fold

if TYPE_CHECKING:
    from pytest_conformance.record import Event
    from pytest_conformance.record.keys import SigningKey
    from pytest_conformance.reports import ClauseResult, Record

Correction = tuple["Event", str, Mapping[str, Any]]
"""A verdict as it reads today, one clause of it, and what it says of it now: verdict, cause, reason."""


def correct(
    folder: Path, corrections: Sequence[Correction], *, person: str, reason: str, key: SigningKey | None = None
) -> dict[str, ClauseResult]:
    """Add `corrections` to the sequel of the run in `folder`, then those of the verdicts that follow from them.

    Return each clause that changed, as it reads now. The views are built again.
    """
    from pytest_conformance.record.amendments import amend, amended_events
    from pytest_conformance.reports import build_views

    changed = []
    for event, clause, new in corrections:
        amend(folder, event, clause, new, person=person, reason=reason, key=key)
        changed.append(clause)
    why = f"follows from the correction of {', '.join(changed[:3])}{' ...' if changed[3:] else ''}"
    for followed, now in _what_follows(folder, list(amended_events(folder))):
        (clause,) = followed.data["clauses"]
        amend(folder, followed, clause, now, person=person, reason=why, key=key)
        changed.append(clause)
    after = {each.id: each for each in build_views(folder).record.clauses}
    return {name: after[name] for name in changed}


def require_whole(folder: Path) -> None:
    """Raise StorageError BEN-STO-012 for a record that does not verify, UsageError USE-AMD-001 where it has no end."""
    from pytest_conformance.record import verify_run
    from pytest_conformance.reports import read_record

    wrong = verify_run(folder)
    if wrong:
        raise StorageError("BEN-STO-012", f"the record does not verify: {wrong[0].message}", where=str(folder))
    if read_record(folder).exit_code is None:
        raise UsageError(
            "USE-AMD-001",
            "the run did not end, so there is nothing to correct yet",
            where=folder.name,
            todo="go on with it: pytest --resume",
        )


def _what_follows(folder: Path, events: list[Event]) -> list[tuple[Event, dict[str, Any]]]:
    """Return the derived verdicts that say something else now, with what they say."""
    from pytest_conformance.catalogue import load_catalogue
    from pytest_conformance.reports import read_record

    catalogue = load_catalogue()
    verdicts = _verdicts(read_record(folder), events)
    derived = catalogue.derive_all(verdicts)
    found = []
    for event in events:
        if event.type != "verdict" or not event.data.get("derived_from"):
            continue
        said = derived.get(str(event.data["clauses"][0]))
        for each in said.contributions if said is not None else ():
            now = {"verdict": each.verdict.value, "cause": each.cause.value if each.cause else None}
            before = {name: event.data[name] for name in now}
            if each.test == event.data["test"] and now != before:
                found.append((event, {**now, "reason": each.reason}))
    return found


def _verdicts(record: Record, events: list[Event]) -> Mapping[str, ClauseVerdict]:
    """Return the verdict of each clause that tests gave, without what was derived."""
    heard: dict[str, list[Contribution]] = {}
    for each in events:
        if each.type == "verdict" and not each.data.get("derived_from"):
            cause = Cause(each.data["cause"]) if each.data["cause"] else None
            said = Contribution(Verdict(each.data["verdict"]), each.data["test"], cause, str(each.data["reason"] or ""))
            for clause in each.data["clauses"]:
                heard.setdefault(clause, []).append(said)
    found = {}
    for row in record.clauses:
        if row.verdict == "NOT_APPLICABLE":
            found[row.id] = ClauseVerdict(Verdict.NOT_APPLICABLE, None, row.reason)
        elif row.id in heard:
            found[row.id] = fold(heard[row.id])
        elif row.verdict == "NOT_TESTED":
            found[row.id] = ClauseVerdict(Verdict.NOT_TESTED, None, row.reason)
    return found

"""What the journal tells of each test: clauses, verdicts, steps, evidence. For the views that list tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pytest_conformance.record import Event, PlannedClause
from pytest_conformance.reports.wording import visible
from pytest_conformance.verdicts import Cause, Contribution, Measurement, Verdict

STEPS, ATTACHMENTS = 200, 60
"""Steps and attachments of one test that a view lists; the record has all."""
_ENDS = frozenset({"passed", "failed", "broken"})


@dataclass
class Step:
    """One step of a test: title, what it holds, and how it ended (broken when it never did)."""

    name: str
    start: int
    stop: int
    status: str = "broken"
    said: str = ""
    steps: list[Step] = field(default_factory=list)
    attachments: list[Mapping[str, Any]] = field(default_factory=list)


@dataclass
class Told:
    """What the journal tells of one test. Times are milliseconds since 1970."""

    name: str
    clauses: list[PlannedClause] = field(default_factory=list)
    said: list[Contribution] = field(default_factory=list)
    explanation: str = ""
    start: int = 0
    stop: int = 0
    body: Step = field(default_factory=lambda: Step("", 0, 0))
    open: dict[int, Step] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: {"steps": 0, "attachments": 0})

    @property
    def gravest(self) -> Contribution | None:
        return max(self.said, key=lambda each: each.verdict.gravity, default=None)


def tests_of(events: Iterable[Event]) -> tuple[dict[str, Told], dict[str, Mapping[str, str]]]:
    """Return what the journal tells of each test, by its name, and the documents by their ids.

    A test of which nothing else is told (skipped, not reached) is given the time of its plan.
    """
    tests: dict[str, Told] = {}
    documents: dict[str, Mapping[str, str]] = {}
    fields = set(PlannedClause.__dataclass_fields__)
    planned: dict[str, int] = {}
    for event in events:
        data, at = event.data, _milliseconds(event.utc)
        if event.type == "plan":
            documents.update(data.get("documents", {}))
            for row in data["clauses"]:
                clause = PlannedClause(**{name: each for name, each in row.items() if name in fields})
                for test in row.get("tests", ()):
                    tests.setdefault(test, Told(test)).clauses.append(clause)
                    planned[test] = at
        name = str(data.get("test") or "")
        if not name or data.get("derived_from"):
            continue
        told = tests.setdefault(name, Told(name))
        told.start, told.stop = told.start or at, at
        _take(told, event, at)
    for name, told in tests.items():
        told.start, told.stop = told.start or planned[name], told.stop or planned[name]
    return tests, documents


def _take(told: Told, event: Event, at: int) -> None:
    data = event.data
    if event.type == "verdict":
        told.said.append(_contribution(data))
        told.explanation = told.explanation or str(data.get("explanation") or "")
    elif event.type == "evidence" and not data.get("blurred"):
        told.counts["attachments"] += 1
        if told.counts["attachments"] <= ATTACHMENTS:
            (list(told.open.values()) or [told.body])[-1].attachments.append(data)
    elif event.type == "step" and data["state"] == "begin":
        told.counts["steps"] += 1
        if told.counts["steps"] <= STEPS:
            step = Step(f"{data['phase']}: {visible(data['title'], 200)}", at, at)
            parent = data.get("parent")
            (told.open.get(parent, told.body) if parent is not None else told.body).steps.append(step)
            told.open[data["id"]] = step
    elif event.type == "step":
        ended = told.open.pop(data["id"], None)
        if ended is not None:
            ended.stop, ended.status = at, _end(data.get("outcome"))
            ended.said = visible(data.get("error", ""), 1000)


def _end(outcome: object) -> str:
    return str(outcome) if outcome in _ENDS else "broken"


def _contribution(data: Mapping[str, Any]) -> Contribution:
    measured = (each for each in data.get("measurements", ()) if isinstance(each.get("value"), int | float))
    return Contribution(
        Verdict(data["verdict"]),
        data["test"],
        Cause(data["cause"]) if data["cause"] else None,
        str(data.get("reason") or ""),
        str(data.get("code") or ""),
        tuple(Measurement(**each) for each in measured),
        tuple(data.get("evidence", ())),
    )


def _milliseconds(utc: str) -> int:
    return round(datetime.fromisoformat(utc).timestamp() * 1000)

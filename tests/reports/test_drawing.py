"""Observations that can be drawn become pictures while the run goes on; a broken one stops nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.record import Event, Run, read_journal
from pytest_conformance.reports.drawing import MOST, Drawings

PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Times:
    seconds: tuple[Any, ...]
    uncertainty: float = 0.01


@dataclass(frozen=True)
class Tried:
    shown: str
    species: str
    outcome: str
    opened: bool


@dataclass(frozen=True)
class Attacks:
    attempts: tuple[Tried, ...]
    genuine: tuple[Tried, ...]


@dataclass(frozen=True)
class Span:
    name: str
    began: int = 0
    opaque_up: int = 0
    sent_at: tuple[tuple[int, str, int], ...] = ((1_000_000_000, "api.example", 500),)
    marks: tuple[tuple[str, int], ...] = (("boot", 500_000_000),)
    consents: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True)
class Spans:
    one: Span
    two: Span = field(default_factory=lambda: Span("quiet", sent_at=()))
    note: str = ""


@pytest.fixture
def open_run(tmp_path: Path) -> Run:
    run = Run.start(tmp_path, {"bench": "mock"})
    run.listen(Drawings(run, limit=1.5))
    return run


def events(run: Run, kind: str) -> list[Event]:
    return [event for event in read_journal(run.folder / "journal.jsonl") if event.type == kind]


def drawn(run: Run) -> list[Mapping[str, Any]]:
    return [event.data for event in events(run, "evidence") if event.data["media_type"] == "image/png"]


def test_decision_times_become_a_histogram_and_its_data(open_run: Run) -> None:
    open_run.observation("decision_times", Times((0.5, 0.6, 0.7)))
    (picture,) = drawn(open_run)
    assert picture["name"] == "latency-histogram.png"
    assert picture["caption"] == "latency-histogram: decision_times"
    assert (open_run.folder / picture["file"]).read_bytes().startswith(PNG)
    (data,) = [e.data for e in events(open_run, "evidence") if e.data["media_type"] == "application/json"]
    text = (open_run.folder / data["file"]).read_text()
    assert "0.6" in text
    assert "1.5" in text, "the declared limit"


def test_attacks_become_a_grid_in_which_the_contact_counts(open_run: Run) -> None:
    attempts = (Tried("A-print-1", "print", "match", False), Tried("A-mask-1", "mask-3d", "reject", True))
    open_run.observation("attacks", Attacks(attempts, (Tried("S1", "", "match", True),)))
    (picture,) = drawn(open_run)
    assert picture["caption"].endswith("attacks")
    (data,) = [e.data for e in events(open_run, "evidence") if e.data["media_type"] == "application/json"]
    text = (open_run.folder / data["file"]).read_text()
    assert "genuine S1" in text
    assert "opened" in text
    assert "reject" not in text, "what the lock said does not count where its bolt was drawn"


def test_traffic_becomes_a_timeline_where_something_was_sent(open_run: Run) -> None:
    open_run.observation("cloud_use", Spans(Span("cloud-given")))
    (picture,) = drawn(open_run)
    assert picture["caption"] == "traffic-timeline: cloud_use"


def test_consents_that_were_in_force_are_bands_of_the_timeline(open_run: Run) -> None:
    open_run.observation("cloud_use", Spans(Span("cloud-given", consents=(("cloud_face", 250_000_000, 750_000_000),))))
    (data,) = [e.data for e in events(open_run, "evidence") if e.data["media_type"] == "application/json"]
    shown = json.loads((open_run.folder / data["file"]).read_text())
    assert shown["spans"] == [{"start": 0.25, "end": 0.75, "label": "consent: cloud_face"}]


def test_at_most_a_few_timelines_are_drawn_of_one_observation(open_run: Run) -> None:
    open_run.observation("many", {f"span{number}": Span(f"span{number}") for number in range(MOST + 3)})
    assert len(drawn(open_run)) <= MOST


@pytest.mark.parametrize("value", [Times(()), {"a": 1}, [1, 2], "text", None, Span("alone")])
def test_what_cannot_be_drawn_is_left_alone(open_run: Run, value: object) -> None:
    open_run.observation("other", value)
    assert drawn(open_run) == []
    assert events(open_run, "note") == []


def test_other_events_are_not_drawn(open_run: Run) -> None:
    open_run.event("note", {"text": "x", "value": {"seconds": [1.0]}})
    assert drawn(open_run) == []


@pytest.mark.parametrize(
    "broken",
    [
        Times(("soon", "later")),
        Times((0.5,), uncertainty="wide"),  # type: ignore[arg-type]
        {"attempts": [{"shown": "x"}], "genuine": []},
        {"one": {"opaque_up": 0, "sent_at": [[1]], "began": 0, "marks": [], "name": "x"}},
        {"one": {"opaque_up": 0, "sent_at": [[1, "h", 2]]}},
    ],
)
def test_a_broken_value_is_noted_and_the_next_observation_is_drawn(open_run: Run, broken: object) -> None:
    open_run.observation("broken", broken)
    (note,) = events(open_run, "note")
    assert "broken" in note.data["text"]
    assert drawn(open_run) == []
    open_run.observation("decision_times", Times((0.5, 0.6)))
    assert len(drawn(open_run)) == 1


def test_a_long_observation_is_read_from_evidence(open_run: Run) -> None:
    open_run.observation("decision_times", Times(tuple(0.5 + number / 1e6 for number in range(20_000))))
    (event,) = events(open_run, "observation")
    assert "value_ref" in event.data
    assert len(drawn(open_run)) == 1

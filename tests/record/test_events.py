"""The published schemas of the journal's events."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from pytest_conformance.errors import StorageError
from pytest_conformance.record import FORMAT, PlannedClause, Run, event_schemas
from pytest_conformance.record.events import EVENT_TYPES, SYNCED, check_event
from pytest_conformance.verdicts import Cause, Contribution, Measurement, Verdict


def test_every_schema_is_a_schema() -> None:
    assert set(event_schemas()) == EVENT_TYPES
    for schema in event_schemas().values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_types_that_must_be_on_the_disk_exist() -> None:
    assert SYNCED <= EVENT_TYPES


def test_events_of_a_run_fit_their_schemas(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {"bench": "mock"})
    run.plan([PlannedClause("A-1", "A", True, tests=("t",))], documents={"A": {"title": "a"}})
    run.event("descriptor", {"of": "device", "firmware": "1"})
    run.event("trial", {"campaign": "c", "number": 1, "outcome": "match"})
    run.event("progress", {"showing": "print", "done": 1, "planned": 3})
    run.event("safe-state", {"reached": True, "outputs": {"supply": 0.0}})
    with run.step("Measure", "look"):
        ref = run.evidence(b"x", name="x", media_type="text/plain")
    run.observation("seen", {"a": 1})
    measured = (Measurement("t", 1.0, "s", 0.1, "<= 2 s", 3),)
    run.verdict(["A-1"], Contribution(Verdict.FAIL, "t", Cause.DUT, "late", "", measured, (ref,)))
    run.stop(1)

    schemas = event_schemas()
    lines = [json.loads(line) for line in (run.folder / "journal.jsonl").read_text().splitlines()]
    for line in lines:
        jsonschema.validate(line, schemas[line["type"]], cls=jsonschema.Draft202012Validator)
    assert lines[0]["data"]["format"] == FORMAT
    assert [line["type"] for line in lines][-2:] == ["verdict", "stop"]


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(StorageError) as caught:
        check_event("verdikt", {})
    assert caught.value.code == "BEN-STO-008"


def test_a_missing_field_is_named() -> None:
    with pytest.raises(StorageError, match="cause"):
        check_event("verdict", {"clauses": [], "test": "t", "verdict": "PASS"})


def test_a_laboratory_may_add_types_of_its_own() -> None:
    check_event("x-chamber", {"celsius": 23})

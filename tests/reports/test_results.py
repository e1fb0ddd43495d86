"""results.json: its schema, and what it says of every clause."""

from __future__ import annotations

import json

import jsonschema
import pytest

from pytest_conformance.record import Run
from pytest_conformance.reports import ClauseResult, build_results, read_record, results_schema
from pytest_conformance.reports.results import counts, encode_results, worst_first, write_results


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(results_schema())


def test_results_of_a_run_fit_the_schema_and_are_strict_json(run: Run) -> None:
    file = write_results(run.folder, read_record(run.folder).results())

    assert file.read_bytes().isascii()
    results = json.loads(file.read_bytes(), parse_constant=pytest.fail)
    jsonschema.validate(results, results_schema(), cls=jsonschema.Draft202012Validator)


def test_every_clause_is_present_tested_or_not(run: Run, hostile: str) -> None:
    results = read_record(run.folder).results()

    said = {row["id"]: (row["verdict"], row["cause"], row["reason"]) for row in results["clauses"]}
    assert said == {
        "A-1": ("FAIL", "dut", hostile),
        "A-2": ("INCONCLUSIVE", "bench", "BEN-LNK-001: gone"),
        "A-3": ("NOT_APPLICABLE", None, "no camera declared"),
        "A-4": ("NOT_TESTED", None, "no-test"),
        "A-5": ("NOT_TESTED", "aborted", "selected, but no verdict came: skipped, or the run ended before"),
        "B-1": ("FAIL", "dut", "as A-1"),
        "B-2": ("NOT_TESTED", None, "deselected"),
    }
    first = results["clauses"][0]
    assert first["text_status"] == "verbatim"
    assert first["measurements"][0]["value"] == 1.25
    assert first["measurements"][1]["value"] is None
    assert results["clauses"][5]["derived_from"] == ["A-1"]
    assert results["exit_code"] == 1
    assert results["device"]["sample"] == "S/1"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda results: results.pop("exit_code"),
        lambda results: results["clauses"][0].pop("text_status"),
        lambda results: results["clauses"][0].update(verdict="OK"),
        lambda results: results["clauses"][0].update(evidence=["../x"]),
        lambda results: results["run"].update(mode="real"),
        lambda results: results.update(more=1),
    ],
)
def test_the_schema_refuses_what_drifts(spoil: object) -> None:
    results = build_results({"mode": "mock"}, [ClauseResult("A-1", "A", "PASS")], 0)
    jsonschema.validate(results, results_schema())
    spoil(results)  # type: ignore[operator]

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(results, results_schema())


def test_the_same_results_are_the_same_bytes() -> None:
    clauses = [ClauseResult("B-1", "B", "PASS"), ClauseResult("A-1", "A", "FAIL", "dut")]

    forward = encode_results(build_results({}, clauses, 0))
    backward = encode_results(build_results({}, reversed(clauses), 0))

    assert forward == backward


def test_clauses_are_counted_by_document() -> None:
    table = counts(
        [ClauseResult("A-1", "A", "PASS"), ClauseResult("A-2", "A", "PASS"), ClauseResult("B-1", "B", "FAIL")]
    )

    assert (table["A"]["PASS"], table["A"]["FAIL"], table["B"]["FAIL"]) == (2, 0, 1)


def test_the_gravest_come_first() -> None:
    verdicts = ["INCONCLUSIVE", "PASS", "FAIL", "CONDITIONAL_FAIL", "NOT_TESTED"]

    found = worst_first([ClauseResult(verdict, "A", verdict) for verdict in verdicts])

    assert [each.verdict for each in found] == ["FAIL", "CONDITIONAL_FAIL", "INCONCLUSIVE"]

"""What comes of tests: verdicts, exit codes, letters, Allure's status and the record, from the command line."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from pytest_conformance.catalogue import load_catalogue
from pytest_conformance.record.verify import verify_run
from pytest_conformance.reports.results import results_schema

Conduct = Callable[..., Any]

GOOD = """
@clause("CN-FRT-8.b")
def test_the_supply_is_there(supply):
    assert supply.identity().model
"""
MIXED = """
@clause("CN-FRT-8.a")
def test_device_breaks_the_rule(run, judgement):
    judgement.cite(run.evidence(b"what was seen", name="seen.txt", media_type="text/plain"))
    judgement.report("tries", 3, "1", n=3)
    assert not ["upload"], "the face left: \\udc80\\x1b[2J"

@clause("CN-FRT-8.b")
def test_within_limits(judgement):
    judgement.require("decision", 1.5, Limit("s", upper=2.0), uncertainty=0.1, n=20)

@clause("CN-FRT-7.a")
def test_bench_breaks():
    raise LinkError("BEN-LNK-999", "the wire is gone")

@clause("CN-FRT-7.a")
def test_same_clause_passes():
    pass

@clause("CN-FRT-10.a")
def test_bench_breaks_behind_an_assertion():
    try:
        raise LinkError("BEN-LNK-998", "the wire is gone")
    except LinkError as error:
        assert not error, "the device said nothing"

@clause("CN-FRT-10.b")
def test_skipped():
    pytest.skip("not today")

@pytest.fixture
def wrong():
    assert False, "a fixture's own assumption"

@clause("CN-PIPL-16")
def test_fixture_asserts(wrong):
    pass

@clause("CN-PIPL-13.a")
def test_code_is_broken():
    {}["missing"]
"""


@pytest.fixture(scope="module")
def good(conduct_once: Conduct) -> Any:
    return conduct_once(GOOD)


@pytest.fixture(scope="module")
def mixed(conduct_once: Conduct) -> Any:
    return conduct_once(MIXED)


def test_a_run_of_passes_ends_with_0(good: Any) -> None:
    assert good.code == 0, good.out
    assert good.results["exit_code"] == 0
    assert good.clauses["CN-FRT-8.b"]["verdict"] == "PASS"
    assert good.clauses["CN-FRT-8.b"]["tests"] == ["mine/test_mine.py::test_the_supply_is_there"]


def test_results_are_valid_and_hold_every_clause_of_the_catalogue(good: Any) -> None:
    jsonschema.validate(good.results, results_schema(), cls=jsonschema.Draft202012Validator)
    assert set(good.clauses) == set(load_catalogue().clauses)
    rest = {row["verdict"] for name, row in good.clauses.items() if not row["tests"] and not row["derived_from"]}
    assert rest == {"NOT_APPLICABLE", "NOT_TESTED"}
    assert {row["reason"] for row in good.clauses.values() if row["verdict"] == "NOT_TESTED"} == {"no-test"}


def test_the_record_verifies_and_begins_with_start_and_plan(good: Any) -> None:
    assert verify_run(good.folder) == []
    kinds = [event.type for event in good.events]
    assert kinds[0] == "start"
    assert "plan" in kinds[:3]
    assert kinds.index("plan") < kinds.index("descriptor")
    assert kinds[-1] == "stop"
    (safe,) = good.of_type("safe-state")
    assert safe.data["reached"] is True


def test_every_role_is_asked_who_it_is_before_the_first_test(good: Any) -> None:
    asked = {event.data["of"] for event in good.of_type("descriptor")}
    assert {"supply", "meter", "lux", "contact", "mover", "display", "watch", "capture", "cloud"} <= asked


def test_a_failed_assertion_ends_with_1_and_is_the_device_s(mixed: Any) -> None:
    row = mixed.clauses["CN-FRT-8.a"]
    assert (mixed.code, row["verdict"], row["cause"]) == (1, "FAIL", "dut")
    assert "the face left" in row["reason"]
    assert mixed.allure["test_device_breaks_the_rule"]["status"] == "failed"


def test_a_failed_test_s_evidence_and_measurements_are_kept(mixed: Any) -> None:
    row = mixed.clauses["CN-FRT-8.a"]
    (reference,) = row["evidence"]
    assert reference in {event.data["ref"] for event in mixed.of_type("evidence")}
    assert row["measurements"] == [
        {"name": "tries", "value": 3, "unit": "1", "uncertainty": None, "limit": "", "n": 3},
    ]


def test_a_measured_value_stands_beside_its_limit(mixed: Any) -> None:
    (measured,) = mixed.clauses["CN-FRT-8.b"]["measurements"]
    assert (measured["value"], measured["limit"], measured["uncertainty"], measured["n"]) == (1.5, "<= 2 s", 0.1, 20)


@pytest.mark.parametrize(
    ("clause", "cause", "said", "test"),
    [
        ("CN-FRT-7.a", "bench", "BEN-LNK-999", "test_bench_breaks"),
        ("CN-FRT-10.a", "bench", "BEN-LNK-998", "test_bench_breaks_behind_an_assertion"),
        ("CN-PIPL-16", "bench", "AssertionError in setup", "test_fixture_asserts"),
        ("CN-PIPL-13.a", "bench", "KeyError in call", "test_code_is_broken"),
    ],
)
def test_what_is_not_the_device_s_is_inconclusive(mixed: Any, clause: str, cause: str, said: str, test: str) -> None:
    row = mixed.clauses[clause]
    assert (row["verdict"], row["cause"]) == ("INCONCLUSIVE", cause)
    assert said in row["reason"]
    assert mixed.allure[test]["status"] == "broken"


def test_a_skipped_test_gives_no_verdict(mixed: Any) -> None:
    row = mixed.clauses["CN-FRT-10.b"]
    assert row["verdict"] == "NOT_TESTED"
    assert "skipped" in row["reason"]


def test_the_terminal_says_inconclusive_and_never_failed(mixed: Any) -> None:
    assert re.search(r"\b1 failed, 2 passed, 1 skipped, 4 inconclusive\b", mixed.out), mixed.out[-2000:]
    assert not re.search(r"(FAILED|ERROR).*test_bench_breaks", mixed.out)
    assert re.search(r"INCONCLUSIVE \(bench\) CN-FRT-7\.a", mixed.out)


def test_only_inconclusive_tests_end_with_10_and_letter_i(conduct: Conduct) -> None:
    ran = conduct(
        """
@clause("CN-FRT-8.a")
def test_bench_breaks(supply):
    raise BenchError("BEN-INS-999", "broken")

def test_of_the_lab_s_own():
    assert True
"""
    )
    assert ran.code == 10, ran.out
    assert re.search(r"^(mine/test_mine\.py )?I\. +\[100%\]$", ran.out, re.MULTILINE), ran.out
    assert ran.results["exit_code"] == 10


def test_a_failing_test_that_judges_nothing_is_no_verdict_but_not_forgotten(conduct: Conduct) -> None:
    ran = conduct(GOOD + "\ndef test_of_the_lab_s_own():\n    assert False\n")
    assert ran.code == 10, ran.out


def test_what_is_left_out_is_deselected_and_the_run_partial(conduct: Conduct) -> None:
    more = GOOD + '\n@clause("CN-FRT-8.a")\ndef test_other():\n    assert False\n'
    ran = conduct(more, "-k", "not other", "--collect-only")
    assert ran.code == 0, ran.out
    assert ran.clauses["CN-FRT-8.a"]["reason"] == "deselected"
    assert ran.results["run"]["partial"] is True
    assert not (ran.folder / "bench").exists(), "collecting touches no bench"

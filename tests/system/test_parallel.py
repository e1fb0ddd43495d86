"""Two workers, two simulated benches, one record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from pytest_conformance.catalogue import load_catalogue
from pytest_conformance.record.verify import verify_run
from pytest_conformance.reports.results import results_schema

SUITE = """
def together(name):
    # the first tests of both workers wait for each other (a worker is given two tests to begin with)
    open(name, "w").close()
    deadline = time.monotonic() + 120
    while not (os.path.exists("one") and os.path.exists("two")):
        assert time.monotonic() < deadline, "the other worker never came"
        time.sleep(0.05)

@clause("CN-FRT-8.a")
def test_one(supply, request):
    together("one")
    assert supply.identity().model, request.config.workerinput["workerid"]

@clause("CN-FRT-7.a")
def test_bench_breaks():
    raise LinkError("BEN-LNK-999", "the wire is gone \\udc80")

@clause("CN-FRT-8.a", "CN-FRT-8.b")
def test_two(supply):
    together("two")
    assert supply.identity().model

@clause("CN-FRT-10.a")
def test_bench_breaks_behind_an_assertion():
    try:
        raise BenchError("BEN-INS-998", "broken")
    except BenchError as error:
        assert not error, "the device said nothing \\udc80"

@clause("CN-FRT-10.b")
def test_worker_dies():
    os._exit(9)
"""


@pytest.fixture(scope="module")
def ran(conduct_once: Callable[..., Any]) -> Any:
    return conduct_once(SUITE, "-p", "xdist", "-n", "2")


def test_two_workers_leave_one_record(ran: Any) -> None:
    assert ran.code == 10, ran.out
    assert ran.results["exit_code"] == 10
    assert verify_run(ran.folder) == []
    assert [len(ran.of_type(kind)) for kind in ("start", "plan", "stop")] == [1, 1, 1]
    assert {"gw0", "gw1"} <= {each.name for each in (ran.folder / "bench").iterdir()}


def test_the_plan_is_complete(ran: Any) -> None:
    jsonschema.validate(ran.results, results_schema(), cls=jsonschema.Draft202012Validator)
    assert set(ran.clauses) == set(load_catalogue().clauses)


def test_contributions_of_both_workers_count(ran: Any) -> None:
    tests = {f"mine/test_mine.py::test_{name}" for name in ("one", "two")}
    assert set(ran.clauses["CN-FRT-8.a"]["tests"]) == tests
    said = {event.data["test"] for event in ran.of_type("verdict") if "CN-FRT-8.a" in event.data["clauses"]}
    assert said == tests
    assert ran.clauses["CN-FRT-8.a"]["verdict"] == ran.clauses["CN-FRT-8.b"]["verdict"] == "PASS"


@pytest.mark.parametrize(("clause", "code"), [("CN-FRT-7.a", "BEN-LNK-999"), ("CN-FRT-10.a", "BEN-INS-998")])
def test_a_bench_error_stays_one_on_its_way_from_the_worker(ran: Any, clause: str, code: str) -> None:
    row = ran.clauses[clause]
    assert (row["verdict"], row["cause"]) == ("INCONCLUSIVE", "bench")
    assert code in row["reason"]


def test_F07_a_worker_that_dies_is_the_bench_s(ran: Any) -> None:
    row = ran.clauses["CN-FRT-10.b"]
    assert (row["verdict"], row["cause"]) == ("INCONCLUSIVE", "bench"), ran.out
    assert "worker" in row["reason"]


def test_a_worker_that_ended_well_left_its_bench_safe(ran: Any) -> None:
    ended = ran.of_type("safe-state")
    assert ended
    assert all(event.data["reached"] for event in ended)
    for worker in (ran.folder / "bench").iterdir():
        assert ran.far_end("supply", worker.name)["on"] is False

"""Steps towards the safe state: in order, each cut at its deadline, none stopping the next."""

from __future__ import annotations

import threading
import time

from pytest_conformance.bench.safe_state import Outcome, Step, reach
from pytest_conformance.errors import InstrumentError


def test_steps_run_in_order_and_are_done() -> None:
    done: list[str] = []
    outcomes = reach([Step("a", lambda: done.append("a")), Step("b", lambda: done.append("b"))])
    assert done == ["a", "b"]
    assert outcomes == (Outcome("a", True), Outcome("b", True))


def test_a_failing_step_says_why_and_never_stops_the_next() -> None:
    done: list[str] = []

    def fail() -> None:
        raise InstrumentError("BEN-INS-110", "the output is not proven off")

    def leave() -> None:
        raise SystemExit(3)

    outcomes = reach([Step("a", fail), Step("b", leave), Step("c", lambda: done.append("c"))])
    assert [each.done for each in outcomes] == [False, False, True]
    assert "InstrumentError: BEN-INS-110" in outcomes[0].reason
    assert "SystemExit" in outcomes[1].reason
    assert done == ["c"]


def test_a_hanging_step_is_cut_at_its_deadline_and_never_stops_the_next() -> None:
    free, done = threading.Event(), list[str]()
    began = time.monotonic()
    outcomes = reach([Step("hangs", free.wait, 0.1), Step("next", lambda: done.append("next"))])  # type: ignore[arg-type]
    took = time.monotonic() - began
    free.set()
    assert 0.1 <= took < 5.0
    assert outcomes[0] == Outcome("hangs", False, "no end within 0.1 s")
    assert (outcomes[1].done, done) == (True, ["next"])


def test_nothing_to_do_is_reached() -> None:
    assert reach([]) == ()

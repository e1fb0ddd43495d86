from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.traps import Trap, require_traps, set_traps, until_night

PROFILE: Any = SimpleNamespace(windows=SimpleNamespace(trap=900.0))


class Bench:
    """Device, bench, uplink, run and recording in one: keeps what was done to it, in order."""

    def __init__(self, *, movable: bool = True) -> None:
        self.done: list[Any] = []
        self.movable = movable
        self.clock = self

    def power_cycle(self) -> None:
        self.done.append("restart")

    def sleep(self, seconds: float) -> None:
        self.done.append(seconds)

    def mark(self, label: str) -> None:
        self.done.append(f"mark {label}")

    def step(self, *what: str) -> Any:
        from contextlib import nullcontext

        return nullcontext()

    def times_asked(self) -> int:
        return self.done.count(900.0)

    def move_clock(self, ahead: float) -> None:
        if not self.movable:
            raise MethodError("MET-APN-003", "nothing here can move the time")
        self.done.append("night" if ahead else "true time")


def set_all(bench: Any) -> tuple[Trap, ...]:
    return set_traps(bench, bench, bench, bench, bench, PROFILE)


def test_each_trap_is_watched_and_the_true_time_comes_back() -> None:
    bench = Bench()
    traps = set_all(bench)
    expected = ["mark restart", "restart", 900.0, "night", "mark night", 900.0, "true time"]
    assert bench.done == expected
    assert traps == (Trap("restart", True), Trap("night", True, asked=1))
    require_traps(traps, "restart", "night")


def test_a_clock_that_nobody_can_move_is_named_and_refuses_the_conclusion() -> None:
    traps = set_all(Bench(movable=False))
    require_traps(traps, "restart")
    with pytest.raises(MethodError, match="night") as refused:
        require_traps(traps, "restart", "night")
    assert refused.value.code == "MET-TRF-003"
    assert "nothing here can move the time" in refused.value.where


@pytest.mark.parametrize(("hour", "seconds"), [(1, 5400.0), (2, 1800.0), (3, 84_600.0), (23, 12_600.0)])
def test_the_night_is_the_next_one(hour: int, seconds: float) -> None:
    assert until_night(datetime(2026, 1, 1, hour, tzinfo=UTC)) == seconds

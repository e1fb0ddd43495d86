"""The simulated world's time: timers in order, advances that run everything due on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from pytest_conformance.clock import DrivenClock
from pytest_conformance.simulation.timeline import SECOND, Timeline


@pytest.fixture
def timeline() -> Iterator[Timeline]:
    made = Timeline()
    yield made
    made.close()


def test_time_keeps_pace_with_the_wall(timeline: Timeline) -> None:
    began = timeline.now()
    time.sleep(0.05)
    assert 0.05 <= (timeline.now() - began) / SECOND < 5.0


def test_an_advance_runs_what_falls_due_in_order_at_its_time(timeline: Timeline) -> None:
    began = timeline.now()
    happened: list[tuple[str, float]] = []

    def note(name: str) -> None:
        happened.append((name, (timeline.now() - began) / SECOND))

    timeline.call_later(30.0, lambda: note("third"))
    timeline.call_later(10.0, lambda: note("first"))
    timeline.call_later(20.0, lambda: note("second"))
    timeline.call_later(50.0, lambda: note("not yet"))
    timeline.advance(40.0)
    assert [name for name, _ in happened] == ["first", "second", "third"]
    for (_, at), due in zip(happened, (10.0, 20.0, 30.0), strict=True):
        assert due <= at < due + 1.0


def test_equal_times_run_in_the_order_of_asking(timeline: Timeline) -> None:
    happened: list[int] = []
    due = timeline.now() + 5 * SECOND
    for number in range(5):
        timeline._push(type(timeline.call_later(100, lambda: None))(due, lambda n=number: happened.append(n)))
    timeline.advance(10.0)
    assert happened == [0, 1, 2, 3, 4]


def test_what_a_timer_asks_for_falls_due_in_the_same_advance(timeline: Timeline) -> None:
    happened: list[str] = []
    timeline.call_later(1.0, lambda: timeline.call_later(1.0, lambda: happened.append("then")))
    timeline.advance(5.0)
    assert happened == ["then"]


def test_recurring_timers_run_once_each_period(timeline: Timeline) -> None:
    ticks: list[int] = []
    timer = timeline.call_every(1.0, lambda: ticks.append(timeline.now()))
    timeline.advance(10.5)
    assert len(ticks) == 10
    timer.cancel()
    timeline.advance(10.0)
    assert len(ticks) == 10


def test_a_timer_may_cancel_itself_and_others(timeline: Timeline) -> None:
    happened: list[str] = []
    other = timeline.call_later(2.0, lambda: happened.append("other"))
    timeline.call_later(1.0, other.cancel)
    recurring = timeline.call_every(1.0, lambda: (happened.append("once"), recurring.cancel()))
    timeline.advance(10.0)
    assert happened == ["once"]


def test_the_world_is_ahead_by_exactly_what_was_advanced(timeline: Timeline) -> None:
    timeline.call_later(1.0, lambda: time.sleep(0.2))
    clock = DrivenClock(timeline.advance)
    before = timeline.now() - clock.now()
    clock.sleep(10.0)
    clock.sleep(0.5)
    assert abs((timeline.now() - clock.now()) - before) < 0.05 * SECOND, "bench and world stay together"


def test_timers_run_by_themselves_between_advances(timeline: Timeline) -> None:
    done = threading.Event()
    timeline.call_later(0.05, done.set)
    assert done.wait(5.0)


def test_a_new_earlier_timer_does_not_wait_for_a_later_one(timeline: Timeline) -> None:
    timeline.call_later(60.0, lambda: None)
    time.sleep(0.05)
    done = threading.Event()
    timeline.call_later(0.01, done.set)
    assert done.wait(5.0)


def test_who_sleeps_in_world_time_wakes_when_it_is_advanced(timeline: Timeline) -> None:
    woken = threading.Event()
    sleeper = threading.Thread(target=lambda: (timeline.sleep(100.0), woken.set()))
    sleeper.start()
    time.sleep(0.1)
    assert not woken.is_set()
    timeline.advance(101.0)
    assert woken.wait(5.0)
    sleeper.join()


def test_a_timer_that_crashes_harms_no_other(timeline: Timeline) -> None:
    happened: list[str] = []

    def crash() -> None:
        raise ValueError("a simulated part's own fault")

    timer = timeline.call_every(1.0, crash)
    timeline.call_later(2.5, lambda: happened.append("still"))
    with pytest.raises(RuntimeError, match="ValueError: a simulated part's own fault"):
        timeline.advance(5.0)
    assert happened == ["still"]
    timer.cancel()
    timeline.advance(5.0)


def test_a_timer_that_crashes_between_advances_is_noticed_at_the_next(timeline: Timeline) -> None:
    crashed, done = threading.Event(), threading.Event()

    def crash() -> None:
        crashed.set()
        raise ValueError("a simulated part's own fault")

    timeline.call_later(0.01, crash)
    assert crashed.wait(5.0)
    timeline.call_later(0.01, done.set)
    assert done.wait(5.0), "the timeline's own thread lives"
    with pytest.raises(RuntimeError, match="own fault"):
        timeline.advance(1.0)


def test_after_its_end_nothing_runs(timeline: Timeline) -> None:
    done = threading.Event()
    timeline.call_later(0.05, done.set)
    timeline.close()
    assert not done.wait(0.2)
    assert not timeline._thread.is_alive()

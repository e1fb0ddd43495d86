"""Bench time: real, driven, and the beats between the steps of a wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from pytest_conformance import clock as clock_module
from pytest_conformance.clock import BEAT, SECOND, Clock, DrivenClock, RealClock
from pytest_conformance.errors import LinkError


class Told:
    """A simulated world that only keeps what it was told to advance."""

    def __init__(self) -> None:
        self.steps: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.steps.append(seconds)


@pytest.fixture
def world() -> Told:
    return Told()


@pytest.fixture
def driven(world: Told) -> DrivenClock:
    return DrivenClock(world)


def test_both_are_clocks(driven: DrivenClock) -> None:
    assert isinstance(driven, Clock)
    assert isinstance(RealClock(), Clock)


def test_real_time_passes_by_itself() -> None:
    clock = RealClock()
    began = clock.now()
    clock.sleep(0.03)
    assert clock.now() - began >= 0.03 * SECOND
    clock.sleep(0)
    clock.sleep(-1)


def test_a_long_driven_wait_takes_no_wall_time(driven: DrivenClock, world: Told) -> None:
    wall, bench = time.monotonic(), driven.now()
    driven.sleep(3600.0)
    assert time.monotonic() - wall < 1.0
    assert driven.now() - bench >= 3600 * SECOND
    assert driven.offset == 3600 * SECOND
    assert sum(world.steps) == pytest.approx(3600.0)


def test_a_short_driven_wait_is_real(driven: DrivenClock, world: Told) -> None:
    began = time.monotonic()
    driven.sleep(0.05)
    assert time.monotonic() - began >= 0.05
    assert (driven.offset, world.steps) == (0, [])


def test_within_realtime_nothing_is_driven(driven: DrivenClock, world: Told) -> None:
    with driven.realtime(), driven.realtime():
        pass
    with driven.realtime():
        driven.sleep(0.25)
        assert driven.wait_for(lambda: False, 0.25) is None
        assert world.steps == []
    driven.sleep(1.0)
    assert world.steps == [1.0]


def test_realtime_ends_with_an_exception(driven: DrivenClock, world: Told) -> None:
    with pytest.raises(KeyError), driven.realtime():
        raise KeyError
    driven.sleep(1.0)
    assert world.steps == [1.0]


@pytest.mark.parametrize("make", [RealClock, lambda: DrivenClock(Told())])
def test_wait_for_returns_the_first_true_value(make: Callable[[], RealClock]) -> None:
    values = iter([0, "", None, "there", "too late"])
    assert make().wait_for(lambda: next(values), 0.15) == "there"


@pytest.mark.parametrize("timeout", [0.0, 0.05, 10.0])
def test_wait_for_looks_at_least_once_and_gives_up_in_bench_time(driven: DrivenClock, timeout: float) -> None:
    looks: list[int] = []
    began = driven.now()
    assert driven.wait_for(lambda: looks.append(driven.now()), timeout) is None
    assert looks
    assert driven.now() - began >= timeout * SECOND
    assert looks[-1] - began >= timeout * SECOND, "the last look is at the end"


def test_wait_for_advances_the_world_until_the_condition_holds(driven: DrivenClock, world: Told) -> None:
    assert driven.wait_for(lambda: sum(world.steps) >= 40.0, 60.0) is True
    assert sum(world.steps) < 60.0


def test_a_condition_s_error_ends_the_wait(driven: DrivenClock) -> None:
    def fail() -> bool:
        raise LinkError("BEN-LNK-999", "gone")

    with pytest.raises(LinkError):
        driven.wait_for(fail, 60.0)


# --- beats


def test_a_long_wait_beats_at_least_each_15_s(driven: DrivenClock, world: Told) -> None:
    at: list[float] = []
    driven.beat = lambda: at.append(driven.offset / SECOND)
    driven.sleep(100.0)
    assert len(at) == 6
    assert max(world.steps) <= BEAT
    gaps = [later - sooner for sooner, later in zip([0.0, *at], [*at, 100.0], strict=True)]
    assert max(gaps) <= BEAT + 0.1
    assert sum(world.steps) == pytest.approx(100.0)


def test_many_waits_that_are_shorter_than_a_beat_beat_too(driven: DrivenClock) -> None:
    beats: list[int] = []
    driven.beat = lambda: beats.append(driven.now())
    for _ in range(10):
        driven.sleep(10.0)
    assert len(beats) >= 6


def test_waiting_for_a_condition_beats(driven: DrivenClock, world: Told) -> None:
    beats: list[int] = []
    driven.beat = lambda: beats.append(driven.now())
    driven.wait_for(lambda: False, 100.0)
    assert len(beats) >= 6
    assert max(world.steps) <= BEAT


def test_a_real_wait_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_module, "BEAT", 0.02)
    clock = RealClock()
    beats: list[int] = []
    clock.beat = lambda: beats.append(1)
    clock.sleep(0.11)
    slept = len(beats)
    assert slept >= 3
    clock.wait_for(lambda: False, 0.11)
    assert len(beats) >= slept + 3


def test_a_driven_wait_that_a_beat_splits_stays_driven(driven: DrivenClock, world: Told) -> None:
    driven.beat = lambda: None
    began = time.monotonic()
    for _ in range(20):
        driven.sleep(14.9)  # leaves 0.1 s and its like to the next beat
        driven.sleep(0.3)
    assert time.monotonic() - began < 0.2
    assert min(world.steps) < driven.threshold
    assert sum(world.steps) == pytest.approx(20 * 15.2)


def test_a_fence_is_asked_before_each_look_but_the_first(driven: DrivenClock, world: Told) -> None:
    did: list[str] = []
    looks = iter([False, False, True])

    def look() -> bool:
        did.append("look")
        return next(looks)

    assert driven.wait_for(look, 60.0, fence=lambda: did.append("fence"))
    assert did == ["look", "fence", "look", "fence", "look"]
    assert sum(world.steps) == pytest.approx(3.0)


def test_a_condition_that_comes_true_soon_is_seen_soon() -> None:
    began = time.monotonic()
    assert RealClock().wait_for(lambda: time.monotonic() - began > 0.0003, 1.0)
    assert time.monotonic() - began < 0.01
    looks: list[int] = []
    RealClock().wait_for(lambda: looks.append(1), 0.1)
    assert len(looks) < 150, "a condition that stays false is not asked all the time"


def test_a_failing_beat_ends_the_wait(driven: DrivenClock, world: Told) -> None:
    def fail() -> None:
        raise LinkError("BEN-LNK-102", "the supply is gone")

    driven.beat = fail
    with pytest.raises(LinkError):
        driven.sleep(3600.0)
    assert sum(world.steps) <= BEAT


def test_a_beat_that_waits_does_not_beat_again(driven: DrivenClock) -> None:
    depth: list[int] = []

    def beat() -> None:
        depth.append(1)
        driven.sleep(40.0)

    driven.beat = beat
    driven.sleep(16.0)
    assert len(depth) == 1


def test_another_thread_s_wait_never_beats(driven: DrivenClock) -> None:
    beats: list[int] = []
    driven.beat = lambda: beats.append(1)
    other = threading.Thread(target=lambda: driven.sleep(100.0))
    other.start()
    other.join()
    assert beats == []


def test_without_a_beat_a_wait_is_just_a_wait(driven: DrivenClock) -> None:
    driven.beat = lambda: pytest.fail("taken away again")
    driven.beat = None
    driven.sleep(100.0)
    assert driven.beat is None

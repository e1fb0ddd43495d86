"""The clock that everything waits through: real time on a lab bench, driven time on the mock bench.

No other module of the package sleeps. Simulators keep their own time (`simulation/timeline.py`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar, runtime_checkable

T = TypeVar("T")

SECOND = 1_000_000_000
"""Nanoseconds in a second."""
BEAT = 15.0
"""Seconds of bench time that a wait lets pass at most between two beats."""


@runtime_checkable
class Clock(Protocol):
    """Monotonic bench time in nanoseconds."""

    def now(self) -> int:
        """Return monotonic bench time in nanoseconds."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait `seconds` of bench time."""
        ...

    def wait_for(
        self, condition: Callable[[], T], timeout: float, *, fence: Callable[[], object] | None = None
    ) -> T | None:
        """Return the first true value of `condition()`, or None when `timeout` seconds of bench time passed.

        `fence`, where it is given, returns only when all that happened before has arrived here: a question on the
        same wire, or nothing at all where `condition` itself asks. Where time is driven it is called before each
        look but the first, and stands for the time that bytes are given otherwise; real time does not call it.
        """
        ...

    @contextmanager
    def realtime(self) -> Iterator[None]:
        """Within this block bench time and wall time run alike: for everything that is timed on a wire."""
        ...


class RealClock:
    """Bench time is wall time (monotonic).

    `beat`, when set, is called between the steps of a wait, at least each 15 s of bench time, and what it raises
    ends the wait. Only waits of the thread that set it beat: another thread's life says nothing of the run loop's.
    """

    poll = 0.001
    """Seconds between two looks at a condition, once it has not come true for some milliseconds."""
    first_poll = 0.0001
    """Seconds to the second look: answers on a wire mostly take less than a millisecond."""

    def __init__(self) -> None:
        self._beat: Callable[[], None] | None = None
        self._beaten = 0
        self._owner = 0
        self._beating = False

    @property
    def beat(self) -> Callable[[], None] | None:
        """What must hear from a living run loop during waits; None for nothing."""
        return self._beat

    @beat.setter
    def beat(self, beat: Callable[[], None] | None) -> None:
        self._beat = beat
        self._beaten = self.now()
        self._owner = threading.get_ident()

    def now(self) -> int:
        return time.monotonic_ns()

    def sleep(self, seconds: float) -> None:
        let_pass = self._passing(seconds)
        while seconds > 0:
            step = min(seconds, self._until_beat())
            let_pass(step)
            seconds -= step

    def _passing(self, seconds: float) -> Callable[[float], None]:
        """Return what lets the parts of a wait of `seconds` pass, each in one go."""
        return self._pass

    def _pass(self, seconds: float) -> None:
        time.sleep(seconds)

    def _looks(self) -> Iterator[float]:
        """Yield how long to wait before each further look at a condition, in seconds."""
        step = self.first_poll
        while True:
            yield min(step, self.poll)
            step *= 1.25

    def _until_beat(self) -> float:
        """Beat when that is due; return the seconds until it is due next."""
        if self._beat is None or self._beating or threading.get_ident() != self._owner:
            return BEAT
        left = BEAT - (self.now() - self._beaten) / SECOND
        if left > 0:
            return left
        self._beating = True
        try:
            self._beat()
        finally:
            self._beating = False
            self._beaten = self.now()
        return BEAT

    def wait_for(
        self, condition: Callable[[], T], timeout: float, *, fence: Callable[[], object] | None = None
    ) -> T | None:
        deadline = self.now() + int(timeout * SECOND)
        for step in self._looks():
            if value := condition():
                return value
            if self.now() >= deadline:
                break
            self.sleep(step)
        return None

    @contextmanager
    def realtime(self) -> Iterator[None]:
        yield


class DrivenClock(RealClock):
    """Bench time of the mock bench: long waits advance the simulated world instead of passing on the wall.

    `advance(seconds)` asks the simulation to let that much of its time pass, and returns when all that was due
    in it has happened. Waits shorter than `threshold` seconds, and all waits inside `realtime()`, are real; a longer
    one is driven to its end, also where a beat splits it.
    """

    threshold = 0.2
    settle = 0.02
    """Wall seconds that a condition is given after each step, for bytes that are still on a wire."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        super().__init__()
        self._advance = advance
        self._offset = 0
        self._real = 0

    @property
    def offset(self) -> int:
        """Nanoseconds by which bench time is ahead of the wall."""
        return self._offset

    def now(self) -> int:
        return time.monotonic_ns() + self._offset

    def _passing(self, seconds: float) -> Callable[[float], None]:
        return self._pass if self._real or seconds <= self.threshold else self._drive

    def _drive(self, seconds: float) -> None:
        self._advance(seconds)
        self._offset += int(seconds * SECOND)

    def wait_for(
        self, condition: Callable[[], T], timeout: float, *, fence: Callable[[], object] | None = None
    ) -> T | None:
        if self._real or timeout <= self.threshold:
            return super().wait_for(condition, timeout)
        deadline = self.now() + int(timeout * SECOND)
        step, growth, within = (0.25, 1.5, self.settle) if fence is None else (1.0, 2.0, 0.0)
        while not (value := self._settled(condition, within)):
            left = (deadline - self.now()) / SECOND
            if left <= 0:
                return None
            self.sleep(max(min(step, left), self.threshold * 1.01))
            step = min(step * growth, 30.0)
            if fence is not None:
                fence()
        return value

    def _settled(self, condition: Callable[[], T], within: float) -> T:
        """Return what `condition()` is, at once when it is true, at the latest after `within` seconds of the wall."""
        until = time.monotonic_ns() + int(within * SECOND)
        looks = self._looks()
        while not (value := condition()) and time.monotonic_ns() < until:
            time.sleep(next(looks))
        return value

    @contextmanager
    def realtime(self) -> Iterator[None]:
        self._real += 1
        try:
            yield
        finally:
            self._real -= 1

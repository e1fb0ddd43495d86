"""The clock that everything waits through: real time on a lab bench, driven time on the mock bench.

No other module of the package sleeps. Simulators keep their own time (`simulation/timeline.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar, runtime_checkable

T = TypeVar("T")

SECOND = 1_000_000_000
"""Nanoseconds in a second."""


@runtime_checkable
class Clock(Protocol):
    """Monotonic bench time in nanoseconds."""

    def now(self) -> int:
        """Return monotonic bench time in nanoseconds."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait `seconds` of bench time."""
        ...

    def wait_for(self, condition: Callable[[], T], timeout: float) -> T | None:
        """Return the first true value of `condition()`, or None when `timeout` seconds of bench time passed."""
        ...

    @contextmanager
    def realtime(self) -> Iterator[None]:
        """Within this block bench time and wall time run alike: for everything that is timed on a wire."""
        ...


class RealClock:
    """Bench time is wall time (monotonic)."""

    poll = 0.001
    """Seconds between two looks at a condition."""

    def now(self) -> int:
        return time.monotonic_ns()

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)

    def wait_for(self, condition: Callable[[], T], timeout: float) -> T | None:
        deadline = self.now() + int(timeout * SECOND)
        while True:
            if value := condition():
                return value
            if self.now() >= deadline:
                return None
            self.sleep(self.poll)

    @contextmanager
    def realtime(self) -> Iterator[None]:
        yield


class DrivenClock(RealClock):
    """Bench time of the mock bench: long waits advance the simulated world instead of passing on the wall.

    `advance(seconds)` asks the simulation to let that much of its time pass, and returns when all that was due
    in it has happened. Waits shorter than `threshold` seconds, and all waits inside `realtime()`, are real.
    """

    threshold = 0.2
    settle = 0.02
    """Wall seconds that a condition is given after each step, for bytes that are still on a wire."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        self._advance = advance
        self._offset = 0
        self._real = 0

    @property
    def offset(self) -> int:
        """Nanoseconds by which bench time is ahead of the wall."""
        return self._offset

    def now(self) -> int:
        return time.monotonic_ns() + self._offset

    def sleep(self, seconds: float) -> None:
        if self._real or seconds <= self.threshold:
            super().sleep(seconds)
            return
        self._advance(seconds)
        self._offset += int(seconds * SECOND)

    def wait_for(self, condition: Callable[[], T], timeout: float) -> T | None:
        if self._real or timeout <= self.threshold:
            return super().wait_for(condition, timeout)
        deadline = self.now() + int(timeout * SECOND)
        step = 0.25
        while True:
            settled = time.monotonic_ns() + int(self.settle * SECOND)
            while True:
                if value := condition():
                    return value
                if time.monotonic_ns() >= settled:
                    break
                time.sleep(self.poll)
            left = (deadline - self.now()) / SECOND
            if left <= 0:
                return None
            self.sleep(max(min(step, left), self.threshold * 1.01))
            step = min(step * 1.5, 30.0)

    @contextmanager
    def realtime(self) -> Iterator[None]:
        self._real += 1
        try:
            yield
        finally:
            self._real -= 1

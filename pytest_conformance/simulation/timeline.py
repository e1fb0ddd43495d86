"""The simulated world's time: the wall clock plus an offset that the bench may advance."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
import traceback
from collections.abc import Callable

SECOND = 1_000_000_000


class Timer:
    """A call that is due at some time of the world; `cancel()` it when it no longer applies."""

    def __init__(self, due: int, action: Callable[[], None], *, every: int | None = None) -> None:
        self.due = due
        self.action = action
        self.every = every
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Timeline:
    """Monotonic nanoseconds of the simulated world, with timers.

    Timers run on one thread in order of their due times. `advance(seconds)` moves the world forward: it runs
    everything that falls due on the way, in order, and returns when all of it has been done. Between advances
    the world keeps pace with the wall.
    """

    def __init__(self) -> None:
        self._offset = 0
        self._heap: list[tuple[int, int, Timer]] = []
        self._order = itertools.count()
        self._changed = threading.Condition(threading.RLock())
        self._busy = threading.RLock()
        self._closed = False
        self._faults: list[Exception] = []
        self._thread = threading.Thread(target=self._run, name="timeline", daemon=True)
        self._thread.start()

    def now(self) -> int:
        """Return the world's time in nanoseconds (same origin as the bench clock: the host's monotonic clock)."""
        return time.monotonic_ns() + self._offset

    def call_later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run `action` once, `seconds` from now."""
        return self._push(Timer(self.now() + int(seconds * SECOND), action))

    def call_every(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run `action` each `seconds`, first after one period, until cancelled."""
        return self._push(Timer(self.now() + int(seconds * SECOND), action, every=int(seconds * SECOND)))

    def sleep(self, seconds: float) -> None:
        """Wait until the world is `seconds` older; returns early in wall time when the world is advanced."""
        done = threading.Event()
        self.call_later(seconds, done.set)
        done.wait()

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once; every timer due in them runs before this returns.

        The world gets exactly `seconds` ahead of the wall, however long the timers take to run, so that it stays
        at a constant distance from a bench clock that adds the same `seconds`. Raises RuntimeError, once all is done,
        when a timer has crashed since the last advance: a broken simulation must not go on unnoticed.
        """
        with self._busy:
            left = int(seconds * SECOND)
            target = self.now() + left
            while (timer := self._pop(target)) is not None:
                step = min(max(timer.due - self.now(), 0), left)
                self._offset += step
                left -= step
                self._fire(timer)
            self._offset += left
        with self._changed:
            self._changed.notify_all()
        faults, self._faults = self._faults, []
        if faults:
            raise RuntimeError(f"a simulated part crashed: {type(faults[0]).__name__}: {faults[0]}") from faults[0]

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _push(self, timer: Timer) -> Timer:
        with self._changed:
            heapq.heappush(self._heap, (timer.due, next(self._order), timer))
            self._changed.notify_all()
        return timer

    def _pop(self, until: int) -> Timer | None:
        with self._changed:
            while self._heap and self._heap[0][0] <= until:
                timer = heapq.heappop(self._heap)[2]
                if not timer.cancelled:
                    return timer
        return None

    def _fire(self, timer: Timer) -> None:
        try:
            timer.action()
        except Exception as error:  # one part's crash must neither stop the world's time nor be lost
            traceback.print_exc()
            self._faults.append(error)
        if timer.every is not None and not timer.cancelled:
            timer.due += timer.every
            self._push(timer)

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                wait = (self._heap[0][0] - self.now()) / SECOND if self._heap else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
            with self._busy:
                timer = self._pop(self.now())
                if timer is not None:
                    self._fire(timer)

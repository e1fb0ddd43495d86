"""Lines between simulated things: the supply's rail, the bolt's contact, an indicator lamp."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from pytest_conformance.simulation.timeline import Timeline

T = TypeVar("T")


class Signal(Generic[T]):
    """A value with a history of changes; listeners are told of each change, in the thread that made it."""

    def __init__(self, timeline: Timeline, value: T) -> None:
        self._timeline = timeline
        self._lock = threading.RLock()
        self._listeners: list[Callable[[T], None]] = []
        self.value = value
        self.history: list[tuple[int, T]] = [(timeline.now(), value)]
        """Pairs of world time in ns and value, oldest first."""

    def set(self, value: T) -> None:
        """Change the value; the same value again is no change."""
        with self._lock:
            if value == self.value:
                return
            self.value = value
            self.history.append((self._timeline.now(), value))
            listeners = list(self._listeners)
        for listener in listeners:
            listener(value)

    def listen(self, listener: Callable[[T], None]) -> None:
        with self._lock:
            self._listeners.append(listener)

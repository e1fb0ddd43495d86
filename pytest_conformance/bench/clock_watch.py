"""Notice what the host's clocks do during a run: steps of the wall clock, and sleep of the whole machine."""

from __future__ import annotations

import time
from collections.abc import Callable

from pytest_conformance.errors import BenchError

STEP = 0.5
"""Seconds by which the wall clock may drift from the monotonic one between two looks."""
ASLEEP = 0.5
"""Seconds by which the boot-time clock may gain on the monotonic one: it counts while the machine sleeps."""
_SECOND = 1e9


class ClockWatch:
    """Compares three clocks of the host, given in nanoseconds.

    Durations come from the monotonic clock, which neither jumps nor counts sleep.
    """

    def __init__(
        self,
        wall: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], int] = time.monotonic_ns,
        boot: Callable[[], int] = lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME),
    ) -> None:
        self._wall, self._monotonic, self._boot = wall, monotonic, boot
        self._offset, self._slept = self._look()

    def jump(self) -> float:
        """Return by how many seconds the wall clock jumped since the last look; 0.0 for less than STEP."""
        offset, slept = self._look()
        jumped = (offset - self._offset - (slept - self._slept)) / _SECOND
        self._offset = offset - (slept - self._slept)
        return jumped if abs(jumped) >= STEP else 0.0

    def require_awake(self) -> None:
        """Raise BenchError BEN-CLK-002 when the machine slept since the last look: nobody watched the device then."""
        slept = self._look()[1]
        seconds = (slept - self._slept) / _SECOND
        if seconds >= ASLEEP:
            self._offset += slept - self._slept
            self._slept = slept
            raise BenchError(
                "BEN-CLK-002",
                f"the computer slept for {seconds:.1f} s during the run",
                expected="a computer that never suspends",
                todo="forbid it to suspend (systemctl mask suspend.target); what was measured meanwhile is void",
            )

    def _look(self) -> tuple[int, int]:
        monotonic = self._monotonic()
        return self._wall() - monotonic, self._boot() - monotonic

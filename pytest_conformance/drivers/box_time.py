"""Map a box's own clock to the bench clock from ping exchanges, as NTP does: the fastest exchange counts. Pure."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

MICROSECOND = 1000
"""Nanoseconds."""
RATE_CHANGE = 5e-6
"""How much a crystal's rate may change between two comparisons, relative: a few degrees of temperature."""


@dataclass(frozen=True)
class Exchange:
    """One ping: bench time when sent and when answered (ns), and the box's time in the answer (µs)."""

    sent: int
    box: int
    received: int

    @property
    def delay(self) -> int:
        """Nanoseconds there and back."""
        return self.received - self.sent

    @property
    def middle(self) -> int:
        """Bench time half-way, ns."""
        return (self.sent + self.received) // 2


def fastest(exchanges: Sequence[Exchange]) -> Exchange:
    """Return the exchange with the least delay: it bounds the offset best."""
    return min(exchanges, key=lambda each: each.delay)


class BoxTime:
    """Bench time of the box's time stamps, by straight lines between the exchanges that were kept, oldest first."""

    def __init__(self) -> None:
        self._kept: list[Exchange] = []

    def __bool__(self) -> bool:
        return bool(self._kept)

    @property
    def last(self) -> Exchange:
        return self._kept[-1]

    def keep(self, exchange: Exchange) -> None:
        """Add an exchange that is later than all before."""
        self._kept.append(exchange)

    def bench(self, box: int) -> int:
        """Return the bench time (ns) of box time `box` (µs); outside the exchanges the nearest offset holds."""
        index = bisect.bisect_left(self._kept, box, key=lambda each: each.box)
        if index == 0 or index == len(self._kept):
            near = self._kept[0] if index == 0 else self._kept[-1]
            return near.middle + (box - near.box) * MICROSECOND
        before, after = self._kept[index - 1], self._kept[index]
        share = (box - before.box) / (after.box - before.box)
        return before.middle + round(share * (after.middle - before.middle))

    def uncertainty(self) -> float:
        """Return the standard uncertainty (s) of the times that were mapped last.

        Three rectangular parts (GUM 4.3.7): half the delay of the slower of the last two exchanges, half a
        microsecond of resolution, and a changing rate over half the time between them.
        """
        last = self._kept[-2:]
        delay = max(each.delay for each in last) / 2e9
        wander = RATE_CHANGE * (last[-1].middle - last[0].middle) / 2e9
        return math.sqrt((delay**2 + 0.5e-6**2 + wander**2) / 3)

"""What is remembered of every packet of a flow, in columns of numbers: a tenth of what tuples would take."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import overload


class Trace:
    """Which packet carried which bytes of a stream: offset, length, frame and time of each segment, by offset."""

    __slots__ = ("_frames", "_lengths", "_offsets", "_times")

    def __init__(self, segments: Iterable[tuple[int, int, int | bytes, int, float]]) -> None:
        rows = list(segments)
        self._offsets = array("q", [row[0] for row in rows])
        self._lengths = array("q", [row[1] for row in rows])
        self._frames = array("q", [row[3] for row in rows])
        self._times = array("d", [row[4] for row in rows])

    def frames(self, extents: Iterable[tuple[int, int]]) -> tuple[list[int], float, float]:
        """Return the frame numbers, first and last time of the packets that carried the given stream ranges."""
        frames: set[int] = set()
        first, last = float("inf"), float("-inf")
        for start, end in extents:
            for index in range(max(bisect_right(self._offsets, start) - 1, 0), len(self._offsets)):
                offset, length = self._offsets[index], self._lengths[index]
                if offset >= end:
                    break
                if offset + length > start:
                    frames.add(self._frames[index])
                    time = self._times[index]
                    first, last = min(first, time), max(last, time)
        return sorted(frames), first, last


class Samples(Sequence[tuple[float, int]]):
    """Pairs of (time in seconds, bytes)."""

    __slots__ = ("_sizes", "_times")

    def __init__(self, pairs: Iterable[tuple[float, int]] = ()) -> None:
        rows = list(pairs)
        self._times = array("d", [row[0] for row in rows])
        self._sizes = array("q", [row[1] for row in rows])

    def __len__(self) -> int:
        """How many pairs."""
        return len(self._times)

    def __iter__(self) -> Iterator[tuple[float, int]]:
        """Yield the pairs in order."""
        return zip(self._times, self._sizes, strict=True)

    @overload
    def __getitem__(self, index: int) -> tuple[float, int]: ...

    @overload
    def __getitem__(self, index: slice) -> Samples: ...

    def __getitem__(self, index: int | slice) -> tuple[float, int] | Samples:
        """Return one pair, or some of them."""
        if isinstance(index, slice):
            return Samples(zip(self._times[index], self._sizes[index], strict=True))
        return self._times[index], self._sizes[index]

    def __eq__(self, other: object) -> bool:
        """Compare pair by pair."""
        return isinstance(other, Samples) and (self._times, self._sizes) == (other._times, other._sizes)

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash((self._times.tobytes(), self._sizes.tobytes()))

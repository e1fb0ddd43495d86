"""One direction of a flow: segments as they came, and the reassembled stream that they give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from pytest_conformance.analysis.traffic.columns import Trace

_MASK = 0xFFFFFFFF
_LARGEST_GAP = 1 << 18


class Segment(NamedTuple):
    """A stretch of payload: offset in the stream, length, where its bytes are, frame number, time."""

    offset: int
    length: int
    reference: int | bytes
    frame: int
    time: float


RawSegment = tuple[int, int, int | bytes, int, float]


@dataclass
class Stream:
    """The reassembled bytes of one direction. Gaps are filled with zeros (at most 256 KB each) and listed.

    `segments` are in the coordinates of `data`; `gaps` are (start, end, bytes missing) in the same.
    """

    data: bytes
    segments: list[RawSegment]
    gaps: list[tuple[int, int, int]] = field(default_factory=list)
    alternatives: list[tuple[int, bytes]] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    missing_tail: int = 0

    @property
    def missing(self) -> int:
        """Bytes that were sent but are not in the capture."""
        return sum(gap[2] for gap in self.gaps) + self.missing_tail

    @cached_property
    def trace(self) -> Trace:
        """Which packets carried which bytes."""
        return Trace(self.segments)


def _offset(segment: RawSegment) -> int:
    return segment[0]


class Half:
    """One direction of a TCP connection as it is captured; `push` is the hot path.

    Offsets count from the first byte after SYN (or from the first segment seen), unwrapped to any size.
    """

    __slots__ = (
        "acked",
        "anchored",
        "bytes",
        "fin",
        "first_seen",
        "flow",
        "next_seq",
        "ordered",
        "position",
        "segments",
        "unrecorded",
        "up",
        "volume",
    )

    def __init__(self, flow: Any, up: bool) -> None:
        self.flow = flow
        self.up = up
        self.segments: list[RawSegment] = []
        self.position = 0
        self.next_seq = -1
        self.anchored = False
        self.ordered = True
        self.acked: int | None = None
        self.fin: int | None = None
        self.bytes = 0
        self.volume = 0
        self.unrecorded = 0
        self.first_seen: float | None = None

    def syn(self, seq: int) -> None:
        """Anchor the stream: the first byte has the sequence number `seq` + 1."""
        if not self.anchored and not self.segments:
            self.anchored = True
            self.next_seq = (seq + 1) & _MASK

    def push(self, seq: int, length: int, wire: int, reference: int | bytes, frame: int, time: float) -> None:
        """Take a segment with payload: `length` captured bytes of `wire` sent ones."""
        if self.next_seq < 0:
            self.next_seq = seq
        delta = seq - self.next_seq
        if delta:
            delta = ((delta + 0x80000000) & _MASK) - 0x80000000
            self.ordered = False
        offset = self.position + delta
        end = offset + wire
        if length:
            self.segments.append((offset, length, reference, frame, time))
            self.bytes += length
        if length != wire:
            self.ordered = False
        if end > self.position:
            self.next_seq = (seq + wire) & _MASK
            self.position = end

    def acknowledge(self, ack: int) -> None:
        """Note that the peer has everything before sequence number `ack`."""
        if self.next_seq < 0:
            self.next_seq = ack
        delta = ((ack - self.next_seq + 0x80000000) & _MASK) - 0x80000000
        offset = self.position + delta
        if self.acked is None or offset > self.acked:
            self.acked = offset

    def finish_at(self, seq: int, length: int) -> None:
        """Note a FIN after `length` bytes at `seq`."""
        if self.next_seq >= 0:
            delta = ((seq + length - self.next_seq + 0x80000000) & _MASK) - 0x80000000
            self.fin = self.position + delta

    def stream(self, read: Callable[[int | bytes, int], bytes], valid: Callable[[RawSegment], bool]) -> Stream:
        """Reassemble: `read(reference, length)` fetches bytes, `valid(segment)` checks its checksum.

        Overlap with other bytes: the valid copy wins, then the earlier; the loser is kept as an alternative.
        """
        if self.ordered and self.segments and self.segments[0][0] == 0:
            joined = Stream(b"".join([read(s[2], s[1]) for s in self.segments]), self.segments)
        else:
            joined = _resolve(self.segments, 0 if self.anchored else None, read, valid)
        end = self.position
        known = self.acked if self.fin is None or self.acked is None else min(self.acked, self.fin)
        if known is not None and known - end > 1:
            joined.missing_tail = known - end
        joined.missing_tail += self.unrecorded
        return joined


def _resolve(
    segments: list[RawSegment],
    base: int | None,
    read: Callable[[int | bytes, int], bytes],
    valid: Callable[[RawSegment], bool],
) -> Stream:
    """Sort, clip and join segments that came in any order."""
    stream = Stream(b"", [])
    if not segments:
        return stream
    start = min(s[0] for s in segments) if base is None else base
    kept: list[tuple[int, bytes, RawSegment]] = []
    for segment in sorted(segments, key=_offset):
        data = read(segment[2], segment[1])
        low = segment[0]
        if low < start:
            data, low = data[start - low :], start
        if not data:
            continue
        _place(stream, kept, low, data, segment, valid)
    _lay_out(stream, kept, start)
    return stream


def _place(
    stream: Stream,
    kept: list[tuple[int, bytes, RawSegment]],
    low: int,
    data: bytes,
    segment: RawSegment,
    valid: Callable[[RawSegment], bool],
) -> None:
    """Add one segment behind the sorted, disjoint `kept`; overlaps are compared and settled."""
    index = len(kept)
    while index and kept[index - 1][0] + len(kept[index - 1][1]) > low:
        index -= 1
    cursor, end = low, low + len(data)
    additions: list[tuple[int, bytes, RawSegment]] = []
    for i in range(index, len(kept)):
        at, old, owner = kept[i]
        if at >= end:
            break
        if cursor < at:
            additions.append((cursor, data[cursor - low : at - low], segment))
        a, b = max(at, low), min(at + len(old), end)
        if a < b and old[a - at : b - at] != data[a - low : b - low]:
            stream.flags.add("tcp-overlap-differs")
            newer = data[a - low : b - low]
            if (segment[3] < owner[3] or not valid(owner)) and valid(segment):
                stream.alternatives.append((a, old[a - at : b - at]))
                kept[i] = (at, old[: a - at] + newer + old[b - at :], owner)
            elif valid(segment):
                stream.alternatives.append((a, newer))
        cursor = max(cursor, at + len(old))
    if cursor < end:
        additions.append((cursor, data[cursor - low :], segment))
    kept.extend(additions)
    if len(additions) > 1 or (additions and len(kept) > 1 and kept[-2][0] > kept[-1][0]):
        kept.sort(key=lambda part: part[0])


def _lay_out(stream: Stream, kept: list[tuple[int, bytes, RawSegment]], start: int) -> None:
    """Join the disjoint parts; fill holes with zeros."""
    parts: list[bytes] = []
    at, expected = 0, start
    for low, data, segment in kept:
        hole = low - expected
        if hole > 0:
            filler = min(hole, _LARGEST_GAP)
            parts.append(bytes(filler))
            stream.gaps.append((at, at + filler, hole))
            at += filler
        parts.append(data)
        stream.segments.append((at, len(data), segment[2], segment[3], segment[4]))
        at += len(data)
        expected = low + len(data)
    stream.data = b"".join(parts)
    stream.alternatives = [(offset - start, data) for offset, data in stream.alternatives if not stream.gaps]

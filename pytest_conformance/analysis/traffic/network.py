"""IPv4 and IPv6 headers, extension headers and fragments. Gives transport payloads, knows nothing of streams."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import NamedTuple


class Packet(NamedTuple):
    """One IP payload. `at`/`end` are offsets in `buffer` (the capture, or bytes of their own)."""

    source: bytes
    destination: bytes
    protocol: int
    buffer: bytes
    at: int
    end: int
    wire: int
    ident: int
    fragment: bool = False


_EXTENSIONS = (0, 43, 60, 135, 139, 140)


class _Fragment(NamedTuple):
    offset: int
    more: bool


def ipv4(buffer: bytes, at: int, end: int) -> tuple[Packet, _Fragment | None] | None:
    """Parse an IPv4 header at `at`; the payload ends with the total length, not with the frame.

    Total length 0 (segmentation offload) means the captured end. Returns None when the header is broken.
    """
    if end - at < 20 or buffer[at] >> 4 != 4:
        return None
    head = (buffer[at] & 15) * 4
    total, ident, position = struct.unpack_from(">HHH", buffer, at + 2)
    stop = end if total == 0 else at + total
    if head < 20 or at + head > min(stop, end):
        return None
    more, offset = bool(position & 0x2000), (position & 0x1FFF) * 8
    packet = Packet(
        bytes(buffer[at + 12 : at + 16]),
        bytes(buffer[at + 16 : at + 20]),
        buffer[at + 9],
        buffer,
        at + head,
        min(stop, end),
        stop - at - head,
        ident,
        more or offset > 0,
    )
    return packet, (_Fragment(offset, more) if more or offset else None)


def ipv6(buffer: bytes, at: int, end: int) -> tuple[Packet, _Fragment | None] | None:
    """Parse an IPv6 header and its extension chain at `at`; None when broken."""
    if end - at < 40 or buffer[at] >> 4 != 6:
        return None
    length, following = struct.unpack_from(">HB", buffer, at + 4)
    stop = end if length == 0 else at + 40 + length
    source, destination = bytes(buffer[at + 8 : at + 24]), bytes(buffer[at + 24 : at + 40])
    at += 40
    limit = min(stop, end)
    fragment: _Fragment | None = None
    ident = 0
    for _ in range(16):
        if following in _EXTENSIONS and at + 8 <= limit:
            following, at = buffer[at], at + (buffer[at + 1] + 1) * 8
        elif following == 51 and at + 8 <= limit:
            following, at = buffer[at], at + (buffer[at + 1] + 2) * 4
        elif following == 44 and at + 8 <= limit:
            following, position, ident = buffer[at], *struct.unpack_from(">HI", buffer, at + 2)
            fragment = _Fragment(position & 0xFFF8, bool(position & 1))
            at += 8
            if fragment.offset:
                break
        else:
            break
    if at > limit:
        return None
    if fragment is not None and not fragment.more and not fragment.offset:
        fragment = None
    packet = Packet(source, destination, following, buffer, at, limit, stop - at, ident, fragment is not None)
    return packet, fragment


@dataclass
class _Puzzle:
    """The fragments of one datagram that have come so far."""

    started: float
    parts: list[tuple[int, bytes]] = field(default_factory=list)
    total: int | None = None
    size: int = 0


@dataclass
class Defragmenter:
    """Join fragments in any order; on overlap the first copy stays; 30 s and 64 KB bound a datagram."""

    timeout: float = 30.0
    puzzles: dict[tuple[bytes, bytes, int, int], _Puzzle] = field(default_factory=dict)
    overlaps: int = 0
    lost: list[tuple[bytes, bytes, int]] = field(default_factory=list)

    def add(self, packet: Packet, fragment: _Fragment, time: float) -> Packet | None:
        """Take one fragment; return the whole packet once it is complete."""
        protocol = packet.protocol if len(packet.source) == 4 else 0
        key = (packet.source, packet.destination, protocol, packet.ident)
        puzzle = self.puzzles.get(key)
        if puzzle is not None and time - puzzle.started > self.timeout:
            self._lose(key)
            puzzle = None
        if puzzle is None:
            if len(self.puzzles) >= 4096:
                self._lose(next(iter(self.puzzles)))
            puzzle = self.puzzles[key] = _Puzzle(time)
        data = bytes(packet.buffer[packet.at : packet.end])
        if fragment.offset + len(data) > 65535 + 8:
            return None
        if not fragment.more:
            puzzle.total = fragment.offset + packet.wire
        puzzle.parts.append((fragment.offset, data))
        puzzle.size += len(data)
        if len(puzzle.parts) > 8192:
            self._lose(key)
            return None
        if puzzle.total is None or puzzle.size < puzzle.total:
            return None
        joined = self._join(puzzle)
        if joined is None:
            return None
        del self.puzzles[key]
        return packet._replace(buffer=joined, at=0, end=len(joined), wire=len(joined), fragment=True)

    def _join(self, puzzle: _Puzzle) -> bytes | None:
        total = puzzle.total or 0
        out, have = bytearray(total), bytearray(total)
        overlapped = False
        for offset, data in puzzle.parts:
            for i in range(0, len(data), 8):
                low, high = offset + i, min(offset + min(i + 8, len(data)), total)
                if low >= high:
                    continue
                if have[low]:
                    overlapped |= out[low:high] != data[i : i + high - low]
                    continue
                out[low:high] = data[i : i + high - low]
                have[low:high] = b"\1" * (high - low)
        if 0 in have:
            return None
        self.overlaps += overlapped
        return bytes(out)

    def _lose(self, key: tuple[bytes, bytes, int, int]) -> None:
        puzzle = self.puzzles.pop(key)
        self.lost.append((key[0], key[1], puzzle.size))

    def finish(self) -> list[tuple[bytes, bytes, int]]:
        """Give up on incomplete datagrams; return (source, destination, bytes) of all that were lost."""
        for key in list(self.puzzles):
            self._lose(key)
        return self.lost

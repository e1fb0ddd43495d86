"""TCP and UDP checksums: of one packet where two copies of the same bytes differ, of a whole direction at once."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from pytest_conformance.analysis.traffic.halves import RawSegment


def ones_sum(data: bytes) -> int:
    """The 16-bit ones' complement sum of RFC 1071, 0 when a checksum over `data` is right."""
    if len(data) & 1:
        data += b"\0"
    value = int.from_bytes(data, "big") % 0xFFFF
    return 0 if value == 0 else value


def _header(buffer: bytes, at: int, ports: bytes) -> int | None:
    """Find the TCP header in front of the payload at `at`; 32 and 20 bytes are the usual lengths."""
    for length in (32, 20):
        if (
            at >= length
            and buffer[at - length + 12] >> 4 == length // 4
            and buffer[at - length : at - length + 4] == ports
        ):
            return at - length
    for length in range(20, 64, 4):
        start = at - length
        if start < 0:
            return None
        if buffer[start + 12] >> 4 == length // 4 and buffer[start : start + 4] == ports:
            return start
    return None


def segment_valid(buffer: bytes, segment: RawSegment, source: bytes, destination: bytes, ports: bytes) -> bool:
    """Verify one TCP segment; what cannot be verified (own bytes, truncated) counts as valid."""
    reference, length = segment[2], segment[1]
    if not isinstance(reference, int):
        return True
    start = _header(buffer, reference, ports)
    if start is None:
        return True
    body = buffer[start : reference + length]
    if len(source) == 4:
        pseudo = source + destination + struct.pack(">BBH", 0, 6, len(body) & 0xFFFF)
    else:
        pseudo = source + destination + struct.pack(">II", len(body), 6)
    return ones_sum(pseudo + body) == 0


def left_to_hardware(buffer: bytes, segment: RawSegment, source: bytes, destination: bytes, ports: bytes) -> bool:
    """Tell whether a checksum field holds what a sending host leaves for its network card to finish.

    That is the bare sum over the pseudo header, with or without the length (segmentation offload), or zero.
    """
    reference = segment[2]
    start = _header(buffer, reference, ports) if isinstance(reference, int) else None
    if start is None or not isinstance(reference, int):
        return False
    field = buffer[start + 16] << 8 | buffer[start + 17]
    length = reference + segment[1] - start
    base = source + destination + struct.pack(">H", 6)
    sums = {_fold(base), _fold(base + struct.pack(">H", length & 0xFFFF))}
    return field in sums or field in (0, 0xFFFF)


def _fold(data: bytes) -> int:
    value = int.from_bytes(data, "big") % 0xFFFF
    return value or 0xFFFF


def datagram_valid(buffer: bytes, segment: RawSegment, source: bytes, destination: bytes) -> bool:
    """Verify one UDP datagram; no checksum, or one that cannot be verified, counts as valid."""
    reference, length = segment[2], segment[1]
    if not isinstance(reference, int) or reference < 8:
        return True
    body = buffer[reference - 8 : reference + length]
    if body[6:8] == b"\0\0" or (body[4] << 8 | body[5]) != len(body):
        return True
    if len(source) == 4:
        pseudo = source + destination + struct.pack(">BBH", 0, 17, len(body))
    else:
        pseudo = source + destination + struct.pack(">II", len(body), 17)
    return ones_sum(pseudo + body) == 0 or body[6] << 8 | body[7] in (_fold(pseudo), _fold(pseudo[:-2]))


_AT_ONCE = 256
"""Packets whose bytes are copied together: some megabytes."""


def sums(buffer: bytes, spans: Sequence[tuple[int, int]]) -> list[int]:
    """The ones' complement sum of each (start, end) of a buffer, in the byte order of the machine's little end.

    Words of 32 bits add up to the same modulo 65535 as words of 16 bits do; each span is padded with zeros.
    """
    import numpy as np

    out: list[int] = []
    for base in range(0, len(spans), _AT_ONCE):
        part = spans[base : base + _AT_ONCE]
        pieces: list[bytes] = []
        starts: list[int] = []
        at = 0
        for start, end in part:
            starts.append(at)
            pieces += (buffer[start:end], _PADDING[(end - start) & 3])
            at += (end - start + 3) >> 2
        words = np.frombuffer(b"".join(pieces), "<u4")
        out += (np.add.reduceat(words, starts, dtype=np.uint64) % 0xFFFF).tolist()
    return out


_PADDING = (b"", bytes(3), bytes(2), bytes(1))


def _swapped(value: int) -> int:
    """A number of up to 32 bits as its 16-bit words add up when read in the other byte order."""
    return (
        (value & 0xFF) << 8 | value >> 8 & 0xFF if value < 1 << 16 else _swapped(value >> 16) + _swapped(value & 0xFFFF)
    )


def _invalid(
    buffer: bytes, spans: Sequence[tuple[int, int]], source: bytes, destination: bytes, kind: int
) -> list[int]:
    """The indices of the spans (header and payload) whose sum with their pseudo header is wrong."""
    addresses = source + destination
    base = sum(struct.unpack(f"<{len(addresses) // 2}H", addresses)) + _swapped(kind)
    limit = 0xFFFF if len(source) == 4 else 0xFFFFFFFF
    return [
        index
        for index, ((start, end), value) in enumerate(zip(spans, sums(buffer, spans), strict=True))
        if (value + base + _swapped((end - start) & limit)) % 0xFFFF
    ]


def wrong_segments(
    buffer: bytes, segments: Sequence[RawSegment], source: bytes, destination: bytes, ports: bytes
) -> list[RawSegment]:
    """Return the TCP segments whose checksum is wrong; those that cannot be verified are none of them."""
    spans: list[tuple[int, int]] = []
    owners: list[RawSegment] = []
    for segment in segments:
        at = segment[2]
        if isinstance(at, int):
            usual = at >= 32 and buffer[at - 20] == 0x80 and buffer[at - 32 : at - 28] == ports
            start = at - 32 if usual else _header(buffer, at, ports)
            if start is not None:
                spans.append((start, at + segment[1]))
                owners.append(segment)
    return [owners[index] for index in _invalid(buffer, spans, source, destination, 6)]


def wrong_datagrams(
    buffer: bytes, segments: Sequence[RawSegment], source: bytes, destination: bytes
) -> list[RawSegment]:
    """Return the UDP datagrams whose checksum is wrong; none, or one that cannot be verified, is no wrong one."""
    spans: list[tuple[int, int]] = []
    owners: list[RawSegment] = []
    for segment in segments:
        at, length = segment[2], segment[1]
        if not isinstance(at, int) or at < 8:
            continue
        head = buffer[at - 4 : at]
        if head[2:] != b"\0\0" and (head[0] << 8 | head[1]) == length + 8:
            spans.append((at - 8, at + length))
            owners.append(segment)
    found = [owners[index] for index in _invalid(buffer, spans, source, destination, 17)]
    return [one for one in found if not datagram_valid(buffer, one, source, destination)]


class Checker:
    """Checks the segments of one direction; if more than half fail, the sender offloads and none counts as bad."""

    def __init__(
        self, buffer: bytes, segments: list[RawSegment], source: bytes, destination: bytes, ports: bytes
    ) -> None:
        self._arguments = (source, destination, ports)
        self._buffer, self._segments = buffer, segments
        self._offloaded: bool | None = None

    def bad(self) -> list[RawSegment]:
        """Return the segments whose checksum is wrong, without those that a sending host left to its network card."""
        wrong = wrong_segments(self._buffer, self._segments, *self._arguments)
        return [one for one in wrong if not left_to_hardware(self._buffer, one, *self._arguments)]

    def __call__(self, segment: RawSegment) -> bool:
        """Tell whether a segment's checksum is right or does not matter."""
        if self._offloaded is None:
            sample = self._segments[:64]
            failed = sum(not segment_valid(self._buffer, one, *self._arguments) for one in sample)
            self._offloaded = failed * 2 > len(sample)
        return self._offloaded or segment_valid(self._buffer, segment, *self._arguments)

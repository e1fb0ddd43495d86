"""TCP checksums, looked at only where two copies of the same bytes differ."""

from __future__ import annotations

import struct

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
        wrong = [one for one in self._segments if not segment_valid(self._buffer, one, *self._arguments)]
        return [one for one in wrong if not left_to_hardware(self._buffer, one, *self._arguments)]

    def __call__(self, segment: RawSegment) -> bool:
        """Tell whether a segment's checksum is right or does not matter."""
        if self._offloaded is None:
            sample = self._segments[:64]
            failed = sum(not segment_valid(self._buffer, one, *self._arguments) for one in sample)
            self._offloaded = failed * 2 > len(sample)
        return self._offloaded or segment_valid(self._buffer, segment, *self._arguments)

"""Classic pcap files: both byte orders, microseconds and nanoseconds. Packets are offsets, nothing is copied."""

from __future__ import annotations

import struct
from collections.abc import Iterator

Buffer = bytes
RawPacket = tuple[int, float, int, int, int, int]
"""(frame number from 1, time in s, link type, offset in the buffer, captured length, original length)."""

_MAGIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
}
_LARGEST = 1 << 26


def is_pcap(head: bytes) -> bool:
    """Tell whether a file that starts with `head` is a classic pcap."""
    return head[:4] in _MAGIC


def packets(buffer: Buffer, flags: set[str]) -> Iterator[RawPacket]:
    """Yield the packets of a pcap; a record that runs past the end sets `capture-truncated` and ends it.

    A record header that cannot be (impossible length) is skipped by searching the next plausible one, and sets
    `capture-corrupt`. Source: draft-ietf-opsawg-pcap.
    """
    if len(buffer) < 24:
        flags.add("capture-truncated")
        return
    order, unit = _MAGIC[bytes(buffer[:4])]
    link = struct.unpack_from(order + "I", buffer, 20)[0] & 0xFFFF
    snap = struct.unpack_from(order + "I", buffer, 16)[0] or _LARGEST
    limit = max(min(snap, _LARGEST), 65535)
    header = struct.Struct(order + "IIII").unpack_from
    at, end, frame = 24, len(buffer), 0
    while at + 16 <= end:
        seconds, fraction, captured, original = header(buffer, at)
        if captured > limit or at + 16 + captured > end:
            if captured <= limit and at + 16 + captured > end:
                flags.add("capture-truncated")
                captured = end - at - 16
                frame += 1
                yield frame, seconds + fraction * unit, link, at + 16, captured, max(original, captured + 1)
                return
            flags.add("capture-corrupt")
            at = _resynchronise(buffer, at + 1, order, limit, unit)
            continue
        frame += 1
        if original < captured or original > _LARGEST:
            original = captured
        yield frame, seconds + fraction * unit, link, at + 16, captured, original
        at += 16 + captured
    if at != end:
        flags.add("capture-truncated")


def _resynchronise(buffer: Buffer, start: int, order: str, limit: int, unit: float) -> int:
    """Return the offset of the next two chained plausible record headers, or the end of the buffer."""
    end = len(buffer)
    header = struct.Struct(order + "IIII").unpack_from
    ceiling = round(1 / unit)
    for at in range(start, min(end - 32, start + (1 << 20))):
        seconds, fraction, captured, original = header(buffer, at)
        if not (14 <= captured <= limit and captured <= original <= _LARGEST and fraction < ceiling):
            continue
        following = at + 16 + captured
        if following + 16 > end:
            continue
        after, fraction, captured, original = header(buffer, following)
        if abs(after - seconds) < 3600 and fraction < ceiling and captured <= limit and captured <= original:
            return at
    return end

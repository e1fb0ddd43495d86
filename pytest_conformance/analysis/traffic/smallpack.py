"""LZ4 frames and snappy in plain Python: small formats that need no library."""

from __future__ import annotations

from pytest_conformance.analysis.traffic.compression import Unpacked


class _OverError(Exception):
    """The output limit was reached."""


def _copy(out: bytearray, distance: int, length: int, limit: int) -> None:
    if not 0 < distance <= len(out):
        raise ValueError
    if len(out) + length > limit:
        raise _OverError
    start = len(out) - distance
    if distance >= length:
        out += out[start : start + length]
    else:
        unit = bytes(out[start:])
        out += (unit * (length // distance + 1))[:length]


def _lz4_block(data: bytes, out: bytearray, limit: int) -> None:
    at, end = 0, len(data)
    while at < end:
        token = data[at]
        at += 1
        length = token >> 4
        if length == 15:
            while True:
                more = data[at]
                at += 1
                length += more
                if more != 255:
                    break
        if at + length > end:
            raise ValueError
        out += data[at : at + length]
        at += length
        if len(out) > limit:
            raise _OverError
        if at >= end:
            return
        distance = data[at] | data[at + 1] << 8
        at += 2
        length = token & 15
        if length == 15:
            while True:
                more = data[at]
                at += 1
                length += more
                if more != 255:
                    break
        _copy(out, distance, length + 4, limit)


def lz4_frame(data: bytes, limit: int) -> Unpacked | None:
    """Unpack one LZ4 frame; None when it is not one."""
    if len(data) < 11 or data[:4] != b"\x04\x22\x4d\x18" or data[4] >> 6 != 1:
        return None
    flags = data[4]
    at = 7 + (8 if flags & 8 else 0) + (4 if flags & 1 else 0)
    out = bytearray()
    try:
        while at + 4 <= len(data):
            size = int.from_bytes(data[at : at + 4], "little")
            at += 4
            if size == 0:
                return Unpacked(bytes(out), min(at + (4 if flags & 4 else 0), len(data)))
            block = data[at : at + (size & 0x7FFFFFFF)]
            at += (size & 0x7FFFFFFF) + (4 if flags & 16 else 0)
            if size & 0x80000000:
                out += block
            else:
                _lz4_block(block, out, limit)
            if len(out) > limit:
                raise _OverError
    except _OverError:
        return Unpacked(bytes(out[:limit]), len(data), False, True)
    except (ValueError, IndexError):
        pass
    return Unpacked(bytes(out), len(data), False) if out else None


def _snappy_block(data: bytes, limit: int) -> bytes | None:
    size, shift, at = 0, 0, 0
    while at < len(data) and at < 5:
        size |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 128:
            break
    if not 0 < size <= limit:
        return None
    out = bytearray()
    try:
        while at < len(data):
            tag = data[at]
            at += 1
            if not tag & 3:
                length = tag >> 2
                if length >= 60:
                    width = length - 59
                    length = int.from_bytes(data[at : at + width], "little")
                    at += width
                if at + length + 1 > len(data):
                    return None
                out += data[at : at + length + 1]
                at += length + 1
            elif tag & 3 == 1:
                _copy(out, (tag >> 5) << 8 | data[at], ((tag >> 2) & 7) + 4, size)
                at += 1
            else:
                width = 2 if tag & 3 == 2 else 4
                _copy(out, int.from_bytes(data[at : at + width], "little"), (tag >> 2) + 1, size)
                at += width
    except (ValueError, IndexError, _OverError):
        return None
    return bytes(out) if len(out) == size else None


def snappy(data: bytes, limit: int) -> Unpacked | None:
    """Unpack the snappy framing format, or one raw block that fits exactly."""
    if not data.startswith(b"\xff\x06\x00\x00sNaPpY"):
        block = _snappy_block(data, limit)
        return None if block is None else Unpacked(block, len(data))
    at, out = 10, bytearray()
    while at + 4 <= len(data):
        kind, size = data[at], int.from_bytes(data[at + 1 : at + 4], "little")
        body = data[at + 8 : at + 4 + size]
        at += 4 + size
        if kind == 0:
            block = _snappy_block(body, limit)
            if block is None:
                return Unpacked(bytes(out), len(data), False) if out else None
            out += block
        elif kind == 1:
            out += body
        if len(out) > limit:
            return Unpacked(bytes(out[:limit]), len(data), False, True)
    return Unpacked(bytes(out), len(data))

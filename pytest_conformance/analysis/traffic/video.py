"""H.264 and H.265: RTP units to Annex B, and key frames to pictures with an optional decoder."""

from __future__ import annotations

import importlib.util

START = b"\0\0\0\1"


def annex_b(payloads: list[bytes], codec: str) -> bytes:
    """Join RTP payloads (RFC 6184, 7798) to an Annex B stream."""
    out: list[bytes] = []
    for payload in payloads:
        if len(payload) < 3:
            continue
        out.extend(_h264(payload) if codec == "h264" else _h265(payload))
    return b"".join(out)


def _h264(payload: bytes) -> list[bytes]:
    kind = payload[0] & 31
    if 1 <= kind <= 23:
        return [START, payload]
    if kind == 24:
        return _aggregated(payload, 1)
    if kind in (28, 29):
        skip = 2 if kind == 28 else 4
        head = [START, bytes([payload[0] & 0xE0 | payload[1] & 31])] if payload[1] & 0x80 else []
        return [*head, payload[skip:]]
    return []


def _h265(payload: bytes) -> list[bytes]:
    kind = payload[0] >> 1 & 63
    if kind < 48:
        return [START, payload]
    if kind == 48:
        return _aggregated(payload, 2)
    if kind == 49:
        head = [START, bytes([payload[0] & 0x81 | (payload[2] & 63) << 1, payload[1]])] if payload[2] & 0x80 else []
        return [*head, payload[3:]]
    return []


def _aggregated(payload: bytes, at: int) -> list[bytes]:
    out: list[bytes] = []
    while at + 2 <= len(payload):
        size = payload[at] << 8 | payload[at + 1]
        out += [START, payload[at + 2 : at + 2 + size]]
        at += 2 + size
    return out


def units(data: bytes) -> list[tuple[int, int]]:
    """Return the extents of the NAL units of an Annex B stream."""
    starts: list[int] = []
    at = data.find(b"\0\0\1")
    while at >= 0 and len(starts) < 100_000:
        starts.append(at + 3)
        at = data.find(b"\0\0\1", at + 3)
    return [(a, (b - 3 if b else len(data))) for a, b in zip(starts, [*starts[1:], 0], strict=False)]


def looks_like_h264(data: bytes) -> bool:
    """Tell whether bytes start with an H.264 or H.265 sequence parameter set in Annex B."""
    if data[:4] == START:
        head = data[4:6]
    elif data[:3] == b"\0\0\1":
        head = data[3:5]
    else:
        return False
    return len(head) == 2 and (head[0] & 0x1F in (7, 9, 5, 1, 6) or head[0] >> 1 in (32, 33, 35))


def decodable() -> bool:
    """Tell whether the optional decoder is there."""
    return importlib.util.find_spec("av") is not None

"""The structure of JPEG files: where one ends, its size, and the thumbnail inside. No decoding."""

from __future__ import annotations

import re
from dataclasses import dataclass

_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_MOST_STEPS = 400
_FRAMES = frozenset((0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF))


@dataclass(frozen=True)
class Found:
    """A file recognised in a buffer: its format, extent and size in pixels (0 where unknown)."""

    format: str
    start: int
    end: int
    width: int = 0
    height: int = 0
    complete: bool = True


def _segments(data: bytes, at: int) -> tuple[int, int, int, int, bool]:
    """Walk the markers from behind SOI; return (end, width, height, scans, complete)."""
    width = height = scans = fill = 0
    end = len(data)
    while at + 4 <= end:
        if data[at] != 0xFF:
            return at, width, height, scans, False
        marker = data[at + 1]
        if marker == 0xFF:
            fill += 1
            at += 1
            if fill > _MOST_STEPS:
                return at, width, height, scans, False
            continue
        if marker == 0xD9:
            return at + 2, width, height, scans, True
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:
            at += 2
            continue
        if marker in (0x00, 0xD8):
            return at, width, height, scans, False
        length = data[at + 2] << 8 | data[at + 3]
        fill += not scans
        if length < 2 or fill > _MOST_STEPS:
            return at, width, height, scans, False
        if marker in _FRAMES and at + 9 <= end:
            height, width = data[at + 5] << 8 | data[at + 6], data[at + 7] << 8 | data[at + 8]
        at += 2 + length
        if marker == 0xDA:
            scans += 1
            following = _AFTER_SCAN.search(data, at)
            if following is None:
                return end, width, height, scans, False
            at = following.end() - 2
    if data[at : at + 2] == b"\xff\xd9":
        return at + 2, width, height, scans, True
    return min(at, end), width, height, scans, False


def at(data: bytes, start: int) -> Found | None:
    """Parse the JPEG that starts at `start`; None when there is none with a frame header and a scan.

    A file without its end marker reaches to where its structure breaks, and is not `complete`.
    Source: ITU-T T.81, annex B.
    """
    end, width, height, scans, complete = _segments(data, start + 2)
    if not (width and height and scans) or end - start < 64:
        return None
    return Found("jpeg", start, end, width, height, complete)


def thumbnail(data: bytes, found: Found) -> Found | None:
    """Find the JPEG that lies inside the application segments of another."""
    at_ = found.start + 2
    while at_ + 4 <= found.end and data[at_] == 0xFF:
        length = data[at_ + 2] << 8 | data[at_ + 3]
        if not 0xE0 <= data[at_ + 1] <= 0xEF and data[at_ + 1] != 0xFE:
            return None
        inner = data.find(b"\xff\xd8\xff", at_ + 4, at_ + 2 + length)
        if inner >= 0:
            small = at(data[: at_ + 2 + length], inner)
            if small is not None:
                return small
        at_ += 2 + length
    return None

"""Find pictures anywhere in a buffer, by magic and full structural parse."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pytest_conformance.analysis.traffic import jpeg, rasters
from pytest_conformance.analysis.traffic.jpeg import Found

_MAGIC: tuple[tuple[bytes, int, Callable[[bytes, int], Found | None]], ...] = (
    (b"\xff\xd8\xff", 0, jpeg.at),
    (b"\x89PNG\r\n\x1a\n", 0, rasters.png),
    (b"GIF8", 0, rasters.gif),
    (b"WEBPVP8", 8, rasters.webp),
    (b"ftyp", 4, rasters.heif),
    (b"JXL \r\n\x87\n", 4, rasters.jpegxl),
)
_MOST_FOUND = 20_000
_MOST_FALSE = 100


def _hits(data: bytes, magic: bytes, back: int, parse: Callable[[bytes, int], Found | None]) -> Iterator[Found]:
    at, true, false = 0, 0, 0
    while true < _MOST_FOUND and false < _MOST_FALSE:
        at = data.find(magic, at)
        if at < 0:
            return
        found = parse(data, at - back) if at >= back else None
        if found is not None:
            true += 1
            yield found
            at = max(found.end, at + 1)
        else:
            false += 1
            at += 1


def _all(data: bytes) -> Iterator[Found]:
    plain = data.isascii()
    for magic, back, parse in _MAGIC:
        if not (plain and magic[0] > 127):
            yield from _hits(data, magic, back, parse)
    start = rasters.bmp(data, 0) if data[:2] == b"BM" else None
    if start is not None:
        yield start


def shows_picture(data: bytes) -> bool:
    """Tell whether a buffer holds any picture; ends at the first."""
    return any(True for _ in _all(data))


def pictures(data: bytes) -> list[Found]:
    """Return the pictures of a buffer in order; those that overlap an earlier one are left out.

    BMP, whose magic is only two letters, is looked for at the start.
    """
    found = list(_all(data))
    found.sort(key=lambda one: (one.start, -one.end))
    out: list[Found] = []
    for one in found:
        if not out or one.start >= out[-1].end:
            out.append(one)
    return out

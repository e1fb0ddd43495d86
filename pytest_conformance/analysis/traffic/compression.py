"""Undo compressions, bounded: gzip, zlib, deflate, bzip2, xz, brotli, zstd, lz4 frames, snappy."""

from __future__ import annotations

import bz2
import importlib.util
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

FACTOR = 200
FLOOR = 1 << 20
_BARE_OFFSETS = 17
"""How long a magic may be behind which a deflate stream without header is looked for, and one more."""


@dataclass(frozen=True)
class Unpacked:
    """The result of a decompression: `used` input bytes; `bound` when a limit cut it; `missing` library."""

    data: bytes
    used: int = 0
    complete: bool = True
    bound: bool = False
    missing: str = ""


def _limit(data: bytes, room: int) -> int:
    return min(max(len(data) * FACTOR, FLOOR), room)


def _pump(make: Callable[[], Any], data: bytes, limit: int, several: bool) -> Unpacked | None:
    """Drive a decompressor object over `data`; several members in a row are joined."""
    out: list[bytes] = []
    size, at = 0, 0
    complete = False
    while at < len(data):
        machine = make()
        try:
            block = machine.decompress(data[at:], limit - size + 1)
        except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
            if not out:
                return _partial(make, data, limit)
            break
        out.append(block)
        size += len(block)
        if size > limit:
            return Unpacked(b"".join(out)[:limit], len(data), False, True)
        if not machine.eof:
            at = len(data)
            break
        complete = True
        at = len(data) - len(machine.unused_data)
        if not several:
            break
    return Unpacked(b"".join(out), at, complete) if size else (Unpacked(b"", at, complete) if complete else None)


def _partial(make: Callable[[], Any], data: bytes, limit: int) -> Unpacked | None:
    """Keep what a broken stream gives before its error."""
    machine, out, size = make(), [], 0
    for at in range(0, len(data), 512):
        try:
            block = machine.decompress(data[at : at + 512], limit - size + 1)
        except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
            break
        out.append(block)
        size += len(block)
        if size > limit or machine.eof:
            break
    return Unpacked(b"".join(out), len(data), False) if size >= 64 else None


class _Zlib:
    """zlib's decompressor with the interface of bz2's and lzma's."""

    def __init__(self, bits: int) -> None:
        self._machine = zlib.decompressobj(bits)

    def decompress(self, data: bytes, limit: int) -> bytes:
        return self._machine.decompress(data, limit)

    @property
    def eof(self) -> bool:
        return self._machine.eof

    @property
    def unused_data(self) -> bytes:
        return self._machine.unused_data


def gunzip(data: bytes, room: int = 1 << 28) -> Unpacked | None:
    """Unpack gzip, several members in a row."""
    return _pump(lambda: _Zlib(31), data, _limit(data, room), True)


def inflate(data: bytes, room: int = 1 << 28) -> Unpacked | None:
    """Unpack zlib, or raw deflate where the header does not fit."""
    found = _pump(lambda: _Zlib(15), data, _limit(data, room), False)
    return found if found is not None else raw_inflate(data, room)


def raw_inflate(data: bytes, room: int = 1 << 28) -> Unpacked | None:
    """Unpack deflate without header."""
    return _pump(lambda: _Zlib(-15), data, _limit(data, room), False)


def begins(name: str, data: bytes) -> bool:
    """Tell whether a gzip or zlib stream truly begins here, from a few hundred bytes of it; True for the others.

    Two bytes that look like a zlib header come by chance every few kilobytes.
    """
    if name not in ("gzip", "zlib"):
        return True
    machine = zlib.decompressobj(31 if name == "gzip" else 15)
    try:
        return len(machine.decompress(data[:65536], 512)) >= 256 or machine.eof
    except zlib.error:
        return False


def bare(data: bytes, room: int = 1 << 28) -> Iterator[tuple[int, str, bytes]]:
    """Yield (offset, name, plain bytes) of deflate and brotli streams without header that fill `data` to its end."""
    for at in range(_BARE_OFFSETS):
        try:
            probe = zlib.decompressobj(-15)
            if len(probe.decompress(data[at : at + 65536], 64)) < 32:
                continue
            unpacked = raw_inflate(data[at:], room)
        except zlib.error:
            continue
        if unpacked is not None and unpacked.complete and len(data) - at - unpacked.used <= 8:
            yield at, "deflate", unpacked.data
    if importlib.util.find_spec("brotli") is not None:
        found = unbrotli(data, room)
        if found is not None and found.complete and len(found.data) >= 64:
            yield 0, "brotli", found.data


def bunzip(data: bytes, room: int = 1 << 28) -> Unpacked | None:
    """Unpack bzip2, several members in a row."""
    return _pump(bz2.BZ2Decompressor, data, _limit(data, room), True)


def unxz(data: bytes, room: int = 1 << 28) -> Unpacked | None:
    """Unpack xz or lzma; memory is bounded to 128 MB."""
    return _pump(lambda: lzma.LZMADecompressor(memlimit=1 << 27), data, _limit(data, room), True)


def unbrotli(data: bytes, room: int = 1 << 28) -> Unpacked | None:
    """Unpack brotli with the optional library."""
    if importlib.util.find_spec("brotli") is None:
        return Unpacked(b"", 0, False, False, "brotli")
    import brotli

    limit = _limit(data, room)
    machine = brotli.Decompressor()
    out: list[bytes] = []
    size = 0
    try:
        for at in range(0, len(data), 4096):
            block = machine.process(data[at : at + 4096])
            out.append(block)
            size += len(block)
            if size > limit:
                return Unpacked(b"".join(out)[:limit], len(data), False, True)
            if machine.is_finished():
                return Unpacked(b"".join(out), len(data))
    except brotli.error:
        return None if size < 64 else Unpacked(b"".join(out), len(data), False)
    return Unpacked(b"".join(out), len(data), False) if size else None


def unzstd(data: bytes, room: int = 1 << 28) -> Unpacked | None:
    """Unpack zstd with the optional library."""
    if importlib.util.find_spec("zstandard") is None:
        return Unpacked(b"", 0, False, False, "zstandard")
    import io

    import zstandard

    limit = _limit(data, room)
    out: list[bytes] = []
    size = 0
    try:
        reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
            io.BytesIO(data), read_across_frames=True
        )
        while block := reader.read(1 << 16):
            out.append(block)
            size += len(block)
            if size > limit:
                return Unpacked(b"".join(out)[:limit], len(data), False, True)
    except zstandard.ZstdError:
        return None if not size else Unpacked(b"".join(out), len(data), False)
    return Unpacked(b"".join(out), len(data)) if size else None


def unlz4(data: bytes, room: int = 1 << 28) -> Unpacked | None:
    """Unpack lz4 frames. Source: LZ4 frame format 1.6.3; checksums are not verified."""
    from pytest_conformance.analysis.traffic.smallpack import lz4_frame

    return lz4_frame(data, _limit(data, room))


def unsnap(data: bytes, room: int = 1 << 28) -> Unpacked | None:
    """Unpack snappy, framed or one raw block."""
    from pytest_conformance.analysis.traffic.smallpack import snappy

    return snappy(data, _limit(data, room))


Decompress = Callable[[bytes, int], Unpacked | None]

BY_NAME: dict[str, Decompress] = {
    "gzip": gunzip,
    "x-gzip": gunzip,
    "deflate": inflate,
    "zlib": inflate,
    "br": unbrotli,
    "zstd": unzstd,
    "bzip2": bunzip,
    "xz": unxz,
    "lz4": unlz4,
    "snappy": unsnap,
}

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\xff\x06\x00\x00sNaPpY", "snappy"),
)


def by_magic(data: bytes) -> str:
    """Name the compression that `data` starts with; empty when none is recognised."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if len(data) > 8 and data[0] & 0x0F == 8 and data[0] >> 4 <= 7 and (data[0] << 8 | data[1]) % 31 == 0:
        return "zlib" if not data[1] & 0x20 else ""
    return ""

"""The structure of PNG, GIF, BMP, WebP, HEIF/AVIF and JPEG XL files: where one ends and its size."""

from __future__ import annotations

import struct
import zlib

from pytest_conformance.analysis.traffic.jpeg import Found

_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"hevc")


def png(data: bytes, start: int) -> Found | None:
    """Walk the chunks of a PNG; header and first data chunk must carry right checksums."""
    at, end = start + 8, len(data)
    width = height = 0
    bodies = 0
    while at + 12 <= end:
        length, kind = struct.unpack_from(">I4s", data, at)
        stop = at + 12 + length
        if length > 1 << 30 or not kind.isalpha() or stop > end:
            break
        if kind == b"IHDR" and length == 13:
            if zlib.crc32(data[at + 4 : stop - 4]) != int.from_bytes(data[stop - 4 : stop], "big"):
                return None
            width, height = struct.unpack_from(">II", data, at + 8)
        bodies += kind == b"IDAT"
        at = stop
        if kind == b"IEND":
            return Found("png", start, at, width, height) if width and height and bodies else None
    return Found("png", start, end, width, height, False) if width and height and at < end else None


def gif(data: bytes, start: int) -> Found | None:
    """Walk the blocks of a GIF."""
    if start + 13 > len(data):
        return None
    width, height, flags = struct.unpack_from("<HHB", data, start + 6)
    at, end = start + 13, len(data)
    if flags & 0x80:
        at += 3 << ((flags & 7) + 1)
    images = 0
    while at < end:
        kind = data[at]
        if kind == 0x3B:
            return Found("gif", start, at + 1, width, height) if images and width and height else None
        if kind == 0x21:
            at += 2
        elif kind == 0x2C and at + 10 < end:
            local = data[at + 9]
            at += 10 + ((3 << ((local & 7) + 1)) if local & 0x80 else 0) + 1
            images += 1
        else:
            return None
        while at < end and data[at]:
            at += data[at] + 1
        at += 1
    return Found("gif", start, end, width, height, False) if images and width and height else None


def bmp(data: bytes, start: int) -> Found | None:
    """Check the header of a BMP; the file size stated there must fit."""
    if start + 30 > len(data):
        return None
    size, reserved, offset, header, width, height, planes, bits = struct.unpack_from("<IIIIiiHH", data, start + 2)
    height = abs(height)
    if reserved or header not in (40, 52, 56, 64, 108, 124) or planes != 1 or bits not in (1, 4, 8, 16, 24, 32):
        return None
    if not (0 < width < 20000 and 0 < height < 20000 and 14 + header <= offset <= size):
        return None
    return Found("bmp", start, min(start + size, len(data)), width, height, start + size <= len(data))


def webp(data: bytes, start: int) -> Found | None:
    """Check the RIFF container of a WebP."""
    if data[start + 8 : start + 12] != b"WEBP" or data[start + 12 : start + 15] != b"VP8":
        return None
    size = struct.unpack_from("<I", data, start + 4)[0] + 8
    kind = data[start + 15 : start + 16]
    width = height = 0
    if start + 30 <= len(data):
        if kind == b" ":
            width, height = (v & 0x3FFF for v in struct.unpack_from("<HH", data, start + 26))
        elif kind == b"L":
            bits = struct.unpack_from("<I", data, start + 21)[0]
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        elif kind == b"X":
            width = int.from_bytes(data[start + 24 : start + 27], "little") + 1
            height = int.from_bytes(data[start + 27 : start + 30], "little") + 1
    if not width or size < 20:
        return None
    return Found("webp", start, min(start + size, len(data)), width, height, start + size <= len(data))


def heif(data: bytes, start: int) -> Found | None:
    """Walk the boxes of a HEIF or AVIF file; `start` is that of the ftyp box."""
    if start < 0 or data[start + 8 : start + 12] not in _BRANDS:
        return None
    at, end = start, len(data)
    boxes: set[bytes] = set()
    while at + 8 <= end and len(boxes) < 64:
        size, kind = struct.unpack_from(">I4s", data, at)
        if size == 1 and at + 16 <= end:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8 or not all(32 <= c < 127 for c in kind):
            break
        boxes.add(kind)
        if at + size > end:
            at = end
            break
        at += size
    if b"meta" not in boxes and b"moov" not in boxes:
        return None
    width = height = 0
    ispe = data.find(b"ispe", start, at)
    if ispe >= 0 and ispe + 16 <= end:
        width, height = struct.unpack_from(">II", data, ispe + 8)
    name = "avif" if data[start + 8 : start + 11] == b"avi" else "heif"
    return Found(name, start, at, width, height)


def jpegxl(data: bytes, start: int) -> Found | None:
    """Recognise the JPEG XL container; its bare codestream has no structure to check without decoding."""
    if data[start : start + 12] != b"\0\0\0\x0cJXL \r\n\x87\n":
        return None
    return Found("jxl", start, len(data))

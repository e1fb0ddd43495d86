"""JPEG over RTP (RFC 2435): rebuild the headers that the format leaves out."""

from __future__ import annotations

import struct

_LUMA = bytes((
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60,
    57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112,
    100, 120, 92, 101, 103, 99,
))  # fmt: skip
_CHROMA = bytes((17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, *([99] * 50)))
_DC_LUMA = (bytes((0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0)), bytes(range(12)))
_DC_CHROMA = (bytes((0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0)), bytes(range(12)))
_AC_LUMA = (
    bytes((0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D)),
    bytes.fromhex(
        "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a"
        "434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9"
        "aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
    ),
)
_AC_CHROMA = (
    bytes((0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77)),
    bytes.fromhex(
        "0001020311040521310612415107617113223281081442 91a1b1c109233352f0156272d10a162434e125f11718191a262728292a3536373839"
        "3a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7"
        "a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa".replace(
            " ", ""
        )
    ),
)


def tables(quality: int) -> tuple[bytes, bytes]:
    """Return the quantisation tables of a Q of 1 to 99 (RFC 2435, appendix A), in zigzag order."""
    factor = 5000 // quality if quality < 50 else 200 - quality * 2
    return tuple(  # type: ignore[return-value]
        bytes(min(max((value * factor + 50) // 100, 1), 255) for value in table) for table in (_LUMA, _CHROMA)
    )


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def header(kind: int, width: int, height: int, quantisers: tuple[bytes, bytes], restart: int) -> bytes:
    """Build the JPEG header for a type (0: 4:2:2, 1: 4:2:0; RFC 2435, appendix B)."""
    out = b"\xff\xd8"
    for index, table in enumerate(quantisers):
        out += _segment(0xDB, bytes([index]) + table)
    if restart:
        out += _segment(0xDD, struct.pack(">H", restart))
    sampling = 0x21 if kind & 63 == 0 else 0x22
    out += _segment(0xC0, struct.pack(">BHHB", 8, height, width, 3) + bytes((1, sampling, 0, 2, 0x11, 1, 3, 0x11, 1)))
    for place, (counts, symbols) in ((0x00, _DC_LUMA), (0x10, _AC_LUMA), (0x01, _DC_CHROMA), (0x11, _AC_CHROMA)):
        out += _segment(0xC4, bytes([place]) + counts + symbols)
    return out + _segment(0xDA, bytes((3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0)))


class Frames:
    """Collects the fragments of frames; `add` returns a whole JPEG when its last fragment came."""

    def __init__(self) -> None:
        self._parts: dict[int, bytes] = {}
        self._head = b""
        self._tables: dict[int, tuple[bytes, bytes]] = {}
        self._time = -1

    def add(self, payload: bytes, timestamp: int, marker: bool) -> bytes | None:
        """Take the payload of one RTP packet; None until the frame is complete and without holes."""
        if len(payload) < 8:
            return None
        if timestamp != self._time:
            self._parts, self._head, self._time = {}, b"", timestamp
        offset = int.from_bytes(payload[1:4], "big")
        kind, quality, width, height = payload[4], payload[5], payload[6] * 8, payload[7] * 8
        at, restart = 8, 0
        if kind & 0x40:
            restart = payload[8] << 8 | payload[9] if len(payload) > 11 else 0
            at = 12
        if quality >= 128 and offset == 0 and len(payload) >= at + 4:
            length = payload[at + 2] << 8 | payload[at + 3]
            body = payload[at + 4 : at + 4 + length]
            if len(body) >= 64:
                self._tables[quality] = (body[:64], body[64:128] if len(body) >= 128 else body[:64])
            at += 4 + length
        self._parts[offset] = payload[at:]
        if offset == 0:
            pair = self._tables.get(quality) if quality >= 128 else tables(min(max(quality, 1), 99))
            self._head = header(kind, width, height, pair, restart) if pair and width and height else b""
        return self._whole() if marker else None

    def _whole(self) -> bytes | None:
        out, at = [], 0
        for offset in sorted(self._parts):
            if offset != at:
                return None
            out.append(self._parts[offset])
            at += len(self._parts[offset])
        data = b"".join(out)
        if not self._head or not data:
            return None
        return self._head + data + (b"" if data.endswith(b"\xff\xd9") else b"\xff\xd9")

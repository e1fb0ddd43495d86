"""JPEG over RTP (RFC 2435): rebuild the headers that the format leaves out."""

from __future__ import annotations

import struct

_LUMA = bytes.fromhex(
    "100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933383740485c4e404457453738506d5157"
    "5f626768673e4d71797064785c656763"
)
_CHROMA = bytes.fromhex("1112121815182f1a1a2f63423842") + bytes([99] * 50)
_DC_LUMA = (bytes.fromhex("00010501010101010100000000000000"), bytes(range(12)))
_DC_CHROMA = (bytes.fromhex("00030101010101010101010000000000"), bytes(range(12)))
_AC_LUMA = (
    bytes.fromhex("0002010303020403050504040000017d"),
    bytes.fromhex(
        "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728"
        "292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a83848586878889"
        "8a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2"
        "e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
    ),
)
_AC_CHROMA = (
    bytes.fromhex("00020102040403040705040400010277"),
    bytes.fromhex(
        "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a26"
        "2728292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a828384858687"
        "88898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9da"
        "e2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
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

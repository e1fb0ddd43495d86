"""QUIC packets in datagrams and frames in packets (RFC 9000). No keys, no state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pytest_conformance.analysis.traffic.quic_keys import V2

INITIAL, ZERO_RTT, HANDSHAKE, RETRY, SHORT, NEGOTIATION = range(6)


@dataclass
class Packet:
    """One packet: level, version, connection ids, where it lies, and where its packet number starts in it."""

    level: int
    version: int
    destination: bytes
    source: bytes
    start: int
    end: int
    number_at: int
    up: bool = True
    done: bool = False


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a variable-length integer; raises IndexError past the end."""
    width = 1 << (data[at] >> 6)
    if at + width > len(data):
        raise IndexError
    return int.from_bytes(data[at : at + width], "big") & ((1 << (8 * width - 2)) - 1), at + width


def looks_like_quic(data: bytes) -> bool:
    """Tell whether a datagram starts with a long header of a known version."""
    if len(data) < 21 or data[0] & 0xC0 != 0xC0:
        return False
    version = int.from_bytes(data[1:5], "big")
    known = version in (1, V2) or version >> 8 == 0xFF0000 or data[1:2] == b"Q" or version & 0x0F0F0F0F == 0x0A0A0A0A
    return known and data[5] <= 20


def split(data: bytes, start: int, end: int, id_length: int) -> list[Packet]:
    """Split a datagram into its coalesced packets; a short header reaches to the end."""
    out: list[Packet] = []
    at = start
    try:
        while at < end:
            if not data[at] & 0x80:
                if data[at] & 0x40 or out:
                    number = at + 1 + id_length
                    out.append(Packet(SHORT, 0, data[at + 1 : number], b"", at, end, number - at))
                break
            packet = _long(data, at, end)
            out.append(packet)
            at = packet.end
    except IndexError:
        pass
    return out


def _long(data: bytes, at: int, end: int) -> Packet:
    version = int.from_bytes(data[at + 1 : at + 5], "big")
    cursor = at + 5
    ids = []
    for _ in range(2):
        length = data[cursor]
        if length > 20 or cursor + 1 + length > end:
            raise IndexError
        ids.append(data[cursor + 1 : cursor + 1 + length])
        cursor += 1 + length
    if version == 0:
        return Packet(NEGOTIATION, 0, ids[0], ids[1], at, end, 0)
    kind = data[at] >> 4 & 3
    level = (kind - 1) % 4 if version == V2 else kind
    if level == RETRY:
        return Packet(RETRY, version, ids[0], ids[1], at, end, 0)
    if level == INITIAL:
        length, cursor = varint(data, cursor)
        cursor += length
    length, cursor = varint(data, cursor)
    return Packet(level, version, ids[0], ids[1], at, min(cursor + length, end), cursor - at)


class StreamFrame(NamedTuple):
    """A STREAM or CRYPTO frame: stream id (-1 for CRYPTO), offset, and where its data lies in the plaintext."""

    stream: int
    offset: int
    start: int
    end: int
    fin: bool = False


_SIMPLE = {0x04: 3, 0x05: 2, 0x10: 1, 0x11: 2, 0x12: 1, 0x13: 1, 0x14: 1, 0x15: 2, 0x16: 1, 0x17: 1, 0x19: 1}


def frames(plain: bytes) -> list[StreamFrame]:
    """Return the STREAM, CRYPTO and DATAGRAM frames of a decrypted packet; stops at what it cannot parse."""
    out: list[StreamFrame] = []
    at = 0
    try:
        while at < len(plain):
            kind, at = varint(plain, at)
            if kind in (0, 1, 0x1E):
                continue
            if kind in (2, 3):
                at = _skip_ack(plain, at, kind)
            elif kind == 6 or 8 <= kind <= 15 or kind in (0x30, 0x31):
                found, at = _data(plain, at, kind)
                out.append(found)
            elif kind in _SIMPLE:
                for _ in range(_SIMPLE[kind]):
                    _, at = varint(plain, at)
            elif kind == 7:
                length, at = varint(plain, at)
                at += length
            elif kind == 0x18:
                at = _skip_new_id(plain, at)
            elif kind in (0x1A, 0x1B):
                at += 8
            else:
                break
    except IndexError:
        pass
    return out


def _skip_ack(plain: bytes, at: int, kind: int) -> int:
    for _ in range(2):
        _, at = varint(plain, at)
    count, at = varint(plain, at)
    for _ in range(1 + 2 * min(count, 4096) + (3 if kind == 3 else 0)):
        _, at = varint(plain, at)
    return at


def _skip_new_id(plain: bytes, at: int) -> int:
    for _ in range(2):
        _, at = varint(plain, at)
    return at + 1 + plain[at] + 16


def _data(plain: bytes, at: int, kind: int) -> tuple[StreamFrame, int]:
    stream, offset, end = -1, 0, len(plain)
    if kind in (0x30, 0x31):
        stream = -2
    elif kind != 6:
        stream, at = varint(plain, at)
    if kind == 6 or (8 <= kind <= 15 and kind & 4):
        offset, at = varint(plain, at)
    if kind in (6, 0x31) or (8 <= kind <= 15 and kind & 2):
        length, at = varint(plain, at)
        end = at + length
    if end > len(plain):
        raise IndexError
    return StreamFrame(stream, offset, at, end, bool(8 <= kind <= 15 and kind & 1)), end

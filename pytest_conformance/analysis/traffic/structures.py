"""Binary structures without a schema. Each opener must consume the whole buffer, or it is not taken."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from pytest_conformance.analysis.traffic.containers import Child, Opened

_DEEPEST = 16
_MOST = 20_000
_LONG = 8


class _Unfit(Exception):  # noqa: N818  # control flow inside this module only
    """The bytes are not of this structure."""


class _Walk:
    """A cursor with the leaves that were met: extents of byte strings, and arrays of numbers."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0
        self.count = 0
        self.leaves: list[Child] = []
        self.known = 0

    def take(self, size: int) -> bytes:
        if size < 0 or self.at + size > len(self.data):
            raise _Unfit
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, width: int, order: str = "big") -> int:
        return int.from_bytes(self.take(width), order)  # type: ignore[arg-type]

    def step(self, depth: int) -> None:
        self.count += 1
        if depth > _DEEPEST or self.count > _MOST:
            raise _Unfit

    def leaf(self, size: int, layer: str) -> None:
        start = self.at
        raw = self.take(size)
        if size >= _LONG:
            self.leaves.append(Child(start, self.at, raw, layer, True, (), layer))

    def numbers(self, values: list[float], start: int, layer: str) -> None:
        if len(values) >= 16:
            self.leaves.append(Child(start, start, b"", layer, False, tuple(values), layer))


def _varint(walk: _Walk) -> int:
    value = shift = 0
    while True:
        byte = walk.number(1)
        value |= (byte & 127) << shift
        if not byte & 128:
            return value
        shift += 7
        if shift > 63:
            raise _Unfit


def protobuf(data: bytes, declared: str = "") -> Opened:
    """Walk protobuf wire types; field numbers must be small and the whole buffer consumed."""
    if len(data) < 4:
        return None
    walk = _Walk(data)
    try:
        _fields(walk, len(data), 0, "protobuf")
    except (_Unfit, struct.error):
        return None
    bulk = sum(leaf.end - leaf.start for leaf in walk.leaves)
    if walk.count < 2 and "protobuf" not in declared and "grpc" not in declared and bulk < len(data) - 8:
        return None
    return walk.leaves


def _fields(walk: _Walk, end: int, depth: int, path: str) -> None:
    while walk.at < end:
        walk.step(depth)
        tag = _varint(walk)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 4096 or (number > 64 and depth == 0 and walk.count < 2):
            raise _Unfit
        name = f"{path}.{number}"
        if kind == 0:
            _varint(walk)
        elif kind == 1:
            walk.take(8)
        elif kind == 5:
            walk.take(4)
        elif kind == 2:
            size = _varint(walk)
            if walk.at + size > end:
                raise _Unfit
            _delimited(walk, size, depth, name)
        else:
            raise _Unfit
    if walk.at != end:
        raise _Unfit


def _delimited(walk: _Walk, size: int, depth: int, name: str) -> None:
    """A length-delimited field: a message when it parses as one without being text, else a leaf."""
    raw = walk.data[walk.at : walk.at + size]
    text = bool(raw) and all(32 <= c < 127 or c in (9, 10, 13) for c in raw[:256])
    magic = raw[:3] in (b"\xff\xd8\xff", b"\x89PN", b"\x1f\x8b\x08")
    if size >= 2 and not text and not magic and depth < 8:
        inner = _Walk(walk.data)
        inner.at, inner.count = walk.at, walk.count
        try:
            _fields(inner, walk.at + size, depth + 1, name)
            if inner.count - walk.count >= 1:
                walk.leaves.extend(inner.leaves)
                walk.at, walk.count = inner.at, inner.count
                return
        except (_Unfit, struct.error):
            pass
    if size % 4 == 0 and size >= 64 and not magic:
        values = struct.unpack(f"<{size // 4}f", raw)
        if all(v == v and (v == 0 or 1e-6 < abs(v) < 1e6) for v in values):
            walk.leaves.append(Child(walk.at, walk.at + size, raw, name, True, tuple(values), name))
            walk.take(size)
            return
    walk.leaf(size, name)


def cbor(data: bytes, declared: str = "") -> Opened:
    """Walk CBOR (RFC 8949): one item, a map or an array, that consumes the buffer."""
    if len(data) < 4 or data[0] >> 5 not in (4, 5, 6):
        return None
    walk = _Walk(data)
    try:
        _cbor(walk, 0, "cbor")
    except (_Unfit, struct.error):
        return None
    return walk.leaves if walk.at == len(data) and walk.count >= 2 else None


def _cbor_length(walk: _Walk, info: int) -> int:
    if info < 24:
        return info
    if info > 27:
        raise _Unfit
    return walk.number(1 << (info - 24))


def _cbor(walk: _Walk, depth: int, path: str) -> float | None:
    walk.step(depth)
    head = walk.number(1)
    major, info = head >> 5, head & 31
    if major == 7:
        return _cbor_simple(walk, info)
    if info == 31:
        _cbor_open(walk, major, depth, path)
        return None
    value = _cbor_length(walk, info)
    if major in (0, 1):
        return float(value if major == 0 else -1 - value)
    if major in (2, 3):
        walk.leaf(value, path)
    elif major == 4:
        start = walk.at
        numbers = [_cbor(walk, depth + 1, f"{path}[{min(i, 64)}]") for i in range(_bounded(walk, value))]
        if numbers and all(n is not None for n in numbers):
            walk.numbers([n for n in numbers if n is not None], start, path)
    elif major == 5:
        for _ in range(_bounded(walk, value)):
            name = _cbor_key(walk, depth)
            _cbor(walk, depth + 1, f"{path}.{name}")
    else:
        return _cbor(walk, depth + 1, path)
    return None


def _bounded(walk: _Walk, count: int) -> int:
    if count > len(walk.data) - walk.at:
        raise _Unfit
    return count


def _cbor_key(walk: _Walk, depth: int) -> str:
    head = walk.data[walk.at] if walk.at < len(walk.data) else 0
    if head >> 5 == 3 and head & 31 < 24:
        walk.step(depth)
        walk.take(1)
        return walk.take(head & 31).decode("utf-8", "replace")
    value = _cbor(walk, depth + 1, "key")
    return "" if value is None else f"{value:g}"


def _cbor_simple(walk: _Walk, info: int) -> float | None:
    if info in (25, 26, 27):
        raw = walk.take({25: 2, 26: 4, 27: 8}[info])
        return float(struct.unpack({25: ">e", 26: ">f", 27: ">d"}[info], raw)[0])
    if info == 24:
        walk.take(1)
    elif info > 23:
        raise _Unfit
    return None


def _cbor_open(walk: _Walk, major: int, depth: int, path: str) -> None:
    """An item of open length, ended by a break."""
    if major not in (2, 3, 4, 5):
        raise _Unfit
    while walk.at < len(walk.data) and walk.data[walk.at] != 0xFF:
        _cbor(walk, depth + 1, path)
    walk.take(1)


_MSGPACK_SIZED = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_MSGPACK_FIXED = {0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_MSGPACK_EXT = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}


def msgpack(data: bytes, declared: str = "") -> Opened:
    """Walk MessagePack: a map or array that consumes the buffer."""
    if len(data) < 4 or not (0x80 <= data[0] <= 0x9F or data[0] in (0xDC, 0xDD, 0xDE, 0xDF)):
        return None
    walk = _Walk(data)
    try:
        _msgpack(walk, 0, "msgpack")
    except (_Unfit, struct.error):
        return None
    return walk.leaves if walk.at == len(data) and walk.count >= 2 else None


def _msgpack(walk: _Walk, depth: int, path: str) -> float | None:
    walk.step(depth)
    head = walk.number(1)
    if head < 0x80 or head >= 0xE0:
        return float(head if head < 0x80 else head - 256)
    if head <= 0x8F or head in (0xDE, 0xDF):
        count = head & 15 if head <= 0x8F else walk.number(2 if head == 0xDE else 4)
        for _ in range(_bounded(walk, count)):
            before = walk.at
            _msgpack(walk, depth + 1, path)
            key = walk.data[before + 1 : walk.at].decode("utf-8", "replace")[:40]
            _msgpack(walk, depth + 1, f"{path}.{key}")
        return None
    if head <= 0x9F or head in (0xDC, 0xDD):
        count = head & 15 if head <= 0x9F else walk.number(2 if head == 0xDC else 4)
        start = walk.at
        numbers = [_msgpack(walk, depth + 1, f"{path}[]") for _ in range(_bounded(walk, count))]
        if numbers and all(n is not None for n in numbers):
            walk.numbers([n for n in numbers if n is not None], start, path)
        return None
    return _msgpack_scalar(walk, head, path)


def _msgpack_scalar(walk: _Walk, head: int, path: str) -> float | None:
    if head <= 0xBF:
        walk.leaf(head & 31, path)
    elif head in _MSGPACK_SIZED:
        walk.leaf(walk.number(_MSGPACK_SIZED[head]), path)
    elif head in (0xC7, 0xC8, 0xC9):
        size = walk.number({0xC7: 1, 0xC8: 2, 0xC9: 4}[head])
        walk.take(1)
        walk.leaf(size, path)
    elif head in _MSGPACK_EXT:
        walk.take(1)
        walk.leaf(_MSGPACK_EXT[head], path)
    elif head in (0xCA, 0xCB):
        return float(struct.unpack(">f" if head == 0xCA else ">d", walk.take(4 if head == 0xCA else 8))[0])
    elif head in _MSGPACK_FIXED:
        raw = walk.take(_MSGPACK_FIXED[head])
        return float(int.from_bytes(raw, "big", signed=head >= 0xD0)) if raw else None
    else:
        raise _Unfit
    return None


_BSON = {0x01: 8, 0x06: 0, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16, 0x7F: 0, 0xFF: 0}


def bson(data: bytes, declared: str = "") -> Opened:
    """Walk a BSON document that states its own length."""
    if len(data) < 8 or struct.unpack_from("<I", data)[0] != len(data) or data[-1]:
        return None
    walk = _Walk(data)
    try:
        _bson(walk, 0, "bson")
    except (_Unfit, struct.error):
        return None
    return walk.leaves if walk.at == len(data) else None


def _bson(walk: _Walk, depth: int, path: str) -> None:
    walk.step(depth)
    end = walk.at + struct.unpack("<I", walk.take(4))[0]
    while walk.at < end - 1:
        walk.step(depth)
        kind = walk.number(1)
        stop = walk.data.find(b"\0", walk.at)
        if kind == 0 or stop < 0 or stop - walk.at > 200:
            raise _Unfit
        name = f"{path}.{walk.take(stop - walk.at).decode('utf-8', 'replace')}"
        walk.take(1)
        if kind in (2, 0x0D, 0x0E):
            walk.leaf(walk.number(4, "little") - 1, name)
            walk.take(1)
        elif kind == 5:
            size = walk.number(4, "little")
            walk.take(1)
            walk.leaf(size, name)
        elif kind in (3, 4):
            _bson(walk, depth + 1, name)
        elif kind in _BSON:
            walk.take(_BSON[kind])
        else:
            raise _Unfit
    if walk.number(1) or walk.at != end:
        raise _Unfit


def plist(data: bytes, declared: str = "") -> Opened:
    """Open a property list, binary or XML; children are long strings and data."""
    if not (data[:8] == b"bplist00" or (data[:5] == b"<?xml" and b"<plist" in data[:1024])) or len(data) > 1 << 24:
        return None
    import plistlib
    from xml.parsers.expat import ExpatError

    try:
        value = plistlib.loads(data)
    except (
        plistlib.InvalidFileException,
        ValueError,
        ExpatError,
        RecursionError,
        OverflowError,
        IndexError,
        TypeError,
    ):
        return None
    return _tree(value, data, "plist")


def _tree(value: Any, data: bytes, path: str, depth: int = 0) -> list[Child]:
    if depth > _DEEPEST:
        return []
    out: list[Child] = []
    if isinstance(value, dict):
        for key, inner in value.items():
            out += _tree(inner, data, f"{path}.{key}"[:200], depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value[:2000]):
            out += _tree(inner, data, f"{path}[{index}]", depth + 1)
    elif isinstance(value, (bytes, str)):
        raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
        if len(raw) >= _LONG:
            at = data.find(raw)
            exact = at >= 0
            out.append(Child(max(at, 0), max(at, 0) + min(len(raw), len(data)), raw, path, exact, (), path))
    return out


def asn1(data: bytes, declared: str = "") -> Opened:
    """Walk ASN.1 BER/DER: one constructed value that fills the buffer."""
    if len(data) < 8 or data[0] not in (0x30, 0x31, 0x60, 0x61, 0x63, 0xA0):
        return None
    walk = _Walk(data)
    try:
        _tlv(walk, len(data), 0, "asn1")
    except _Unfit:
        return None
    return walk.leaves if walk.at == len(data) and walk.count >= 3 else None


def _tlv(walk: _Walk, end: int, depth: int, path: str) -> None:
    while walk.at < end:
        walk.step(depth)
        tag = walk.number(1)
        if tag & 31 == 31 or tag == 0:
            raise _Unfit
        size = walk.number(1)
        if size & 128:
            width = size & 127
            if not 0 < width <= 4:
                raise _Unfit
            size = walk.number(width)
        if walk.at + size > end:
            raise _Unfit
        if tag & 32:
            _tlv(walk, walk.at + size, depth + 1, path)
        else:
            walk.leaf(size, f"{path}:{tag:02x}")
        if depth == 0:
            return


OPENERS: tuple[Callable[[bytes, str], Opened], ...] = (plist, bson, asn1, cbor, msgpack, protobuf)

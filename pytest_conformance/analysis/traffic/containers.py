"""Containers that state themselves: multipart, JSON, zip, tar, forms, data URIs. Each gives its children."""

from __future__ import annotations

import json
import re
import struct
import urllib.parse
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


class Child(NamedTuple):
    """Bytes inside a container; `start..end` is the part of the container that they stand for.

    `exact` says that they are that part itself and not a transformation of it. `numbers` carries an array.
    """

    start: int
    end: int
    data: bytes
    layer: str
    exact: bool = True
    numbers: tuple[float, ...] = ()
    label: str = ""


Opened = list[Child] | None
_BOUNDARY = re.compile(rb"--([^\r\n]{1,200}?)(?:--)?\r?\n")
_NAME = re.compile(rb'(?:^|[\s;])name="?([^";\r\n]{1,100})')


def multipart(data: bytes, declared: str = "") -> Opened:
    """Split a MIME multipart body (RFC 2046); the boundary is taken from the body itself."""
    match = _BOUNDARY.match(data, 0) or (_BOUNDARY.search(data, 0, 1024) if "multipart" in declared else None)
    if match is None:
        return None
    mark = b"--" + match.group(1).rstrip()
    if len(mark) < 3 or b"\n" not in data[match.end() :]:
        return None
    out: list[Child] = []
    at = match.end()
    while at < len(data) and len(out) < 1000:
        end = data.find(b"\n" + mark, at)
        stop = len(data) if end < 0 else end - (data[end - 1 : end] == b"\r")
        head = data.find(b"\r\n\r\n", at, stop)
        width = 4
        if data[at : at + 2] == b"\r\n":
            head, width = at, 2
        elif head < 0:
            head, width = data.find(b"\n\n", at, stop), 2
        if head < 0 and not out:
            return None
        headers = data[at:head].lower() if head >= 0 else b""
        body = head + width if head >= 0 else at
        name = _NAME.search(data[at : max(head, at)])
        label = name.group(1).decode("latin-1") if name else str(len(out))
        if b"base64" in headers and b"content-transfer-encoding" in headers:
            from pytest_conformance.analysis.traffic.textcodes import undo

            plain = undo("base64", b"".join(data[body:stop].split()))
            if plain:
                out.append(Child(body, stop, plain, f"multipart:{label}+base64", False, (), label))
                body = stop
        if body < stop:
            out.append(Child(body, stop, data[body:stop], f"multipart:{label}", True, (), label))
        if end < 0:
            break
        at = end + 1 + len(mark)
        if data[at : at + 2] == b"--":
            break
        at = data.find(b"\n", at) + 1 or len(data)
    return out


def _walk(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    if depth > 60:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk(inner, f"{path}.{key}"[:200], depth + 1)
    elif isinstance(value, list):
        numbers = [v for v in value if isinstance(v, (int, float)) and not isinstance(v, bool)]
        if len(numbers) == len(value) and len(value) >= 16:
            yield path, tuple(max(min(float(v), 1e300), -1e300) for v in numbers)
            return
        for index, inner in enumerate(value):
            yield from _walk(inner, f"{path}[{index}]", depth + 1)
    elif isinstance(value, str):
        yield path, value


def leaves(value: Any, start: int, end: int, kind: str) -> list[Child]:
    """Turn a parsed tree into children: long strings, byte strings and arrays of numbers."""
    out: list[Child] = []
    for path, leaf in _walk(value, "$"):
        if isinstance(leaf, str):
            if len(leaf) >= 16:
                raw = _text_bytes(leaf)
                out.append(Child(start, min(end, start + len(raw)), raw, f"{kind}:{path}", False, (), path))
        else:
            out.append(Child(start, start, _as_bytes(leaf), f"{kind}:{path}", False, leaf, path))
        if len(out) >= 2000:
            break
    return out


def _text_bytes(text: str) -> bytes:
    """Encode a text; one that abuses characters below 256 as bytes is taken as these bytes."""
    if (
        not text.isascii()
        and max(text) < "\u0100"
        and sum(c < " " or "\x7f" <= c < "\xa0" for c in text) * 10 > len(text)
    ):
        return text.encode("latin-1")
    return text.encode("utf-8", "surrogatepass")


def _as_bytes(numbers: tuple[float, ...]) -> bytes:
    """Pack an array of small integers as bytes, anything else as nothing."""
    if all(float(v).is_integer() and 0 <= v <= 255 for v in numbers):
        return bytes(int(v) for v in numbers)
    if all(float(v).is_integer() and -128 <= v <= 127 for v in numbers):
        return bytes(int(v) & 255 for v in numbers)
    return b""


def json_text(data: bytes, declared: str = "") -> Opened:
    """Open JSON, or JSON lines; children are long strings and arrays of numbers."""
    text = data.strip(b" \t\r\n\0\x1e\xef\xbb\xbf")
    if text[:1] not in (b"{", b"[") or len(data) > 64 << 20:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            value = [json.loads(line) for line in text.splitlines()[:10000] if line.strip()]
        except (ValueError, RecursionError):
            return None
    return leaves(value, 0, len(data), "json")


_INFLATED_LIMIT = 1 << 28


def zip_file(data: bytes, declared: str = "") -> Opened:
    """Walk the local headers of a zip; stored and deflated members."""
    if data[:4] != b"PK\x03\x04":
        return None
    out: list[Child] = []
    at = 0
    while data[at : at + 4] == b"PK\x03\x04" and at + 30 <= len(data) and len(out) < 2000:
        flags, method, _, _, _, packed, _, names, extra = struct.unpack_from("<HHHHIIIHH", data, at + 6)
        body = at + 30 + names + extra
        name = data[at + 30 : at + 30 + names].decode("utf-8", "replace")[:100]
        if flags & 8 or packed == 0:
            packed = _member_end(data, body, method) - body
        stop = min(body + packed, len(data))
        raw = data[body:stop]
        if method == 8:
            machine = zlib.decompressobj(-15)
            try:
                plain = machine.decompress(raw, min(max(len(raw) * 200, 1 << 20), _INFLATED_LIMIT))
            except zlib.error:
                plain = b""
            if plain:
                out.append(Child(body, stop, plain, f"zip:{name}", False, (), name))
            elif raw:
                out.append(Child(body, stop, raw, f"zip-raw:{name}", True, (), name))
        elif raw:
            out.append(Child(body, stop, raw, f"zip:{name}", True, (), name))
        at = stop
        if flags & 8:
            at += 16 if data[at : at + 4] == b"PK\x07\x08" else 12 if data[at + 12 : at + 14] == b"PK" else 0
        if at <= body - 30:
            break
    return out


def _member_end(data: bytes, body: int, method: int) -> int:
    if method == 8:
        machine = zlib.decompressobj(-15)
        try:
            machine.decompress(data[body:], _INFLATED_LIMIT)
        except zlib.error:
            return len(data)
        if machine.eof:
            return len(data) - len(machine.unused_data)
    return min(
        (
            e
            for e in (data.find(b"PK\x07\x08", body), data.find(b"PK\x03\x04", body), data.find(b"PK\x01\x02", body))
            if e >= 0
        ),
        default=len(data),
    )


def tar_file(data: bytes, declared: str = "") -> Opened:
    """Walk the headers of a tar archive."""
    if data[257:262] != b"ustar" and not _old_tar(data):
        return None
    out: list[Child] = []
    at = 0
    while at + 512 <= len(data) and data[at] and len(out) < 2000:
        try:
            size = int(data[at + 124 : at + 136].strip(b" \0") or b"0", 8)
        except ValueError:
            break
        name = data[at : at + 100].split(b"\0")[0].decode("utf-8", "replace")
        stop = min(at + 512 + size, len(data))
        if size and data[at + 156 : at + 157] in (b"0", b"\0", b"7"):
            out.append(Child(at + 512, stop, data[at + 512 : stop], f"tar:{name}", True, (), name))
        at += 512 + (size + 511) // 512 * 512
    return out


def _old_tar(data: bytes) -> bool:
    if len(data) < 1024 or not data[:1].isalnum():
        return False
    try:
        stated = int(data[148:156].strip(b" \0") or b"-1", 8)
    except ValueError:
        return False
    return stated == sum(data[:148]) + 256 + sum(data[156:512])


def form(data: bytes, declared: str = "") -> Opened:
    """Split application/x-www-form-urlencoded pairs."""
    if b"=" not in data[:256] or (b"&" not in data and "urlencoded" not in declared):
        return None
    if re.match(rb"[A-Za-z0-9_.\-\[\]%+~]{1,128}=", data) is None or b" " in data[:256] or len(data) > 64 << 20:
        return None
    out: list[Child] = []
    at = 0
    for pair in data.split(b"&", 5000):
        name, equals, value = pair.partition(b"=")
        start = at + len(name) + len(equals)
        if len(value) >= 16:
            plain = urllib.parse.unquote_to_bytes(value.replace(b"+", b" ") if b"%" in value else value)
            label = urllib.parse.unquote(name.decode("latin-1"))[:100]
            out.append(Child(start, start + len(value), plain, f"form:{label}", plain == value, (), label))
        at += len(pair) + 1
    return out


_URI = re.compile(rb"data:([a-z0-9.+\-]+/[a-z0-9.+\-]+)?(?:;[a-z0-9=\-]+)*;base64,([A-Za-z0-9+/_\-]+={0,2})")


def data_uris(data: bytes, declared: str = "") -> Opened:
    """Find data: URIs with base64 in a text (RFC 2397)."""
    if b"data:" not in data or b";base64," not in data:
        return None
    from pytest_conformance.analysis.traffic.textcodes import undo

    out: list[Child] = []
    for match in _URI.finditer(data):
        plain = undo("base64", match.group(2).translate(bytes.maketrans(b"-_", b"+/")))
        if plain:
            out.append(Child(match.start(), match.end(), plain, "data-uri", False))
        if len(out) >= 1000:
            break
    return out or None


STRONG: tuple[Callable[[bytes, str], Opened], ...] = (multipart, zip_file, tar_file)
TEXTUAL: tuple[Callable[[bytes, str], Opened], ...] = (json_text, form, data_uris)

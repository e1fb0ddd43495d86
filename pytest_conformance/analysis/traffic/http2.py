"""HTTP/2 frames (RFC 9113) and gRPC messages: bodies per stream, headers by HPACK where the start was seen."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass, field
from typing import Any

from pytest_conformance.analysis.traffic import bodies
from pytest_conformance.analysis.traffic.compression import BY_NAME
from pytest_conformance.analysis.traffic.conversation import Conversation, Item, Side
from pytest_conformance.analysis.traffic.ranges import RangeMap

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_LARGEST_FRAME = 1 << 24
Headers = list[tuple[bytes, bytes]]


@dataclass
class _Stream:
    """One stream of one side: its data pieces and its headers."""

    headers: Headers = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)
    maps: list[tuple[int, RangeMap]] = field(default_factory=list)
    head: RangeMap = field(default_factory=RangeMap)
    holed: bool = False

    def value(self, name: bytes) -> bytes:
        return next((v for n, v in self.headers if n == name), b"")


def looks_like_frames(data: bytes) -> bool:
    """Tell whether a side starts with a SETTINGS frame, as every server's does."""
    return (
        len(data) >= 9
        and data[3] == 4
        and data[:3] < b"\0\1\0"
        and data[5:9] == b"\0\0\0\0"
        and data[4] in (0, 1)
        and (int.from_bytes(data[:3], "big") % 6 == 0)
    )


class _Reader:
    """Reads the frames of one side."""

    def __init__(self, conversation: Conversation, side: Side) -> None:
        self.conversation, self.side = conversation, side
        self.streams: dict[int, _Stream] = {}
        self.hpack: Any = None
        self.missing = importlib.util.find_spec("hpack") is None
        self.fragment = b""
        self.fragment_of = 0
        if not self.missing:
            from hpack import Decoder

            self.hpack = Decoder(max_header_list_size=1 << 20)
            self.hpack.max_allowed_table_size = 1 << 20

    def run(self) -> None:
        data, sink = self.side.data, self.conversation.sink
        at = len(_PREFACE) if data.startswith(_PREFACE) else 0
        sink.understood(self.side, at)
        while at + 9 <= len(data):
            length = int.from_bytes(data[at : at + 3], "big")
            kind, flags = data[at + 3], data[at + 4]
            stream = int.from_bytes(data[at + 5 : at + 9], "big") & 0x7FFFFFFF
            if kind > 0x10 and kind not in (0x21,) and length > 1 << 16:
                break
            end = min(at + 9 + length, len(data))
            sink.understood(self.side, min(9, len(data) - at))
            self._frame(kind, flags, stream, at + 9, end)
            at = end
        if at < len(data):
            sink.item(self.side, at, len(data), self.conversation.layers, "stray")

    def _frame(self, kind: int, flags: int, number: int, start: int, end: int) -> None:
        data, sink = self.side.data, self.conversation.sink
        body = start
        if flags & 8 and kind in (0, 1, 5) and start < end:
            padding = data[start]
            body, stop = start + 1, max(end - padding, start + 1)
        else:
            stop = end
        if kind == 0:
            stream = self.streams.setdefault(number, _Stream())
            stream.parts.append(data[body:stop])
            stream.maps.append((stop - body, self.side.ranges.slice(body, stop)))
            sink.understood(self.side, (end - start) - (stop - body))
            sink.covert(self.side, max(end - stop, 0))
            return
        sink.understood(self.side, end - start)
        if kind == 1:
            body += 5 if flags & 0x20 else 0
            self.fragment, self.fragment_of = data[body:stop], number
        elif kind == 5:
            self.fragment, self.fragment_of = data[body + 4 : stop], int.from_bytes(data[body : body + 4], "big")
        elif kind == 9:
            self.fragment += data[body:stop]
        elif kind in (6,):
            sink.covert(self.side, 0)
        if kind in (1, 5, 9) and flags & 4:
            self._headers(self.fragment_of, start, end)

    def _headers(self, number: int, start: int, end: int) -> None:
        stream = self.streams.setdefault(number, _Stream())
        size = len(self.fragment)
        if self.hpack is None:
            self._lost(size, "decoder-missing:hpack" if self.missing else "hpack-lost")
            return
        from hpack import HPACKError

        try:
            decoded = self.hpack.decode(self.fragment, raw=True)
        except (HPACKError, UnicodeDecodeError, IndexError, ValueError):
            self.hpack = None
            self._lost(size, "hpack-lost")
            return
        stream.headers.extend((bytes(pair[0]), bytes(pair[1])) for pair in decoded)
        stream.head = RangeMap.concat([(1, stream.head), (1, self.side.ranges.slice(start, end))])

    def _lost(self, size: int, reason: str) -> None:
        sink = self.conversation.sink
        sink.understood(self.side, -size)
        sink.opaque(self.side, size, reason)


def _host(value: bytes) -> str:
    return re.sub(r":\d+$", "", value.decode("latin-1"))


def give_stream(
    conversation: Conversation, side: Side, stream: _Stream, request: Headers, layers: tuple[str, ...]
) -> None:
    """Hand on the body and the long headers of one stream (shared with HTTP/3)."""
    sink = conversation.sink
    path = next((v for n, v in request if n == b":path"), b"").split(b"?")[0].decode("latin-1")
    method = next((v for n, v in stream.headers if n == b":method"), b"").decode("latin-1")
    if stream.headers:
        bodies.weigh_headers(sink, side.up, stream.headers)
        target = stream.value(b":path")
        bodies.examine_head(sink, side.up, stream.head, layers, target, stream.headers)
    body = b"".join(stream.parts)
    if not body:
        return
    ranges = RangeMap.concat(stream.maps)
    declared = (stream.value(b"content-type") or b"").decode("latin-1")
    label = f"{method} {path}".strip()
    if declared.startswith("application/grpc") or _is_grpc(body):
        _grpc(conversation, side, stream, body, ranges, (*layers, "grpc"), label)
        return
    applied = bodies.encodings([stream.value(b"content-encoding")])
    bodies.give_body(
        sink, side.up, body, ranges, layers, applied, declared, label, _order(stream), stream.holed or bool(side.gaps)
    )


def _order(stream: _Stream) -> int | None:
    match = re.match(rb"bytes (\d{1,15})-", stream.value(b"content-range"))
    return int(match.group(1)) if match else None


def _is_grpc(body: bytes) -> bool:
    """Recognise gRPC framing without headers: prefixes that tile the body exactly."""
    at = 0
    while at + 5 <= len(body):
        if body[at] > 1:
            return False
        at += 5 + int.from_bytes(body[at + 1 : at + 5], "big")
    return at == len(body) and len(body) > 5


def _grpc(
    conversation: Conversation,
    side: Side,
    stream: _Stream,
    body: bytes,
    ranges: RangeMap,
    layers: tuple[str, ...],
    label: str,
) -> None:
    """Split the length-prefixed messages of gRPC; each may be compressed by grpc-encoding."""
    sink, at = conversation.sink, 0
    encoding = stream.value(b"grpc-encoding").decode("latin-1") or "gzip"
    while at + 5 <= len(body):
        size = int.from_bytes(body[at + 1 : at + 5], "big")
        end = min(at + 5 + size, len(body))
        message, way = body[at + 5 : end], layers
        part = ranges.slice(at + 5, max(end, at + 6))
        if body[at] == 1 and encoding in BY_NAME:
            unpacked = BY_NAME[encoding](message, 1 << 28)
            if unpacked is not None and unpacked.data and not unpacked.bound:
                way = (*way, encoding)
                sink.give(Item(unpacked.data, part.transformed(len(unpacked.data)), way, side.up, label), len(message))
                sink.understood(side, 5)
                at = end
                continue
        sink.understood(side, 5)
        if message:
            sink.give(Item(message, part, way, side.up, label))
        at = end
    if at < len(body):
        sink.understood(side, len(body) - at)


def parse(conversation: Conversation) -> None:
    """Read an HTTP/2 connection."""
    sink = conversation.sink
    sink.speaks("https" if sink.encrypted else "http")
    sink.flags.add("http2")
    readers = [_Reader(conversation, side) for side in conversation.sides]
    for reader in readers:
        reader.run()
    layers = (*conversation.layers, "http/2")
    client = readers[0].streams
    for stream in client.values():
        sink.name("http-host", _host(stream.value(b":authority") or stream.value(b"host")))
    for reader in readers:
        for number, stream in reader.streams.items():
            request = client[number].headers if number in client else []
            give_stream(conversation, reader.side, stream, request, layers)

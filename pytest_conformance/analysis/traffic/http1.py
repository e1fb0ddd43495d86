"""HTTP/1.x: requests and responses of one connection, their bodies, and the tunnels that they open."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_conformance.analysis.traffic import bodies
from pytest_conformance.analysis.traffic.conversation import Conversation, Side, Sink
from pytest_conformance.analysis.traffic.ranges import RangeMap

_REQUEST = re.compile(rb"([A-Z][A-Z\-]{1,19}) ([^ \r\n]{1,65536}) HTTP/1\.[01]\r?\n")
_RESPONSE = re.compile(rb"HTTP/1\.[01] (\d{3})[^\r\n]{0,1024}\r?\n")
_HEAD_LIMIT = 1 << 17
_METHODS = (b"GET ", b"POST", b"PUT ", b"HEAD", b"DELE", b"OPTI", b"PATC", b"CONN", b"TRAC", b"PROP", b"NOTI", b"SUBS")
Tunnel = Callable[[Conversation, str, "Message", "Message | None"], None]


@dataclass
class Message:
    """One request or response; offsets are in its side."""

    start: int
    body: int
    line: bytes
    headers: list[tuple[bytes, bytes]]
    method: bytes = b""
    target: bytes = b""
    status: int = 0
    end: int = 0
    chunks: list[tuple[int, int]] = field(default_factory=list)
    chunked: bool = False
    complete: bool = True

    def values(self, name: bytes) -> list[bytes]:
        """Return all values of a header."""
        return [value for key, value in self.headers if key.lower() == name]

    def value(self, name: bytes) -> bytes:
        """Return the first value of a header, or nothing."""
        return next(iter(self.values(name)), b"")


def looks_like_http(client: bytes, server: bytes) -> bool:
    """Tell by content whether a connection speaks HTTP/1."""
    if server.startswith(b"HTTP/1."):
        return True
    return client[:4] in _METHODS and _REQUEST.match(client[:65600]) is not None


def _head(side: Side, at: int, pattern: re.Pattern[bytes]) -> Message | None:
    match = pattern.match(side.data, at)
    if match is None:
        return None
    end = side.data.find(b"\r\n\r\n", at, at + _HEAD_LIMIT)
    length = 4
    if end < 0:
        end, length = side.data.find(b"\n\n", at, at + _HEAD_LIMIT), 2
        if end < 0:
            return None
    headers = []
    for line in side.data[match.end() : end + 1].splitlines():
        name, colon, value = line.partition(b":")
        if colon:
            headers.append((name.strip(), value.strip()))
    message = Message(at, end + length, match.group().rstrip(), headers)
    if pattern is _REQUEST:
        message.method, message.target = match.group(1), match.group(2)
    else:
        message.status = int(match.group(1))
    return message


def _chunked(side: Side, message: Message) -> None:
    """Find the chunks of a body; extensions and trailers are skipped."""
    data, at = side.data, message.body
    message.chunked = True
    while True:
        end = data.find(b"\n", at, at + 4096)
        try:
            size = int(data[at:end].split(b";")[0].strip() or b"-", 16) if end >= 0 else -1
        except ValueError:
            size = -1
        if size < 0 or size > 1 << 34:
            message.complete = False
            message.end = at if message.chunks else len(data)
            return
        at = end + 1
        if size == 0:
            trailer = data.find(b"\r\n\r\n", at - 2, at + _HEAD_LIMIT)
            message.end = trailer + 4 if trailer >= 0 else min(at + 2, len(data))
            return
        message.chunks.append((at, min(at + size, len(data))))
        if at + size > len(data):
            message.complete, message.end = False, len(data)
            return
        at += size
        at += 2 if data[at : at + 2] == b"\r\n" else 1 if data[at : at + 1] == b"\n" else 0


def _body(side: Side, message: Message, request: bool, asked: bytes) -> None:
    """Find where the body of a message ends (RFC 9112, section 6.3)."""
    length = len(side.data)
    message.end = message.body
    if not request and (message.status < 200 or message.status in (204, 304) or asked == b"HEAD"):
        return
    if not request and asked == b"CONNECT" and message.status < 300:
        return
    if b"chunked" in b",".join(message.values(b"transfer-encoding")).lower():
        _chunked(side, message)
        return
    lengths = {value.strip() for value in b",".join(message.values(b"content-length")).split(b",") if value.strip()}
    sizes = sorted(int(value) for value in lengths if value.isdigit() and len(value) < 16)
    if sizes:
        size = sizes[0]
        if len(sizes) > 1:
            size = next(
                (s for s in sizes if message.body + s == length or _starts(side.data, message.body + s)), sizes[-1]
            )
        message.end = min(message.body + size, length)
        message.complete = message.body + size <= length
    elif not request:
        message.end = length
    elif message.method in (b"POST", b"PUT", b"PATCH") and message.values(b"content-type"):
        following = _next_start(side.data, message.body, _REQUEST)
        message.end = following
    if message.end > message.body:
        message.chunks = [(message.body, message.end)]


def _starts(data: bytes, at: int) -> bool:
    return _REQUEST.match(data, at) is not None or _RESPONSE.match(data, at) is not None


def _next_start(data: bytes, at: int, pattern: re.Pattern[bytes]) -> int:
    needle = b" HTTP/1." if pattern is _REQUEST else b"HTTP/1."
    search = at
    while True:
        hit = data.find(needle, search)
        if hit < 0:
            return len(data)
        line = hit if pattern is _RESPONSE else data.rfind(b"\n", at, hit) + 1 or at
        found = pattern.match(data, line) if pattern is _RESPONSE else pattern.search(data, line, hit + 16)
        if found is not None and found.start() >= at:
            return found.start()
        search = hit + 1


def messages(side: Side, request: bool, asked: list[bytes]) -> tuple[list[Message], list[tuple[int, int]], int]:
    """Split a side into messages; return them, the stretches that belong to none, and where a tunnel begins."""
    pattern = _REQUEST if request else _RESPONSE
    out: list[Message] = []
    stray: list[tuple[int, int]] = []
    at, end, answers = 0, len(side.data), 0
    while at < end:
        message = _head(side, at, pattern)
        if message is None:
            following = _next_start(side.data, at + 1, pattern)
            stray.append((at, following))
            at = following
            continue
        question = asked[answers] if not request and answers < len(asked) else b""
        _body(side, message, request, question)
        out.append(message)
        at = max(message.end, message.body)
        if not request and message.status == 101:
            return out, stray, at
        if not request and message.status >= 200:
            answers += 1
            if question == b"CONNECT" and message.status < 300:
                return out, stray, at
        leaves = message.method == b"CONNECT" or (message.value(b"upgrade") and _REQUEST.match(side.data, at) is None)
        if request and leaves:
            return out, stray, at
    return out, stray, end


def _give(sink: Sink, side: Side, message: Message, layers: tuple[str, ...], label: str) -> None:
    """Hand on the body of one message and account for its head."""
    body_bytes = sum(b - a for a, b in message.chunks)
    sink.understood(side, max(message.end, message.body) - message.start - body_bytes)
    head = side.ranges.slice(message.start, message.body)
    bodies.weigh_headers(sink, side.up, message.headers)
    bodies.examine_head(sink, side.up, head, layers, message.target, message.headers)
    if not message.chunks:
        return
    if message.chunked:
        layers = (*layers, "chunked")
        body = b"".join([side.data[a:b] for a, b in message.chunks])
        ranges = RangeMap.concat((b - a, side.ranges.slice(a, b)) for a, b in message.chunks)
    else:
        (a, b) = message.chunks[0]
        body, ranges = side.data[a:b], side.ranges.slice(a, b)
    if not message.complete:
        sink.flags.add("body-incomplete")
    applied = bodies.encodings(message.values(b"content-encoding"))
    transfer = [name for name in bodies.encodings(message.values(b"transfer-encoding")) if name != "chunked"]
    order = _range_start(message)
    declared = message.value(b"content-type").decode("latin-1")
    holed = any(side.gap_in(a, b) for a, b in message.chunks) if side.gaps else False
    bodies.give_body(sink, side.up, body, ranges, layers, applied + transfer, declared, label, order, holed)


def _range_start(message: Message) -> int | None:
    match = re.match(rb"bytes (\d{1,15})-", message.value(b"content-range"))
    return int(match.group(1)) if match else None


def parse(conversation: Conversation, tunnel: Tunnel) -> None:
    """Read an HTTP/1 connection; what follows an upgrade or CONNECT goes to `tunnel`."""
    sink, layers = conversation.sink, (*conversation.layers, "http/1.1")
    client, server = conversation.client, conversation.server
    requests, stray_up, rest_up = messages(client, True, [])
    responses, stray_down, rest_down = messages(server, False, [r.method for r in requests])
    sink.speaks("https" if sink.encrypted else "http")
    for message in requests:
        sink.name("http-host", _host(message.value(b"host")))
    for index, message in enumerate(requests):
        label = (message.method + b" " + message.target.split(b"?")[0]).decode("latin-1")
        _give(sink, client, message, layers, label if index < 1 << 16 else "")
    targets = [r.target.split(b"?")[0].decode("latin-1") for r in requests]
    final = [m for m in responses if m.status >= 200]
    for message in responses:
        position = next((i for i, m in enumerate(final) if m is message), -1) if len(final) < 4096 else -1
        _give(sink, server, message, layers, targets[position] if 0 <= position < len(targets) else "")
    for side, stretches in ((client, stray_up), (server, stray_down)):
        for a, b in stretches:
            sink.item(side, a, b, conversation.layers, "stray")
    if rest_up < len(client.data) or rest_down < len(server.data):
        inner = Conversation(_rest(client, rest_up), _rest(server, rest_down), layers, sink, conversation.depth + 1)
        last = requests[-1] if requests else Message(0, 0, b"", [])
        kind = "connect" if last.method == b"CONNECT" else last.value(b"upgrade").decode("latin-1").lower()
        if not kind and responses and responses[-1].status == 101:
            kind = responses[-1].value(b"upgrade").decode("latin-1").lower()
        tunnel(inner, kind, last, responses[-1] if responses else None)


def _host(value: bytes) -> str:
    text = value.decode("latin-1").strip()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def _rest(side: Side, at: int) -> Side:
    gaps = [(a - at, b - at, n) for a, b, n in side.gaps if a >= at]
    return Side(side.data[at:], side.ranges.slice(at, len(side.data)), side.up, gaps)

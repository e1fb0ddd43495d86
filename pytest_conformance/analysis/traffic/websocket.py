"""WebSocket frames (RFC 6455) and permessage-deflate (RFC 7692): unmask, defragment, inflate."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from pytest_conformance.analysis.traffic.conversation import Conversation, Item, Side
from pytest_conformance.analysis.traffic.ranges import RangeMap

_LARGEST = 256 << 20


class Frame(NamedTuple):
    """One frame: its first byte, mask key, and where head and payload lie."""

    first: int
    mask: bytes
    start: int
    body: int
    end: int


def unmask(data: bytes, key: bytes) -> bytes:
    """XOR with the repeated four-byte key."""
    if not key or not data:
        return data
    size = len(data)
    repeated = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")


def frame(data: bytes, at: int) -> Frame | None:
    """Parse the frame header at `at`; None when it cannot be one or is cut."""
    if at + 2 > len(data):
        return None
    first, second = data[at], data[at + 1]
    length, body = second & 127, at + 2
    if first & 0x30 or first & 15 not in (0, 1, 2, 8, 9, 10):
        return None
    if length == 126:
        length, body = int.from_bytes(data[body : body + 2], "big"), body + 2
    elif length == 127:
        length, body = int.from_bytes(data[body : body + 8], "big"), body + 8
    if first & 8 and (length > 125 or not first & 0x80):
        return None
    mask = b""
    if second & 128:
        mask, body = data[body : body + 4], body + 4
    if body > len(data) or length > _LARGEST:
        return None
    return Frame(first, mask, at, body, body + length)


@dataclass
class _Message:
    """The fragments of one message."""

    opcode: int
    compressed: bool
    parts: list[bytes] = field(default_factory=list)
    maps: list[tuple[int, RangeMap]] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(len(part) for part in self.parts)


class _Reader:
    """Reads the frames of one side."""

    def __init__(self, conversation: Conversation, side: Side, deflate: bool, takeover: bool, bits: int) -> None:
        self.conversation, self.side = conversation, side
        self.deflate, self.takeover, self.bits = deflate, takeover, bits
        self.layers = (*conversation.layers, "websocket")
        self.machine = zlib.decompressobj(-bits)
        self.message: _Message | None = None

    def run(self) -> None:
        data, at, sink = self.side.data, 0, self.conversation.sink
        while at < len(data):
            found = frame(data, at)
            if found is None:
                sink.item(self.side, at, len(data), self.layers, "stray")
                break
            self._frame(found)
            at = found.end
        if self.message is not None:
            self._finish()

    def _frame(self, found: Frame) -> None:
        sink, end = self.conversation.sink, min(found.end, len(self.side.data))
        sink.understood(self.side, found.body - found.start)
        if found.mask:
            sink.covert(self.side, 0)
        payload = unmask(self.side.data[found.body : end], found.mask)
        opcode = found.first & 15
        ranges = self.side.ranges.slice(found.body, end)
        if opcode == 8:
            sink.understood(self.side, min(2, len(payload)))
            payload, ranges = payload[2:], ranges.slice(2, max(len(payload), 2))
        if opcode >= 8:
            sink.give(Item(payload, ranges, (*self.layers, "control"), self.side.up, "control", group=False))
            return
        if opcode or self.message is None:
            if self.message is not None:
                self._finish()
            self.message = _Message(opcode, bool(found.first & 0x40))
        self.message.parts.append(payload)
        self.message.maps.append((len(payload), ranges))
        if found.first & 0x80:
            self._finish()

    def _finish(self) -> None:
        message = self.message
        assert message is not None
        self.message = None
        data = b"".join(message.parts)
        ranges = RangeMap.concat(message.maps)
        layers = self.layers
        if message.compressed and self.deflate:
            plain = self._inflate(data)
            if plain is None:
                self.conversation.sink.opaque(self.side, len(data), "permessage-deflate-lost")
                return
            ranges, layers = ranges.transformed(len(plain)), (*layers, "permessage-deflate")
        else:
            plain = data
        if plain:
            self.conversation.sink.give(Item(plain, ranges, layers, self.side.up, "websocket"), weight=len(data))
        else:
            self.conversation.sink.understood(self.side, len(data))

    def _inflate(self, data: bytes) -> bytes | None:
        if not self.takeover:
            self.machine = zlib.decompressobj(-self.bits)
        try:
            return self.machine.decompress(data + b"\0\0\xff\xff", min(max(len(data) * 200, 1 << 20), _LARGEST))
        except zlib.error:
            self.machine = zlib.decompressobj(-self.bits)
            return None


def parse(conversation: Conversation, extensions: str, again: Callable[[Conversation], None]) -> None:
    """Read both sides of a WebSocket; `extensions` is what the server agreed to."""
    conversation.sink.speaks("wss" if conversation.sink.encrypted else "websocket")
    deflate = "permessage-deflate" in extensions
    for side, who in ((conversation.client, "client"), (conversation.server, "server")):
        bits = re.search(rf"{who}_max_window_bits=\"?(\d+)", extensions)
        window = min(max(int(bits.group(1)), 9), 15) if bits else 15
        _Reader(conversation, side, deflate, f"{who}_no_context_takeover" not in extensions, window).run()

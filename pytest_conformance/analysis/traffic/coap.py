"""CoAP over UDP and TCP (RFC 7252, 7959, 8323): options, payloads, and bodies in blocks."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_conformance.analysis.traffic.conversation import Conversation, Item, Side
from pytest_conformance.analysis.traffic.ranges import RangeMap


@dataclass
class Message:
    """One message: type, code, ids, options and where its payload lies in the side."""

    kind: int
    code: int
    ident: int
    token: bytes
    start: int
    body: int
    end: int
    options: list[tuple[int, bytes]] = field(default_factory=list)

    def values(self, number: int) -> list[bytes]:
        """Return the values of an option."""
        return [value for n, value in self.options if n == number]

    @property
    def path(self) -> str:
        """The Uri-Path."""
        return "/" + "/".join(v.decode("utf-8", "replace") for v in self.values(11))

    def block(self, number: int) -> tuple[int, bool, int] | None:
        """Return (block number, more, block size) of a Block1 (27), Block2 (23) or Q-Block (19, 31) option."""
        for value in self.values(number):
            if len(value) <= 3:
                raw = int.from_bytes(value, "big")
                return raw >> 4, bool(raw & 8), 1 << ((raw & 7) + 4)
        return None


def _options(data: bytes, at: int, end: int) -> tuple[list[tuple[int, bytes]], int] | None:
    out: list[tuple[int, bytes]] = []
    number = 0
    while at < end:
        if data[at] == 0xFF:
            return (out, at + 1) if at + 1 < end else None
        fields = []
        delta, length = data[at] >> 4, data[at] & 15
        at += 1
        for value in (delta, length):
            if value == 13 and at < end:
                value, at = data[at] + 13, at + 1
            elif value == 14 and at + 1 < end:
                value, at = (data[at] << 8 | data[at + 1]) + 269, at + 2
            elif value >= 13:
                return None
            fields.append(value)
        number += fields[0]
        if at + fields[1] > end or number > 65535:
            return None
        out.append((number, data[at : at + fields[1]]))
        at += fields[1]
    return out, end


def message(data: bytes, start: int, end: int) -> Message | None:
    """Parse one UDP message; None when it does not parse to its end."""
    if end - start < 4 or data[start] >> 6 != 1:
        return None
    length, code = data[start] & 15, data[start + 1]
    if length > 8 or (code >> 5) not in (0, 2, 4, 5, 7) or start + 4 + length > end:
        return None
    if code == 0 and end - start != 4:
        return None
    found = _options(data, start + 4 + length, end)
    if found is None:
        return None
    ident = data[start + 2] << 8 | data[start + 3]
    token = data[start + 4 : start + 4 + length]
    return Message(data[start] >> 4 & 3, code, ident, token, start, found[1], end, found[0])


def looks_like_coap(conversation: Conversation, ports: tuple[int, int]) -> bool:
    """Tell whether all datagrams of a conversation parse as CoAP, on its port or with a convincing method."""
    seen = 0
    for side in conversation.sides:
        for start, end in side.marks[:16]:
            found = message(side.data, start, end)
            if found is None:
                return False
            if any(number > 2053 or (number not in _KNOWN and number & 1) for number, _ in found.options):
                return False
            seen += found.code in (1, 2, 3, 4, 5, 6, 7) and bool(found.options)
    return seen > 0 or (bool({5683, 5684} & set(ports)) and bool(conversation.client.marks))


_KNOWN = frozenset(
    (1, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 15, 16, 17, 19, 20, 21, 23, 27, 28, 31, 35, 39, 60, 252, 258, 292)
)


@dataclass
class _Blocks:
    """The blocks of one body, by offset."""

    label: str
    declared: str
    parts: dict[int, tuple[bytes, RangeMap]] = field(default_factory=dict)
    ended: bool = False


class _Reader:
    """Reads the messages of one side and joins blocks."""

    def __init__(self, conversation: Conversation, side: Side, paths: dict[bytes, str]) -> None:
        self.conversation, self.side, self.paths = conversation, side, paths
        self.layers = (*conversation.layers, "coap")
        self.blocks: dict[tuple[str, str], _Blocks] = {}
        self.seen: set[tuple[int, int, int]] = set()

    def take(self, found: Message) -> None:
        sink, side = self.conversation.sink, self.side
        sink.understood(side, found.body - found.start)
        free = sum(len(value) for number, value in found.options if number not in (3, 7, 11, 12, 14, 15, 17, 23, 27))
        sink.covert(side, max(free - 64, 0) + max(sum(len(v) for v in found.values(15)) - 64, 0))
        for query in found.values(15):
            if len(query) >= 16:
                place = side.ranges.slice(found.start, found.body)
                item = Item(
                    query, place.transformed(len(query)), (*self.layers, "query"), side.up, "query", group=False
                )
                sink.give(item, 0)
        size = found.end - found.body
        if not size:
            return
        digest = (found.ident, found.code, hash(side.data[found.body : found.end]))
        if digest in self.seen:
            sink.understood(side, size)
            return
        self.seen.add(digest)
        label = found.path if found.code < 32 and found.values(11) else self.paths.get(found.token, "")
        if found.code < 32:
            self.paths[found.token] = label
        option = next((n for n in ((27, 19) if found.code < 32 else (23, 31)) if found.block(n)), 0)
        if option:
            self._block(found, option, label)
            return
        sink.item(side, found.body, found.end, self.layers, label)

    def _block(self, found: Message, option: int, label: str) -> None:
        block = found.block(option)
        assert block is not None
        key = (label, "" if label else found.token.hex())
        body = self.blocks.setdefault(key, _Blocks(label, ""))
        offset = block[0] * block[2]
        if offset == 0 and body.parts and (body.ended or 0 in body.parts):
            self._finish(key)
            body = self.blocks.setdefault(key, _Blocks(label, ""))
        body.parts[offset] = (
            self.side.data[found.body : found.end],
            self.side.ranges.slice(found.body, found.end),
        )
        body.ended = body.ended or not block[1]

    def _finish(self, key: tuple[str, str]) -> None:
        body = self.blocks.pop(key)
        parts, maps, at, holes = [], [], 0, 0
        for offset in sorted(body.parts):
            data, ranges = body.parts[offset]
            if offset > at:
                filler = min(offset - at, 1 << 16)
                holes += filler
                parts.append(bytes(filler))
                maps.append((filler, RangeMap()))
            parts.append(data)
            maps.append((len(data), ranges))
            at = offset + len(data)
        joined = b"".join(parts)
        item = Item(
            joined, RangeMap.concat(maps), (*self.layers, "blockwise"), self.side.up, body.label, holed=holes > 0
        )
        self.conversation.sink.give(item, len(joined) - holes)
        if holes or not body.ended:
            self.conversation.sink.flags.add("coap-blocks-missing")
            self.conversation.sink.missing(self.side, max(holes, 16), "coap-blocks-missing")

    def finish(self) -> None:
        for key in list(self.blocks):
            self._finish(key)


def parse(conversation: Conversation) -> None:
    """Read a CoAP conversation over UDP."""
    conversation.sink.speaks("coap")
    paths: dict[bytes, str] = {}
    for side in conversation.sides:
        reader = _Reader(conversation, side, paths)
        for start, end in side.marks:
            found = message(side.data, start, end)
            if found is None:
                conversation.sink.item(side, start, end, conversation.layers, "datagram")
            else:
                reader.take(found)
        reader.finish()


def stream_messages(data: bytes) -> list[Message] | None:
    """Split a TCP side into CoAP messages (RFC 8323); None when they do not tile it."""
    out: list[Message] = []
    at = 0
    while at < len(data):
        start, length, token = at, data[at] >> 4, data[at] & 15
        width = {13: 1, 14: 2, 15: 4}.get(length, 0)
        if token > 8 or at + 2 + width > len(data):
            return None
        extended = int.from_bytes(data[at + 1 : at + 1 + width], "big")
        length = {13: extended + 13, 14: extended + 269, 15: extended + 65805}.get(length, length)
        code = data[at + 1 + width]
        at += 2 + width + token
        end = at + length
        if end > len(data) or (code >> 5) not in (0, 2, 4, 5, 7):
            return None
        found = _options(data, at, end)
        if found is None:
            return None
        out.append(Message(0, code, len(out), data[at - token : at], start, found[1], end, found[0]))
        at = end
    return out


def parse_stream(conversation: Conversation) -> bool:
    """Read CoAP over TCP if both sides tile into messages and the first is a CSM."""
    both = [stream_messages(side.data) for side in conversation.sides]
    if any(messages is None for messages in both) or not both[0] or both[0][0].code >> 5 not in (7, 0):
        return False
    if both[0][0].code >> 5 != 7:
        return False
    conversation.sink.speaks("coap")
    paths: dict[bytes, str] = {}
    for side, messages in zip(conversation.sides, both, strict=True):
        reader = _Reader(conversation, side, paths)
        for found in messages or []:
            reader.take(found)
        reader.finish()
    return True

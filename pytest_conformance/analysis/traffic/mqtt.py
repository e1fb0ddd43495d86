"""MQTT 3.1, 3.1.1 and 5 over a stream: topics, payloads, wills and properties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pytest_conformance.analysis.traffic.conversation import Conversation, Side

_NAMES = {
    1: "connect",
    2: "connack",
    3: "publish",
    4: "puback",
    5: "pubrec",
    6: "pubrel",
    7: "pubcomp",
    8: "subscribe",
    9: "suback",
    10: "unsubscribe",
    11: "unsuback",
    12: "pingreq",
    13: "pingresp",
    14: "disconnect",
    15: "auth",
}
_FLAGS = {6: 2, 8: 2, 10: 2}
_LARGEST = 1 << 28


class Packet(NamedTuple):
    """One control packet: kind, flags, and where head and body lie in the side."""

    kind: int
    flags: int
    start: int
    body: int
    end: int


def _packet(data: bytes, at: int) -> Packet | None:
    """Parse a fixed header at `at`; the body may run past the end of the data."""
    if at + 2 > len(data):
        return None
    kind, flags = data[at] >> 4, data[at] & 15
    if kind == 0 or (kind != 3 and flags != _FLAGS.get(kind, 0)) or (kind == 3 and flags & 6 == 6):
        return None
    length, shift, cursor = 0, 0, at + 1
    while True:
        if cursor >= len(data) or shift > 21:
            return None
        length |= (data[cursor] & 127) << shift
        shift += 7
        cursor += 1
        if not data[cursor - 1] & 128:
            break
    if (kind in (12, 13) and length) or (kind in (2, 4, 5, 6, 7) and not 2 <= length < 1 << 16):
        return None
    return Packet(kind, flags, at, cursor, cursor + length)


def packets(data: bytes) -> tuple[list[Packet], int]:
    """Split a side into packets from its start; also return how far they reach."""
    out: list[Packet] = []
    at = 0
    while at < len(data):
        packet = _packet(data, at)
        if packet is None:
            break
        out.append(packet)
        at = packet.end
    return out, min(at, len(data))


def looks_like_mqtt(data: bytes) -> bool:
    """Tell whether a side starts with CONNECT, or is a chain of valid packets in mid-stream."""
    first = _packet(data, 0)
    if first is None:
        return False
    if first.kind == 1:
        return data[first.body : first.body + 6] in (b"\0\4MQTT", b"\0\6MQIs")
    if first.kind == 3 and not _topic_at(data, first.body):
        return False
    chain, _ = packets(data)
    publishes = [p for p in chain if p.kind == 3]
    if chain[-1].end != len(data) or not publishes or not all(_topic_at(data, p.body) for p in publishes):
        return False
    return len(chain) >= 3 or len(_topic_at(data, publishes[0].body)) >= 3


def _topic_at(data: bytes, at: int) -> str:
    length = int.from_bytes(data[at : at + 2], "big")
    raw = data[at + 2 : at + 2 + length]
    if not length or len(raw) < length or any(c < 32 for c in raw):
        return ""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift <= 21:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 128:
            break
    return value, at


@dataclass
class _State:
    version: int = 0


def _strings(data: bytes, at: int, end: int) -> list[tuple[int, int]]:
    """Follow length-prefixed strings; return their extents."""
    out: list[tuple[int, int]] = []
    while at + 2 <= end:
        stop = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if stop > end:
            break
        out.append((at + 2, stop))
        at = stop
    return out


def _connect(conversation: Conversation, side: Side, packet: Packet, state: _State, layers: tuple[str, ...]) -> None:
    """Open a CONNECT: client id, will, user name and password are handed on; the head is understood."""
    data = side.data
    at = packet.body + 2 + int.from_bytes(data[packet.body : packet.body + 2], "big")
    if at + 4 > len(data):
        conversation.sink.item(side, packet.start, min(packet.end, len(data)), layers, "connect")
        return
    state.version, flags = data[at], data[at + 1]
    at += 4
    end = min(packet.end, len(data))
    sections = ["client-id"]
    if flags & 4:
        sections += ["will-topic", "will-payload"]
    sections += ["user"] if flags & 0x80 else []
    sections += ["password"] if flags & 0x40 else []
    taken = 0
    if state.version == 5:
        length, body = _varint(data, at)
        conversation.sink.item(side, body, min(body + length, end), (*layers, "mqtt:properties"), "connect")
        taken += min(body + length, end) - body
        at = min(body + length, end)
    for name in sections:
        if state.version == 5 and name == "will-topic":
            length, body = _varint(data, at)
            conversation.sink.item(side, body, min(body + length, end), (*layers, "mqtt:will-properties"), "connect")
            taken += min(body + length, end) - body
            at = min(body + length, end)
        extent = next(iter(_strings(data, at, end)), None)
        if extent is None:
            break
        at = extent[1]
        if name in ("password", "client-id", "user", "will-topic"):
            conversation.sink.covert(side, max(extent[1] - extent[0] - 64, 0))
            conversation.sink.item(side, *extent, (*layers, f"mqtt:{name}"), name)
        else:
            conversation.sink.item(side, *extent, (*layers, f"mqtt:{name}"), name)
        taken += extent[1] - extent[0]
    conversation.sink.understood(side, end - packet.start - taken)


def _publish(conversation: Conversation, side: Side, packet: Packet, state: _State, layers: tuple[str, ...]) -> None:
    data = side.data
    end = min(packet.end, len(data))
    topic = _topic_at(data, packet.body)
    at = packet.body + 2 + int.from_bytes(data[packet.body : packet.body + 2], "big")
    if packet.flags & 6:
        at += 2
    at = min(at, end)
    head = at
    if state.version == 5 or (state.version == 0 and _has_properties(data, at, end)):
        length, body = _varint(data, at)
        head = min(body + length, end)
        if length > 3:
            conversation.sink.item(side, body, head, (*layers, "mqtt:properties"), topic)
            conversation.sink.understood(side, -(head - body))
    conversation.sink.understood(side, head - packet.start)
    if packet.end > len(data):
        conversation.sink.flags.add("body-incomplete")
    conversation.sink.covert(side, max(len(topic) - 64, 0))
    conversation.sink.item(side, head, end, (*layers, f"mqtt:{topic}"), topic)


def _has_properties(data: bytes, at: int, end: int) -> bool:
    """Guess in mid-stream whether a PUBLISH carries version 5 properties: only a plain zero length is believed."""
    return at < end and data[at] == 0 and end - at > 1


def parse(conversation: Conversation) -> None:
    """Read an MQTT connection, also when it was picked up in mid-stream."""
    sink, layers = conversation.sink, (*conversation.layers, "mqtt")
    sink.speaks("mqtts" if sink.encrypted else "mqtt")
    state = _State()
    for side in conversation.sides:
        found, reached = packets(side.data)
        for packet in found:
            if packet.kind == 1:
                _connect(conversation, side, packet, state, layers)
            elif packet.kind == 3:
                _publish(conversation, side, packet, state, layers)
            elif packet.kind in (8, 10, 2, 14, 15) and packet.end - packet.body > 16:
                sink.understood(side, packet.body - packet.start)
                sink.item(side, packet.body, min(packet.end, len(side.data)), (*layers, _NAMES[packet.kind]))
            else:
                sink.understood(side, min(packet.end, len(side.data)) - packet.start)
        if reached < len(side.data):
            sink.item(side, reached, len(side.data), layers, "stray")

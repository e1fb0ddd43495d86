"""MQTT 3.1.1 packets (OASIS mqtt-v3.1.1-os), as a broker for QoS 0 and 1 needs them. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 10, 11, 12, 13, 14
ACCEPTED, BAD_VERSION, NOT_AUTHORISED = 0, 1, 5
REFUSED = 0x80
LARGEST = 16 << 20


class MalformedError(ValueError):
    """Bytes that are no MQTT 3.1.1 packet, or one that this broker does not take."""


@dataclass(frozen=True)
class Packet:
    """A control packet: type 1 to 14, the four flag bits, and what follows the fixed header."""

    kind: int
    flags: int
    body: bytes


@dataclass(frozen=True)
class Connect:
    """A client's first packet; `will` is its last (topic, payload), sent when it goes without a word."""

    client: str
    level: int
    keep_alive: int
    user: str
    password: str
    will: tuple[str, bytes] | None


@dataclass(frozen=True)
class Publish:
    """A message; `number` is 0 at QoS 0."""

    topic: str
    payload: bytes
    quality: int
    number: int
    retain: bool


def split(buffer: bytearray) -> Packet | None:
    """Take one packet from the front of `buffer`; None while it is incomplete. Raises MalformedError."""
    size = shift = 0
    for index in range(1, 5):
        if index >= len(buffer):
            return None
        size |= (buffer[index] & 0x7F) << shift
        shift += 7
        if not buffer[index] & 0x80:
            break
    else:
        raise MalformedError("the remaining length has more than four bytes")
    if size > LARGEST:
        raise MalformedError(f"a packet of {size} bytes")
    end = index + 1 + size
    if len(buffer) < end:
        return None
    packet = Packet(buffer[0] >> 4, buffer[0] & 0xF, bytes(buffer[index + 1 : end]))
    del buffer[:end]
    return packet


def pack(kind: int, flags: int, body: bytes) -> bytes:
    """Return a control packet."""
    size, head = len(body), bytearray([kind << 4 | flags])
    while True:
        size, digit = divmod(size, 128)
        head.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(head) + body


def text(value: str) -> bytes:
    """Return `value` with its length before it."""
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def connect(packet: Packet) -> Connect:
    """Read a CONNECT packet. Raises MalformedError."""
    fields = Fields(packet.body)
    if fields.text() not in ("MQTT", "MQIsdp"):
        raise MalformedError("not MQTT")
    level, flags, keep_alive = fields.byte(), fields.byte(), fields.number()
    client = fields.text()
    will = (fields.text(), fields.data()) if flags & 4 else None
    user = fields.text() if flags & 0x80 else ""
    password = fields.data().decode("utf-8", "replace") if flags & 0x40 else ""
    return Connect(client, level, keep_alive, user, password, will)


def publish(packet: Packet) -> Publish:
    """Read a PUBLISH packet. Raises MalformedError, also for QoS 2."""
    quality = packet.flags >> 1 & 3
    if quality > 1:
        raise MalformedError("QoS 2 is not served here")
    fields = Fields(packet.body)
    topic = fields.text()
    if not topic or "+" in topic or "#" in topic:
        raise MalformedError(f"not a topic to publish to: {topic!r}")
    number = fields.number() if quality else 0
    return Publish(topic, fields.rest(), quality, number, bool(packet.flags & 1))


def pack_publish(message: Publish) -> bytes:
    """Return `message` as a packet."""
    number = struct.pack(">H", message.number) if message.quality else b""
    flags = message.quality << 1 | message.retain
    return pack(PUBLISH, flags, text(message.topic) + number + message.payload)


def subscriptions(packet: Packet, *, with_quality: bool) -> tuple[int, list[tuple[str, int]]]:
    """Read SUBSCRIBE or UNSUBSCRIBE: its number, and topic filters with the quality asked for (0 without)."""
    fields = Fields(packet.body)
    number, wanted = fields.number(), []
    while fields.left():
        wanted.append((fields.text(), min(fields.byte(), 1) if with_quality else 0))
    if not wanted:
        raise MalformedError("a subscription to nothing")
    return number, wanted


def matches(pattern: str, topic: str) -> bool:
    """Say whether the topic filter `pattern` (with + and #) covers `topic` (section 4.7)."""
    if topic.startswith("$") and pattern[:1] in "+#":
        return False
    levels, parts = pattern.split("/"), topic.split("/")
    for index, level in enumerate(levels):
        if level == "#":
            return True
        if index >= len(parts) or level not in ("+", parts[index]):
            return False
    return len(levels) == len(parts)


class Fields:
    """Reads the fields of a packet from its front. Raises MalformedError at the end of the bytes."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def left(self) -> int:
        return len(self._body) - self._at

    def take(self, count: int) -> bytes:
        if self.left() < count:
            raise MalformedError("the packet ends early")
        self._at += count
        return self._body[self._at - count : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def data(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        try:
            return self.data().decode()
        except UnicodeDecodeError as error:
            raise MalformedError("text that is not UTF-8") from error

    def rest(self) -> bytes:
        return self.take(self.left())

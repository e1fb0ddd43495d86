"""Ethernet frames for conversations that the relay passed on as streams: TCP, UDP and ICMP over IPv4. Pure."""

from __future__ import annotations

import itertools
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

SEGMENT_SIZE = 1460
"""TCP payload bytes in a full frame of 1500 bytes."""

_TCP, _UDP, _ICMP = 6, 17, 1
_FIN, _SYN, _RST, _PSH, _ACK = 1, 2, 4, 8, 16
_WINDOW = 64240
_ACKNOWLEDGE_EVERY = 16
_MASK = 0xFFFFFFFF

Direction = Literal["up", "down"]
"""Up: from the side that opened the conversation."""


@dataclass(frozen=True)
class Station:
    """One end of a conversation: `mac` "02:...", IPv4 `address`, `port`."""

    mac: str
    address: str
    port: int


class FrameFactory:
    """Makes frames with increasing IP identifications, one count for each sending address."""

    def __init__(self) -> None:
        self._numbers: dict[str, Iterator[int]] = {}

    def udp(self, source: Station, target: Station, payload: bytes) -> bytes:
        """Return a UDP datagram; `payload` at most 65507 bytes (the frame may exceed an MTU, as on loopback)."""
        size = 8 + len(payload)
        head = struct.pack(">HHHH", source.port, target.port, size, 0)
        checksum = _checksum(_pseudo(source, target, _UDP, size) + head + payload) or 0xFFFF
        return self._ip(source, target, _UDP, head[:6] + struct.pack(">H", checksum) + payload)

    def unreachable(self, router: Station, target: Station, frame: bytes) -> bytes:
        """Return ICMP "host unreachable" by `router` about `frame`, which `target` had sent (RFC 792)."""
        body = struct.pack(">BBHI", 3, 1, 0, 0) + frame[14 : 14 + 28]
        return self._ip(router, target, _ICMP, body[:2] + struct.pack(">H", _checksum(body)) + body[4:])

    def tcp(
        self, source: Station, target: Station, flags: int, sequence: int, acknowledged: int, payload: bytes
    ) -> bytes:
        """Return one TCP segment; a SYN announces the segment size."""
        options = struct.pack(">BBH", 2, 4, SEGMENT_SIZE) if flags & _SYN else b""
        offset = (20 + len(options)) // 4 << 4
        head = struct.pack(">HHIIBBHHH", source.port, target.port, sequence, acknowledged, offset, flags, _WINDOW, 0, 0)
        size = len(head) + len(options) + len(payload)
        checksum = _checksum(_pseudo(source, target, _TCP, size) + head + options + payload)
        return self._ip(source, target, _TCP, head[:16] + struct.pack(">H", checksum) + head[18:] + options + payload)

    def _ip(self, source: Station, target: Station, protocol: int, content: bytes) -> bytes:
        number = next(self._numbers.setdefault(source.address, itertools.count(1))) & 0xFFFF
        addresses = socket.inet_aton(source.address) + socket.inet_aton(target.address)
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(content), number, 0x4000, 64, protocol, 0)
        checksum = _checksum(head + addresses)
        ethernet = _mac(target.mac) + _mac(source.mac) + b"\x08\x00"
        return ethernet + head[:10] + struct.pack(">H", checksum) + addresses + content


class TcpConversation:
    """The frames of one TCP connection, in the order in which its events are told. Not thread-safe."""

    def __init__(
        self,
        factory: FrameFactory,
        client: Station,
        server: Station,
        initial: tuple[int, int],
        emit: Callable[[bytes], None],
    ) -> None:
        self._factory = factory
        self._ends: dict[Direction, tuple[Station, Station]] = {"up": (client, server), "down": (server, client)}
        self._next: dict[Direction, int] = {"up": initial[0] & _MASK, "down": initial[1] & _MASK}
        self._emit = emit
        self._finished: set[Direction] = set()
        self._over = False

    def opened(self) -> None:
        """Emit the three-way handshake."""
        self._segment("up", _SYN, acknowledge=False)
        self._advance("up", 1)
        self._segment("down", _SYN | _ACK)
        self._advance("down", 1)
        self._segment("up", _ACK)

    def refused(self) -> None:
        """Emit a SYN and the reset that answered it."""
        self._segment("up", _SYN, acknowledge=False)
        self._advance("up", 1)
        self._segment("down", _RST | _ACK, sequence=0)
        self._over = True

    def unreachable(self, router: Station) -> None:
        """Emit a SYN and the ICMP error of `router` that answered it."""
        client, _ = self._ends["up"]
        syn = self._segment("up", _SYN, acknowledge=False)
        self._emit(self._factory.unreachable(router, client, syn))
        self._over = True

    def data(self, direction: Direction, payload: bytes) -> None:
        """Emit `payload` in full segments, acknowledged by the other side every few segments and at the end."""
        if self._over or not payload:
            return
        for number, start in enumerate(range(0, len(payload), SEGMENT_SIZE), start=1):
            piece = payload[start : start + SEGMENT_SIZE]
            last = start + SEGMENT_SIZE >= len(payload)
            self._segment(direction, _ACK | (_PSH if last else 0), piece)
            self._advance(direction, len(piece))
            if last or number % _ACKNOWLEDGE_EVERY == 0:
                self._segment(_other(direction), _ACK)

    def finished(self, direction: Direction) -> None:
        """Emit the FIN of one side and its acknowledgement; twice is once."""
        if self._over or direction in self._finished:
            return
        self._finished.add(direction)
        self._segment(direction, _FIN | _ACK)
        self._advance(direction, 1)
        self._segment(_other(direction), _ACK)
        self._over = len(self._finished) == 2

    def reset(self, direction: Direction) -> None:
        """Emit the RST of one side; nothing comes after it."""
        if not self._over:
            self._segment(direction, _RST | _ACK)
            self._over = True

    def _segment(
        self, direction: Direction, flags: int, payload: bytes = b"", *, acknowledge: bool = True, sequence: int = -1
    ) -> bytes:
        source, target = self._ends[direction]
        acknowledged = self._next[_other(direction)] if acknowledge else 0
        number = self._next[direction] if sequence < 0 else sequence
        frame = self._factory.tcp(source, target, flags, number, acknowledged, payload)
        self._emit(frame)
        return frame

    def _advance(self, direction: Direction, count: int) -> None:
        self._next[direction] = self._next[direction] + count & _MASK


def _other(direction: Direction) -> Direction:
    return "down" if direction == "up" else "up"


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _pseudo(source: Station, target: Station, protocol: int, size: int) -> bytes:
    return socket.inet_aton(source.address) + socket.inet_aton(target.address) + struct.pack(">BBH", 0, protocol, size)


def _checksum(data: bytes) -> int:
    """Return the internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF

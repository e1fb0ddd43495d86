"""pcapng files: sections, interfaces, packet blocks, interface statistics and decryption secrets."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from pytest_conformance.analysis.traffic.pcap import RawPacket

_SECTION = 0x0A0D0D0A
_TLS_KEY_LOG = 0x544C534B


@dataclass
class Interface:
    """One capture interface: link type, seconds per time unit, offset in s, and its loss counters."""

    link: int
    unit: float = 1e-6
    offset: int = 0
    name: str = ""
    received: int | None = None
    dropped: int = 0


@dataclass
class PcapngFacts:
    """What the blocks beside the packets say."""

    interfaces: list[Interface] = field(default_factory=list)
    secrets: list[bytes] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)


def is_pcapng(head: bytes) -> bool:
    """Tell whether a file that starts with `head` is pcapng."""
    return head[:4] == b"\x0a\x0d\x0d\x0a"


def _blocks(buffer: bytes, flags: set[str]) -> Iterator[tuple[int, str, int, int]]:
    """Yield (type, byte order, body start, body end) of each block; bad lengths end the walk with a flag."""
    at, end, order = 0, len(buffer), "<"
    while at + 12 <= end:
        kind = struct.unpack_from(order + "I", buffer, at)[0]
        if kind == _SECTION or bytes(buffer[at : at + 4]) == b"\x0a\x0d\x0d\x0a":
            kind = _SECTION
            magic = bytes(buffer[at + 8 : at + 12])
            if magic not in (b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d"):
                flags.add("capture-corrupt")
                return
            order = "<" if magic[:1] == b"\x4d" else ">"
        length = struct.unpack_from(order + "I", buffer, at + 4)[0]
        if length < 12 or length % 4 or at + length > end:
            flags.add("capture-truncated" if length >= 12 and at + length > end else "capture-corrupt")
            return
        yield kind, order, at + 8, at + length - 4
        at += length
    if at != end:
        flags.add("capture-truncated")


def _options(buffer: bytes, at: int, end: int, order: str) -> Iterator[tuple[int, bytes]]:
    while at + 4 <= end:
        code, length = struct.unpack_from(order + "HH", buffer, at)
        if code == 0 or at + 4 + length > end:
            return
        yield code, bytes(buffer[at + 4 : at + 4 + length])
        at += 4 + (length + 3) // 4 * 4


def _interface(buffer: bytes, start: int, end: int, order: str) -> Interface:
    interface = Interface(struct.unpack_from(order + "H", buffer, start)[0])
    for code, value in _options(buffer, start + 8, end, order):
        if code == 9 and value:
            power = value[0] & 0x7F
            interface.unit = 2.0**-power if value[0] & 0x80 else 10.0**-power
        elif code == 14 and len(value) == 8:
            interface.offset = struct.unpack(order + "q", value)[0]
        elif code == 2:
            interface.name = value.decode("utf-8", "replace")
    return interface


def scan_facts(buffer: bytes) -> PcapngFacts:
    """Read secrets, statistics and names of the whole file without touching packets."""
    facts = PcapngFacts()
    base = 0
    for kind, order, start, end in _blocks(buffer, set()):
        if kind == _SECTION:
            base = len(facts.interfaces)
        elif kind == 1 and end - start >= 8:
            facts.interfaces.append(_interface(buffer, start, end, order))
        elif kind == 10 and end - start >= 8:
            secret, length = struct.unpack_from(order + "II", buffer, start)
            if secret == _TLS_KEY_LOG:
                facts.secrets.append(bytes(buffer[start + 8 : min(start + 8 + length, end)]))
        elif kind == 5 and end - start >= 12:
            index = base + struct.unpack_from(order + "I", buffer, start)[0]
            if index < len(facts.interfaces):
                _statistics(facts.interfaces[index], buffer, start + 12, end, order)
    return facts


def _statistics(interface: Interface, buffer: bytes, start: int, end: int, order: str) -> None:
    dropped = 0
    for code, value in _options(buffer, start, end, order):
        if len(value) != 8:
            continue
        count = struct.unpack(order + "Q", value)[0]
        if code == 4:
            interface.received = count
        elif code in (5, 7):
            dropped += count
    interface.dropped = max(interface.dropped, dropped)


def packets(buffer: bytes, flags: set[str]) -> Iterator[RawPacket]:
    """Yield the packets of all sections and interfaces. Source: draft-ietf-opsawg-pcapng."""
    interfaces: list[Interface] = []
    frame = 0
    last = 0.0
    for kind, order, start, end in _blocks(buffer, flags):
        room = end - start
        if kind == 6 and room >= 20:
            index, high, low, captured, original = struct.unpack_from(order + "IIIII", buffer, start)
            at = start + 20
        elif kind == 2 and room >= 20:
            index, _, high, low, captured, original = struct.unpack_from(order + "HHIIII", buffer, start)
            at = start + 20
        elif kind == 3 and room >= 4:
            index, high, low = 0, -1, 0
            original = struct.unpack_from(order + "I", buffer, start)[0]
            captured, at = min(original, room - 4), start + 4
        else:
            if kind == _SECTION:
                interfaces = []
            elif kind == 1 and room >= 8:
                interfaces.append(_interface(buffer, start, end, order))
            continue
        frame += 1
        if index >= len(interfaces) or at + captured > end:
            flags.add("capture-corrupt")
            continue
        interface = interfaces[index]
        if high >= 0:
            last = ((high << 32) | low) * interface.unit + interface.offset
        yield frame, last, interface.link, at, captured, original if captured <= original < 1 << 26 else captured

"""Protocols of a few message types: MQTT-SN, TFTP, Modbus over TCP. What they carry is handed on in order."""

from __future__ import annotations

from pytest_conformance.analysis.traffic.conversation import Conversation, Item, Side
from pytest_conformance.analysis.traffic.ranges import RangeMap

_SN_PORTS = frozenset((1883, 1884, 2442, 10000))
_SN_TYPES = frozenset((*range(0x03), *range(0x04, 0x0F), *range(0x10, 0x17), 0x18, *range(0x1A, 0x1E), 0xFE))
_SN_CONNECT, _SN_PUBLISH, _SN_WILL = 0x04, 0x0C, 0x09
_MODBUS_LARGEST = 260


def mqtt_sn(conversation: Conversation, ports: tuple[int, int]) -> bool:
    """Read MQTT-SN 1.2 over UDP; False when the datagrams are not all its messages."""
    heads = [(_sn(side, a, b), side) for side in conversation.sides for a, b in side.marks]
    kinds = [head[0] for head, _ in heads if head is not None]
    if not kinds or len(kinds) != len(heads):
        return False
    if not ({_SN_CONNECT, _SN_PUBLISH} & set(kinds) and (_SN_PORTS & set(ports) or len(kinds) >= 4)):
        return False
    sink = conversation.sink
    sink.speaks("mqtt-sn")
    for side in conversation.sides:
        for start, end in side.marks:
            head = _sn(side, start, end)
            if head is not None:
                _sn_message(conversation, side, start, end, head)
    return True


def _sn(side: Side, start: int, end: int) -> tuple[int, int] | None:
    """Return (message type, where its fields begin); None when a datagram is no message of the right length."""
    data = side.data
    if end - start >= 4 and data[start] == 1:
        length, at = data[start + 1] << 8 | data[start + 2], start + 3
    elif end - start >= 2:
        length, at = data[start], start + 1
    else:
        return None
    return (data[at], at + 1) if length == end - start and data[at] in _SN_TYPES else None


def _sn_message(conversation: Conversation, side: Side, start: int, end: int, head: tuple[int, int]) -> None:
    sink, (kind, at) = conversation.sink, head
    body = at + 5 if kind == _SN_PUBLISH else at if kind == _SN_WILL else end
    body = min(body, end)
    sink.understood(side, body - start)
    if body < end:
        topic = f"topic{side.data[at + 1] << 8 | side.data[at + 2]}" if kind == _SN_PUBLISH else "will"
        sink.item(side, body, end, (*conversation.layers, f"mqtt-sn:{topic}"), topic)
    else:
        sink.covert(side, max(end - at - 32, 0))


def tftp(conversation: Conversation) -> bool:
    """Read the data blocks of a TFTP transfer (RFC 1350), whichever side sends them; False when it is none."""
    for sender, other in (conversation.sides, conversation.sides[::-1]):
        blocks = _blocks(sender)
        if blocks and all(other.data[a : a + 2] in (b"\0\4", b"\0\6") and b - a >= 4 for a, b in other.marks):
            conversation.sink.speaks("tftp")
            conversation.sink.understood(other, len(other.data))
            _transfer(conversation, sender, blocks)
            return True
    return False


def _blocks(side: Side) -> dict[int, tuple[int, int]]:
    """Return the blocks by number, counted on where the 16 bits wrap; nothing when a datagram is something else."""
    blocks: dict[int, tuple[int, int]] = {}
    last = 0
    for start, end in side.marks:
        if end - start < 4 or side.data[start : start + 2] != b"\0\3":
            return {}
        number = last + ((int.from_bytes(side.data[start + 2 : start + 4], "big") - last + 0x8000) & 0xFFFF) - 0x8000
        if not 0 <= number <= last + 0x1000:
            return {}
        last = max(last, number)
        blocks.setdefault(number, (start + 4, end))
    sizes = [end - start for _, (start, end) in sorted(blocks.items())]
    whole = len(blocks) >= 2 and min(blocks) <= 2 and len(set(sizes[:-1])) == 1 and sizes[-1] <= sizes[0]
    return blocks if whole else {}


def _transfer(conversation: Conversation, side: Side, blocks: dict[int, tuple[int, int]]) -> None:
    sink = conversation.sink
    ordered = [blocks[number] for number in sorted(blocks)]
    data = b"".join([side.data[a:b] for a, b in ordered])
    ranges = RangeMap.concat((b - a, side.ranges.slice(a, b)) for a, b in ordered)
    lost = max(blocks) - len(blocks) + (1 if min(blocks) == 0 else 0)
    if lost > 0:
        sink.missing(side, lost * (ordered[0][1] - ordered[0][0]), "tftp-blocks-missing")
    sink.understood(side, len(side.data) - len(data))
    sink.give(Item(data, ranges, (*conversation.layers, "tftp"), side.up, "tftp", holed=lost > 0))


def modbus(conversation: Conversation) -> bool:
    """Read Modbus over TCP: the registers that are written or read, joined; False when a side does not tile."""
    tiled = [_units(side) for side in conversation.sides]
    if not tiled[0] or tiled[1] is None or len(tiled[0]) < 2:
        return False
    conversation.sink.speaks("modbus")
    for side, units in zip(conversation.sides, tiled, strict=True):
        bodies = [body for body in units or [] if body[1] > body[0]]
        data = b"".join([side.data[a:b] for a, b in bodies])
        conversation.sink.understood(side, len(side.data) - len(data))
        if data:
            ranges = RangeMap.concat((b - a, side.ranges.slice(a, b)) for a, b in bodies)
            item = Item(data, ranges, (*conversation.layers, "modbus"), side.up, "registers")
            conversation.sink.give(item)
    return True


def _units(side: Side) -> list[tuple[int, int]] | None:
    """Return the register bytes of each message (start, end); None when the side is not all Modbus."""
    data, at, out = side.data, 0, []
    while at < len(data):
        if at + 9 > len(data) or data[at + 2 : at + 4] != b"\0\0":
            return None
        size = data[at + 4] << 8 | data[at + 5]
        end = at + 6 + size
        function = data[at + 7]
        if not 3 <= size <= _MODBUS_LARGEST or end > len(data) or not 1 <= function & 0x7F <= 0x2B:
            return None
        start = {0x0F: at + 13, 0x10: at + 13, 0x17: at + 17, 0x15: at + 9}.get(function, at + 12)
        if data[at + 8] == size - 3 and function in (1, 2, 3, 4, 0x17):
            start = at + 9
        out.append((min(start, end), end))
        at = end
    return out

"""Datagram protocols: DNS, mDNS, DHCP, NTP, SSDP, ICMP and the rest; each datagram is an item of its own."""

from __future__ import annotations

from collections.abc import Callable

from pytest_conformance.analysis.traffic import dns
from pytest_conformance.analysis.traffic.conversation import Conversation, Side
from pytest_conformance.analysis.traffic.dnslog import DnsLog, Question

Handler = Callable[[Conversation, Side, int, int], bool]


class Local:
    """What datagram parsers need of the capture: the DNS log, the flow's number, and the bench's own zones."""

    def __init__(self, log: DnsLog, flow: int, zones: tuple[str, ...]) -> None:
        self.log, self.flow, self.zones = log, flow, zones

    def own(self, labels: list[bytes]) -> bool:
        """Tell whether a name belongs to the bench, to mDNS or to reverse look-ups of its own."""
        name = dns.name_text(labels).lower()
        return (
            name.endswith((".local", ".lan", ".home.arpa", ".localdomain"))
            or "." not in name
            or any(name == zone or name.endswith("." + zone) for zone in self.zones)
        )


def parse(conversation: Conversation, ports: tuple[int, int], protocol: int, local: Local) -> None:
    """Parse all datagrams of a conversation; `ports` are (device's, peer's)."""
    if protocol in (1, 58):
        _each(conversation, _icmp, "icmp")
    elif protocol == 2:
        _each(conversation, _all_understood, "igmp")
    elif protocol != 17:
        conversation.sink.speaks(f"ip{protocol}")
        for side in conversation.sides:
            conversation.sink.opaque(side, len(side.data), "unknown-ip-protocol")
    elif {53, 5353, 5355} & set(ports) or _first_is_dns(conversation, ports):
        name = "mdns" if 5353 in ports else "dns"
        _each(conversation, lambda c, s, a, b: _dns(c, s, a, b, local), name)
    elif {67, 68} & set(ports) and _starts(conversation, (b"\x01\x01\x06", b"\x02\x01\x06")):
        _each(conversation, _dhcp, "dhcp")
    elif 123 in ports and _each_size(conversation, 48, 1024):
        _each(conversation, _ntp, "ntp")
    elif 1900 in ports:
        _each(conversation, _ssdp, "ssdp")
    else:
        from pytest_conformance.analysis.traffic import datagrams_other

        if not datagrams_other.parse(conversation, ports):
            unknown(conversation)


def unknown(conversation: Conversation) -> None:
    """Datagrams of no known protocol: each is examined, and so is what they give together."""
    if not conversation.sink.proto:
        conversation.sink.speaks("private")
    for side in conversation.sides:
        for start, end in side.marks:
            conversation.sink.item(side, start, end, conversation.layers, "datagram")


def _each(conversation: Conversation, handler: Handler, name: str) -> None:
    conversation.sink.speaks(name)
    inner = Conversation(
        conversation.client, conversation.server, (*conversation.layers, name), conversation.sink, conversation.depth
    )
    for side in conversation.sides:
        for start, end in side.marks:
            if not handler(inner, side, start, end):
                conversation.sink.item(side, start, end, conversation.layers, "datagram")


def _starts(conversation: Conversation, heads: tuple[bytes, ...]) -> bool:
    return any(side.data.startswith(heads) for side in conversation.sides)


def _each_size(conversation: Conversation, low: int, high: int) -> bool:
    return all(low <= b - a <= high for side in conversation.sides for a, b in side.marks)


def _first_is_dns(conversation: Conversation, ports: tuple[int, int]) -> bool:
    """Recognise DNS on a foreign port: a whole message with one question of a known type."""
    for side in conversation.sides:
        if side.marks:
            start, end = side.marks[0]
            message = dns.parse(side.data[start:end])
            if message is None or message.trailing or len(message.questions) != 1:
                return False
            if message.questions[0][1] not in dns.TYPES or not message.questions[0][0]:
                return False
    return bool(conversation.client.marks) and ports[1] > 0


def _dns(conversation: Conversation, side: Side, start: int, end: int, local: Local) -> bool:
    message = dns.parse(side.data[start:end])
    if message is None:
        return False
    sink = conversation.sink
    local.log.learn(message)
    if message.trailing > 0:
        sink.understood(side, message.end)
        sink.item(side, start + message.end, end, conversation.layers, "dns-trailing")
    else:
        sink.understood(side, end - start)
    for labels, kind in message.questions:
        if side.up and not message.response and not local.own(labels):
            local.log.ask(Question(local.flow, (start, end), tuple(labels), kind, False))
    for _, kind, data, _ in message.answers:
        if kind in (10, 16, 65399) and len(data) >= 24:
            at = side.data.find(data, start, end)
            sink.item(
                side, max(at, start), max(at, start) + len(data), (*conversation.layers, f"rdata:{dns.TYPES[kind]}")
            )
            sink.understood(side, -len(data))
    return True


def _dhcp(conversation: Conversation, side: Side, start: int, end: int) -> bool:
    data = side.data[start:end]
    if len(data) < 240 or data[236:240] != b"\x63\x82\x53\x63":
        return False
    at, free = 240, 0
    while at + 2 <= len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        if data[at] in (12, 15, 43, 60, 61, 77, 81, 124, 125):
            free += data[at + 1]
        at += 2 + data[at + 1]
    conversation.sink.understood(side, end - start)
    conversation.sink.covert(side, max(free - 128, 0))
    return True


def _ntp(conversation: Conversation, side: Side, start: int, end: int) -> bool:
    conversation.sink.understood(side, 48)
    if end - start > 48:
        conversation.sink.covert(side, end - start - 48)
        conversation.sink.understood(side, end - start - 48)
    return side.data[start] >> 3 & 7 in (1, 2, 3, 4)


def _ssdp(conversation: Conversation, side: Side, start: int, end: int) -> bool:
    if not side.data[start:end].startswith((b"M-SEARCH ", b"NOTIFY ", b"HTTP/1.")):
        return False
    conversation.sink.item(side, start, end, conversation.layers, "ssdp")
    return True


def _icmp(conversation: Conversation, side: Side, start: int, end: int) -> bool:
    """The standard payload of a ping is a pattern; anything else is examined and counts as free capacity."""
    data = side.data[start:end]
    kind = data[0] if data else 0
    sink = conversation.sink
    if kind in (3, 11, 12, 1, 2, 4) or 130 <= kind <= 143 or kind in (5, 9, 10, 13, 14, 17, 18):
        sink.understood(side, end - start)
        return True
    payload = data[8:]
    sink.understood(side, min(8, end - start))
    if _pattern(payload):
        sink.understood(side, len(payload))
    elif payload:
        sink.item(side, start + 8, end, conversation.layers, "echo")
    return True


def _pattern(payload: bytes) -> bool:
    """Recognise the counting or alphabetic filling of the usual ping programs, behind at most 16 timestamp bytes."""
    for skip in (0, 8, 16):
        rest = payload[skip:]
        if all((rest[i + 1] - rest[i]) & 255 in (0, 1) or rest[i] in b"wz" for i in range(len(rest) - 1)):
            return True
    return False


def _all_understood(conversation: Conversation, side: Side, start: int, end: int) -> bool:
    conversation.sink.understood(side, end - start)
    return True

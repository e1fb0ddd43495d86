"""Stream protocols beside TLS, HTTP and MQTT: RTSP, FTP, SMTP, SIP, CoAP over TCP, DNS over TCP, SOCKS, Modbus."""

from __future__ import annotations

import re
from collections.abc import Callable

from pytest_conformance.analysis.traffic import coap, dns, rtsp, smallprotocols
from pytest_conformance.analysis.traffic.conversation import Conversation, Side
from pytest_conformance.analysis.traffic.http1 import _rest as rest

Again = Callable[[Conversation], None]
_GREETING = re.compile(rb"220[ \-][^\r\n]{0,500}\r\n")
_COMMAND = re.compile(rb"(?i)(EHLO|HELO|USER|AUTH|LHLO|AUTH TLS)\b[^\r\n]*\r\n")
_SIP = re.compile(rb"(?:[A-Z]{3,10} sips?:\S{1,500} SIP/2\.0|SIP/2\.0 \d{3})")


def parse(conversation: Conversation, again: Again) -> bool:
    """Parse a stream conversation if its protocol is recognised."""
    client, server = conversation.client.data, conversation.server.data
    if rtsp.looks_like_rtsp(client, server):
        rtsp.parse(conversation)
        return True
    if client[:1] == b"\x05" and _socks(conversation, again):
        return True
    if _GREETING.match(server) and _COMMAND.match(client):
        _lines(conversation, again)
        return True
    if _SIP.match(client) or _SIP.match(server):
        conversation.sink.speaks("sip")
        return _whole(conversation, "sip")
    return _dns(conversation) or coap.parse_stream(conversation) or smallprotocols.modbus(conversation)


def _whole(conversation: Conversation, layer: str) -> bool:
    for side in conversation.sides:
        conversation.sink.item(side, 0, len(side.data), (*conversation.layers, layer), "stream")
    return True


def _dns(conversation: Conversation) -> bool:
    """DNS over TCP: messages behind two bytes of length that tile the client's side."""
    data, at, count = conversation.client.data, 0, 0
    while at + 2 <= len(data):
        size = data[at] << 8 | data[at + 1]
        message = dns.parse(data[at + 2 : at + 2 + size])
        if message is None or not message.questions:
            return False
        at += 2 + size
        count += 1
    if not count or at != len(data):
        return False
    conversation.sink.speaks("dns")
    for side in conversation.sides:
        conversation.sink.understood(side, len(side.data))
        if side.up:
            conversation.sink.covert(side, len(side.data) // 2)
    return True


def _socks(conversation: Conversation, again: Again) -> bool:
    """SOCKS 5 without authentication: what follows the two exchanges is a conversation of its own."""
    client, server = conversation.client.data, conversation.server.data
    if len(client) < 3 or server[:1] != b"\x05" or len(server) < 2:
        return False
    at, back = 2 + client[1], 2
    if client[at : at + 2] != b"\x05\x01" or len(client) < at + 7:
        return False
    kind = client[at + 3]
    size = {1: 4, 4: 16}.get(kind, 1 + client[at + 4])
    if kind == 3:
        conversation.sink.name("http-host", client[at + 5 : at + 5 + client[at + 4]].decode("latin-1"))
    at += 4 + size + 2
    if len(server) >= back + 10:
        back += 4 + {1: 4, 4: 16}.get(server[back + 3], 1 + server[back + 4]) + 2
    conversation.sink.understood(conversation.client, min(at, len(client)))
    conversation.sink.understood(conversation.server, min(back, len(server)))
    again(
        Conversation(
            rest(conversation.client, at),
            rest(conversation.server, back),
            (*conversation.layers, "socks5"),
            conversation.sink,
            conversation.depth + 1,
        )
    )
    return True


def _lines(conversation: Conversation, again: Again) -> None:
    """FTP control and SMTP: text lines; STARTTLS hands on the rest; a DATA section is one item."""
    sink = conversation.sink
    client, server = conversation.client, conversation.server
    smtp = re.search(rb"(?i)^(EHLO|HELO|LHLO)", client.data) is not None
    sink.speaks("smtp" if smtp else "ftp")
    secure = re.search(rb"(?im)^(STARTTLS|AUTH TLS)\r\n", client.data)
    if secure is not None:
        answer = re.search(rb"(?m)^(220|234)[ \-][^\r\n]*\r\n(?=\x16\x03)", server.data)
        back = answer.end() if answer else len(server.data)
        sink.understood(client, secure.end())
        sink.understood(server, back)
        again(
            Conversation(
                rest(client, secure.end()),
                rest(server, back),
                (*conversation.layers, "starttls"),
                sink,
                conversation.depth + 1,
            )
        )
        return
    layers = (*conversation.layers, sink.proto)
    _mail(conversation, client, layers)
    sink.item(server, 0, len(server.data), layers, "stream")


def _mail(conversation: Conversation, side: Side, layers: tuple[str, ...]) -> None:
    sink, at, data = conversation.sink, 0, side.data
    for match in re.finditer(rb"(?im)^DATA\r\n", data):
        if match.start() < at:
            continue
        end = data.find(b"\r\n.\r\n", match.end())
        end = len(data) if end < 0 else end
        sink.item(side, at, match.end(), layers, "commands")
        body = data.find(b"\r\n\r\n", match.end(), end)
        boundary = data.find(b"\r\n--", match.end(), end)
        start = boundary + 2 if 0 <= body <= boundary else match.end()
        sink.item(side, match.end(), start, layers, "header")
        sink.item(side, start, end, (*layers, "mime"), "message")
        at = end
    sink.item(side, at, len(data), layers, "commands")

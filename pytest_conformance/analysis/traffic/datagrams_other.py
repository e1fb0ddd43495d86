"""UDP protocols recognised by content: QUIC, CoAP, MQTT-SN, TFTP, RTP, STUN and DTLS."""

from __future__ import annotations

from pytest_conformance.analysis.traffic import coap, quic_packets, rtp, smallprotocols
from pytest_conformance.analysis.traffic.conversation import Conversation, Side


def parse(conversation: Conversation, ports: tuple[int, int]) -> bool:
    """Parse a UDP conversation if its protocol is recognised."""
    heads = [side.data[a:b] for side in conversation.sides for a, b in side.marks[:4]]
    if any(quic_packets.looks_like_quic(head) for head in heads):
        from pytest_conformance.analysis.traffic import quic

        if not quic_packets.looks_like_quic(conversation.client.data) and quic_packets.looks_like_quic(
            conversation.server.data
        ):
            conversation = Conversation(
                conversation.server, conversation.client, conversation.layers, conversation.sink, conversation.depth
            )
        quic.parse(conversation)
        return True
    if any(_is_dtls(head) for head in heads):
        _dtls(conversation)
        return True
    if any(_is_stun(head) for head in heads):
        _stun(conversation)
        return True
    if smallprotocols.tftp(conversation) or smallprotocols.mqtt_sn(conversation, ports):
        return True
    if coap.looks_like_coap(conversation, ports):
        coap.parse(conversation)
        return True
    if any(rtp.looks_like_rtp(side) for side in conversation.sides):
        rtp.parse(conversation)
        return True
    return False


def _is_dtls(data: bytes) -> bool:
    return len(data) >= 13 and 20 <= data[0] <= 23 and data[1:3] in (b"\xfe\xff", b"\xfe\xfd")


def _is_stun(data: bytes) -> bool:
    return (
        len(data) >= 20
        and data[0] < 4
        and data[4:8] == b"\x21\x12\xa4\x42"
        and data[2] << 8 | data[3] == len(data) - 20
    )


def _dtls(conversation: Conversation) -> None:
    """Count DTLS records: handshake is understood, application data is opaque; SNI where the hello is whole."""
    from pytest_conformance.analysis.traffic import tls_hello

    sink = conversation.sink
    sink.encrypted = True
    sink.speaks("dtls")
    for side in conversation.sides:
        for start, end in side.marks:
            at = start
            while at + 13 <= end and _is_dtls(side.data[at:end]):
                size = min(side.data[at + 11] << 8 | side.data[at + 12], end - at - 13)
                body = side.data[at + 13 : at + 13 + size]
                if side.data[at] == 22 and body[:1] == b"\x01" and len(body) > 12:
                    hello = tls_hello.client_hello(body[12:46] + _skip_cookie(body[46:]))
                    if hello is not None:
                        sink.name("sni", hello.sni)
                        sink.covert(side, sink.handshake_allowance)
                clear = side.data[at] != 23
                sink.understood(side, 13 + (size if clear else min(size, 24)))
                if not clear:
                    sink.opaque(side, size - 24, "dtls")
                at += 13 + size
            if at < end:
                _other(conversation, side, at, end)


def _skip_cookie(rest: bytes) -> bytes:
    """Remove the DTLS cookie behind the session id, so that the TLS parser can read the rest."""
    if not rest:
        return rest
    session = 1 + rest[0]
    if session >= len(rest):
        return rest
    return rest[:session] + rest[session + 1 + rest[session] :]


def _stun(conversation: Conversation) -> None:
    """STUN is understood but for its free attributes; what runs beside it (SRTP, DTLS, TURN data) is opaque."""
    conversation.sink.speaks("stun")
    for side in conversation.sides:
        for start, end in side.marks:
            _other(conversation, side, start, end)


def _other(conversation: Conversation, side: Side, start: int, end: int) -> None:
    sink, data = conversation.sink, side.data[start:end]
    if _is_stun(data):
        at, free = 20, 0
        while at + 4 <= len(data):
            kind, size = data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]
            if kind == 0x0013:
                sink.item(side, start + at + 4, min(start + at + 4 + size, end), (*conversation.layers, "turn"), "data")
                sink.understood(side, -size)
            elif kind in (0x0006, 0x8022, 0x0014, 0x0015):
                free += size
            at += 4 + (size + 3) // 4 * 4
        sink.understood(side, len(data))
        sink.covert(side, max(free - 64, 0))
    elif len(data) >= 12 and data[0] >> 6 == 2:
        sink.understood(side, 12)
        sink.opaque(side, len(data) - 12, "srtp")
    else:
        sink.item(side, start, end, conversation.layers, "datagram")

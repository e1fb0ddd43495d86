"""Which protocol is it? Recognise by content first, port second, and hand the conversation to its parser."""

from __future__ import annotations

from pytest_conformance.analysis.traffic import http1, mqtt, private, tls
from pytest_conformance.analysis.traffic.conversation import Conversation

_DEEPEST = 6
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def stream(conversation: Conversation) -> None:
    """Parse a byte-stream conversation, whatever it speaks."""
    client, server = conversation.client.data, conversation.server.data
    if not client and not server:
        return
    if conversation.depth > _DEEPEST:
        private.parse(conversation)
    elif tls.looks_like_tls(client) or (not client and tls.looks_like_tls(server)) or _tls_midstream(client, server):
        tls.parse(conversation, stream)
    elif client.startswith(_PREFACE) or (not client and _server_frames(server)):
        _http2(conversation)
    elif mqtt.looks_like_mqtt(client) or mqtt.looks_like_mqtt(server):
        mqtt.parse(conversation)
    elif http1.looks_like_http(client, server):
        http1.parse(conversation, tunnel)
    elif http1.looks_like_http(server, client):
        swapped = Conversation(
            conversation.server, conversation.client, conversation.layers, conversation.sink, conversation.depth
        )
        http1.parse(swapped, tunnel)
    else:
        _others(conversation)


def _tls_midstream(client: bytes, server: bytes) -> bool:
    return tls.looks_like_tls(server) and len(server) > 5 and server[0] == 22


def _server_frames(server: bytes) -> bool:
    from pytest_conformance.analysis.traffic import http2

    return http2.looks_like_frames(server)


def _http2(conversation: Conversation) -> None:
    from pytest_conformance.analysis.traffic import http2

    http2.parse(conversation)


def _others(conversation: Conversation) -> None:
    from pytest_conformance.analysis.traffic import streams_other

    if not streams_other.parse(conversation, stream):
        private.parse(conversation)


def tunnel(conversation: Conversation, kind: str, request: http1.Message, response: http1.Message | None) -> None:
    """Parse what follows an HTTP upgrade or CONNECT."""
    if kind == "websocket":
        from pytest_conformance.analysis.traffic import websocket

        extensions = response.value(b"sec-websocket-extensions") if response is not None else b""
        websocket.parse(conversation, extensions.decode("latin-1").lower(), stream)
    elif kind == "h2c":
        _http2(conversation)
    elif kind == "connect":
        conversation.sink.name("http-host", request.target.decode("latin-1").rpartition(":")[0])
        stream(conversation)
    else:
        stream(conversation)

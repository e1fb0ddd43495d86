"""RTSP with SDP, and RTP interleaved in it (RFC 2326, section 10.12)."""

from __future__ import annotations

import re

from pytest_conformance.analysis.traffic.conversation import Conversation, Side
from pytest_conformance.analysis.traffic.rtp import Reader

_START = re.compile(
    rb"(?:(?:OPTIONS|DESCRIBE|ANNOUNCE|SETUP|PLAY|PAUSE|TEARDOWN|GET_PARAMETER|SET_PARAMETER|REDIRECT|RECORD) "
    rb"\S{1,2048} RTSP/1\.0|RTSP/1\.0 \d{3}[^\r\n]*)\r\n"
)
_MAP = re.compile(rb"a=rtpmap:(\d{1,3}) ([A-Za-z0-9\-]+)/")
_NAMES = {"h264": "h264", "h265": "h265", "jpeg": "jpeg", "pcmu": "pcmu", "pcma": "pcma"}


def looks_like_rtsp(client: bytes, server: bytes) -> bool:
    """Tell whether a stream speaks RTSP."""
    return _START.match(client) is not None or _START.match(server) is not None


def codecs(*sides: bytes) -> dict[int, str]:
    """Return payload types and codecs that SDP in the conversation declares."""
    found: dict[int, str] = {}
    for data in sides:
        for match in _MAP.finditer(data[: 1 << 20]):
            name = match.group(2).decode("latin-1").lower()
            found[int(match.group(1))] = _NAMES.get(name, name)
    return found


def parse(conversation: Conversation) -> None:
    """Read both sides: messages, bodies and `$` frames."""
    conversation.sink.speaks("rtsp")
    layers = (*conversation.layers, "rtsp")
    inner = Conversation(conversation.client, conversation.server, layers, conversation.sink, conversation.depth + 1)
    known = codecs(conversation.client.data, conversation.server.data)
    for side in conversation.sides:
        _side(inner, side, Reader(inner, side, known))


def _side(conversation: Conversation, side: Side, reader: Reader) -> None:
    data, at, sink = side.data, 0, conversation.sink
    while at < len(data):
        if data[at] == 0x24 and at + 4 <= len(data):
            end = min(at + 4 + (data[at + 2] << 8 | data[at + 3]), len(data))
            sink.understood(side, 4)
            reader.take(at + 4, end)
            at = end
            continue
        match = _START.match(data, at)
        if match is None:
            at = _stray(conversation, side, at)
            continue
        head = data.find(b"\r\n\r\n", at)
        head = len(data) if head < 0 else head + 4
        sink.understood(side, head - at)
        length = re.search(rb"(?i)\r\ncontent-length:\s*(\d{1,9})", data[at:head])
        end = min(head + int(length.group(1)), len(data)) if length else head
        sink.item(side, head, end, conversation.layers, "body")
        at = end
    reader.finish()


def _stray(conversation: Conversation, side: Side, at: int) -> int:
    """Skip bytes that are no message and no frame, up to the next message."""
    following = _START.search(side.data, at + 1)
    end = following.start() if following else len(side.data)
    if side.data[at:end].strip(b"\r\n\0"):
        conversation.sink.item(side, at, end, conversation.layers, "stray")
    else:
        conversation.sink.understood(side, end - at)
    return end

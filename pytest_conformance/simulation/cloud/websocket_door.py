"""WebSocket (RFC 6455) on a connection of the simulated internet: the handshake, and messages as they come."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from io import BufferedIOBase

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE, _CONTROL = 8, 8
_LONGEST = 16 << 20


def handshake(key: str) -> bytes:
    """Return the answer that opens a WebSocket for the client's `Sec-WebSocket-Key`."""
    accept = base64.b64encode(hashlib.sha1(key.encode("latin-1") + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def read_messages(stream: BufferedIOBase, write: Callable[[bytes], object]) -> Iterator[bytes]:
    """Yield each message of the client, fragments joined; ends with its close frame or the connection."""
    message = b""
    while len(head := stream.read(2)) == 2:
        final, opcode, size = head[0] & 0x80, head[0] & 15, head[1] & 0x7F
        if size >= 126:
            size = int.from_bytes(stream.read(2 if size == 126 else 8), "big")
        if size + len(message) > _LONGEST:
            return
        mask = stream.read(4) if head[1] & 0x80 else bytes(4)
        payload = masked(stream.read(size), mask)
        if opcode == _CLOSE:
            write(bytes([0x88, 0]))
            return
        if opcode >= _CONTROL:
            continue
        message += payload
        if final:
            yield message
            message = b""


def masked(payload: bytes, mask: bytes) -> bytes:
    """Put on, or take off, the mask of a frame."""
    whole = mask * (len(payload) // 4 + 1)
    return (int.from_bytes(payload, "big") ^ int.from_bytes(whole[: len(payload)], "big")).to_bytes(len(payload), "big")

"""Doors of the cloud that no declaration names: CoAP over UDP and a private protocol over TCP.

Only devices that leak use them; they are opened when such a device starts. Whatever comes is noted as received.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

COAP, PRIVATE = 5683, 7700
_ACK, _CHANGED, _CONTINUE = 0x60, 0x44, 0x5F
_BLOCK1 = 27
_LONGEST = 1 << 20

Note = Callable[[str, bytes, str], None]
"""Takes what arrived: path, body, address of the sender."""


def serve_coap(served: socket.socket, note: Note) -> None:
    """Acknowledge confirmable PUTs with Block1 (RFC 7252, RFC 7959) on `served` until it is closed."""
    served.settimeout(0.5)
    parts: dict[tuple[str, int], bytearray] = {}

    def run() -> None:
        while served.fileno() >= 0:
            try:
                packet, peer = served.recvfrom(4096)
            except TimeoutError:
                continue
            except OSError:
                return
            answer = _acknowledge(packet, peer, parts, note)
            if answer:
                served.sendto(answer, peer)

    threading.Thread(target=run, name="coap", daemon=True).start()


def _acknowledge(
    packet: bytes, peer: tuple[str, int], parts: dict[tuple[str, int], bytearray], note: Note
) -> bytes | None:
    """Return the acknowledgement of one block; hand the whole on after its last."""
    if len(packet) < 4 or packet[0] >> 6 != 1:
        return None
    token = packet[4 : 4 + (packet[0] & 15)]
    block, path, payload = _options(packet[4 + len(token) :])
    body = parts.setdefault(peer, bytearray())
    body += payload[: max(0, _LONGEST - len(body))]
    more = bool(block & 8)
    if not more:
        note(f"coap:/{path}", bytes(body), peer[0])
        del parts[peer]
    size = 1 if block < 1 << 8 else 2
    option = bytes([0xD0 | size, _BLOCK1 - 13]) + block.to_bytes(size, "big")
    code = _CONTINUE if more else _CHANGED
    return bytes([_ACK | len(token), code]) + packet[2:4] + token + option


def _options(rest: bytes) -> tuple[int, str, bytes]:
    """Return value of Block1, path and payload; ends quietly where `rest` is malformed."""
    number, at, block, path = 0, 0, 0, []
    while at < len(rest) and rest[at] != 0xFF:
        delta, size = rest[at] >> 4, rest[at] & 15
        at += 1
        if delta == 13 and at < len(rest):
            delta, at = rest[at] + 13, at + 1
        number += delta
        value, at = rest[at : at + size], at + size
        if number == 11:
            path.append(value.decode("utf-8", "replace"))
        elif number == _BLOCK1:
            block = int.from_bytes(value, "big")
    return block, "/".join(path), rest[at + 1 :]


def serve_private(connection: socket.socket, note: Note) -> None:
    """Read a connection of the private protocol to its end and answer with one byte."""
    received = bytearray()
    peer = connection.getpeername()[0]
    while len(received) < _LONGEST and (more := connection.recv(65536)):
        received += more
    note("private:", bytes(received), peer)
    connection.sendall(b"\x06")

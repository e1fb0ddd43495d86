"""DNS as far as the simulated network needs it: one question, A answers (RFC 1035). No zone files, no recursion."""

from __future__ import annotations

import os
import socket
import struct

A_RECORD = 1
NO_ERROR, SERVER_FAILURE, NO_SUCH_NAME = 0, 2, 3
_HEADER = struct.Struct(">6H")
_TTL = 30


class ResolutionError(OSError):
    """The name has no address, or the server did not answer usefully."""


def question(name: str, number: int | None = None) -> bytes:
    """Return a query for the A records of `name`; a random number unless given. Raises ValueError for bad names."""
    labels = name.rstrip(".").encode("idna").split(b".")
    if not all(0 < len(label) < 64 for label in labels):
        raise ValueError(f"not a host name: {name!r}")
    number = int.from_bytes(os.urandom(2), "big") if number is None else number
    packed = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return _HEADER.pack(number, 0x0100, 1, 0, 0, 0) + packed + struct.pack(">HH", A_RECORD, 1)


def asked(query: bytes) -> tuple[str, int]:
    """Return the name (lower case) and the record type that `query` asks for. Raises ValueError when malformed."""
    if len(query) < _HEADER.size + 5:
        raise ValueError("too short for a DNS query")
    name, end = _name(query, _HEADER.size)
    if len(query) < end + 4:
        raise ValueError("the question is cut off")
    return name.lower(), int.from_bytes(query[end : end + 2], "big")


def answer(query: bytes, address: str | None, code: int = NO_ERROR) -> bytes:
    """Return the response to `query`: one A record, or none when `address` is None or another type was asked."""
    _, kind = asked(query)
    _, end = _name(query, _HEADER.size)
    number = int.from_bytes(query[:2], "big")
    records = b""
    if address is not None and kind == A_RECORD:
        records = struct.pack(">HHHIH", 0xC00C, A_RECORD, 1, _TTL, 4) + socket.inet_aton(address)
    header = _HEADER.pack(number, 0x8580 | code, 1, 1 if records else 0, 0, 0)
    return header + query[_HEADER.size : end + 4] + records


def addresses(response: bytes, number: int) -> list[str]:
    """Return the A records of `response`. Raises ResolutionError for an error code, ValueError when it is malformed."""
    if len(response) < _HEADER.size:
        raise ValueError("too short for a DNS response")
    got, flags, questions, answers, _, _ = _HEADER.unpack_from(response)
    if got != number or not flags & 0x8000:
        raise ValueError("a response to some other query")
    if flags & 0xF:
        raise ResolutionError(f"the name server answered code {flags & 0xF}")
    at = _HEADER.size
    for _ in range(questions):
        at = _name(response, at)[1] + 4
    found = []
    for _ in range(answers):
        at = _name(response, at)[1]
        kind, _, _, size = struct.unpack_from(">HHIH", response, at)
        if kind == A_RECORD and size == 4:
            found.append(socket.inet_ntoa(response[at + 10 : at + 14]))
        at += 10 + size
    return found


def _name(packet: bytes, at: int) -> tuple[str, int]:
    labels: list[str] = []
    while at < len(packet):
        size = packet[at]
        if size == 0:
            return ".".join(labels), at + 1
        if size >= 0xC0:
            return ".".join(labels), at + 2
        labels.append(packet[at + 1 : at + 1 + size].decode("ascii", "replace"))
        at += 1 + size
    raise ValueError("a name runs over the end of the packet")

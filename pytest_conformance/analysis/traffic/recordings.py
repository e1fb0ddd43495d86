"""Recorded exchanges (HAR, interceptor flows) as the flows that a capture would have given.

A recording has no packets: each exchange is written again as the HTTP/1.1 stream that says the same, one flow an
exchange, so that the same parsers, recognisers and accounts judge it. Frame numbers count exchanges from 1.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytest_conformance.analysis.traffic.addresses import Addresses
from pytest_conformance.analysis.traffic.flowstate import Flow, Tally, Told
from pytest_conformance.analysis.traffic.halves import Half
from pytest_conformance.analysis.traffic.model import TlsInfo
from pytest_conformance.analysis.traffic.pcapng import PcapngFacts

UNKNOWN = b"\0\0\0\0"
"""The address of a peer that the recording does not name; it is on no local network."""
Headers = Sequence[tuple[bytes, bytes]]
_REWRITTEN = (b"content-length", b"transfer-encoding", b"sec-websocket-extensions", b"connection")


@dataclass(frozen=True)
class Turn:
    """Bytes that one side said; `missing` more were sent than the recording holds."""

    by_client: bool
    data: bytes
    time: float
    missing: int = 0


@dataclass(frozen=True)
class Talk:
    """One exchange of a recording, in the order in which its parts were said.

    `client` and `peer` are packed addresses, `client` empty where the recording does not tell it.
    """

    number: int
    peer: bytes
    port: int
    host: str
    turns: tuple[Turn, ...]
    client: bytes = b""
    client_port: int = 0
    transport: str = "tcp"
    protected: bool = False
    tls: TlsInfo | None = None


class Recording:
    """A file of exchanges behind the face of a capture, as far as an inspection looks at it."""

    buffer = b""
    dropped = 0
    secrets = ""

    def __init__(self, name: str, index: int, kind: str, talks: list[Talk], flags: set[str], content: bytes) -> None:
        self.name, self.index, self.kind, self.talks, self.flags = name, index, kind, talks, flags
        self.facts = PcapngFacts()
        self._content = content

    def sha256(self) -> str:
        """Digest of the file."""
        return hashlib.sha256(self._content).hexdigest()

    def close(self) -> None:
        """Nothing is open."""


class ExchangeTable:
    """Hands on the exchanges of a recording as ended flows, as the flow table does with packets."""

    def __init__(self, recording: Recording, addresses: Addresses, done: Callable[[Flow], None]) -> None:
        self.recording, self.addresses, self.done = recording, addresses, done
        self.tally = Tally()

    def run(self) -> None:
        """Go through all exchanges."""
        for talk in self.recording.talks:
            self.tally.packets = talk.number
            times = [turn.time for turn in talk.turns]
            if times:
                self.tally.first = min([*times, *([] if self.tally.first is None else [self.tally.first])])
                self.tally.last = max([*times, *([] if self.tally.last is None else [self.tally.last])])
            if talk.client and not self._concerns(talk.client):
                self.tally.foreign += 1
                continue
            self.addresses.seen = True
            self.done(self._flow(talk))

    def _concerns(self, client: bytes) -> bool:
        addresses = self.addresses
        return addresses.initiator_is_device or addresses.is_device(client) or addresses.is_companion(client)

    def _flow(self, talk: Talk) -> Flow:
        first = talk.turns[0].time if talk.turns else 0.0
        flow = Flow(
            talk.transport,
            talk.client or UNKNOWN,
            talk.peer,
            talk.client_port,
            talk.port,
            self.addresses.is_local(talk.peer),
            True,
            first,
            max((turn.time for turn in talk.turns), default=first),
            companion=bool(talk.client) and self.addresses.is_companion(talk.client),
            protocol=6 if talk.transport == "tcp" else 17,
        )
        flow.opened = True
        flow.told = Told(
            (self.recording.kind, "tls") if talk.protected else (self.recording.kind,), talk.host, talk.tls
        )
        for turn in talk.turns:
            _say(flow, flow.up if turn.by_client else flow.down, turn, talk.number)
        return flow


def _say(flow: Flow, half: Half, turn: Turn, number: int) -> None:
    if turn.data:
        if flow.transport != "tcp":
            flow.datagrams.append((half.up, half.bytes, len(turn.data), turn.time))
        half.segments.append((half.position, len(turn.data), turn.data, number, turn.time))
        half.bytes += len(turn.data)
        half.position += len(turn.data)
        half.volume += len(turn.data)
    half.unrecorded += turn.missing


def packed(text: str) -> bytes:
    """Pack an address; `UNKNOWN` for a name or nothing."""
    try:
        return ipaddress.ip_address(text.strip("[]").partition("%")[0]).packed
    except ValueError:
        return UNKNOWN


def message(start: bytes, headers: Headers, body: bytes, *, decoded: bool) -> bytes:
    """Write an HTTP/1.1 message whose body stands as it is given; with `decoded` its content coding is undone."""
    dropped = (*_REWRITTEN, b"content-encoding") if decoded else _REWRITTEN
    kept = [(n, v) for n, v in headers if n.lower() not in dropped and not n.startswith(b":")]
    if body or start.startswith(b"HTTP/"):
        kept.append((b"Content-Length", b"%d" % len(body)))
    lines = [start, *(_one_line(name) + b": " + _one_line(value) for name, value in kept), b"", body]
    return b"\r\n".join(lines)


def _one_line(value: bytes) -> bytes:
    return value.replace(b"\r", b" ").replace(b"\n", b" ")


def request(method: bytes, target: bytes, headers: Headers, body: bytes, *, decoded: bool) -> bytes:
    """Write a request; what cannot stand in a request line is percent-encoded."""
    clean = b"".join(bytes([c]) if 32 < c < 127 else b"%%%02X" % c for c in target) or b"/"
    return message((method.upper() or b"GET") + b" " + clean + b" HTTP/1.1", headers, body, decoded=decoded)


def response(status: int, headers: Headers, body: bytes, *, decoded: bool) -> bytes:
    """Write a response."""
    return message(b"HTTP/1.1 %03d -" % min(max(status, 100), 999), headers, body, decoded=decoded)


def upgrading(headers: Headers) -> Headers:
    """The headers of a request whose connection became a WebSocket, whatever version of HTTP it was asked in."""
    return [*((name, value) for name, value in headers if name.lower() != b"upgrade"), (b"Upgrade", b"websocket")]


UPGRADED = b"HTTP/1.1 101 -\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


def web_socket_frame(text: bool, data: bytes) -> bytes:
    """Write one unmasked WebSocket message."""
    size = len(data)
    first = b"\x81" if text else b"\x82"
    if size < 126:
        return first + bytes([size]) + data
    if size < 1 << 16:
        return first + b"\x7e" + size.to_bytes(2, "big") + data
    return first + b"\x7f" + size.to_bytes(8, "big") + data

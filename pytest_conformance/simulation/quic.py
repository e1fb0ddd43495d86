"""HTTP/3 over the simulated network: one POST as a device sends it, and a door of the cloud that takes it.

Both run aioquic without its own event loop, on whatever sockets the network's door gives out.
"""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_conformance.simulation.network.door import Datagrams

PORT = 443
HANDSHAKE_WITHIN = 1.0
"""Wall seconds after which a device takes it that QUIC does not pass here, and speaks TCP."""
_ANSWER_WITHIN = 10.0
_STEP = 0.02
_LARGEST = 65_536
_LONGEST_ID = 20
_SMALLEST = 1200
"""Bytes of a datagram with the first packet of a client, at least (RFC 9000, section 14.1)."""

Note = Callable[[str, bytes, str], None]
"""Takes what arrived: path, body, address of the sender."""


def post(line: Datagrams, address: str, host: str, authority: str, path: str, body: bytes) -> None:
    """Send one POST to `host` at `address` over HTTP/3, trusting `authority` (PEM); return once it is answered.

    Raises TimeoutError when no handshake comes about, OSError when the server is not trusted or leaves.
    """
    from aioquic.h3.connection import H3Connection
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.connection import QuicConnection
    from aioquic.quic.events import HandshakeCompleted

    configuration = QuicConfiguration(is_client=True, alpn_protocols=["h3"], server_name=host)
    configuration.load_verify_locations(cadata=authority.encode())
    quic = QuicConnection(configuration=configuration)
    http: Any = None
    began = time.monotonic()
    quic.connect((address, PORT), now=began)
    while True:
        _exchange(quic, line, (address, PORT))
        for event in _events(quic):
            if isinstance(event, HandshakeCompleted):
                http = H3Connection(quic)
                stream = quic.get_next_available_stream_id()
                head = [(b":method", b"POST"), (b":scheme", b"https")]
                http.send_headers(stream, [*head, (b":authority", host.encode()), (b":path", path.encode())])
                http.send_data(stream, body, end_stream=True)
            elif http is not None and any(getattr(each, "stream_ended", False) for each in http.handle_event(event)):
                quic.close()
                _exchange(quic, line, (address, PORT))
                return
        if time.monotonic() - began > (_ANSWER_WITHIN if http is not None else HANDSHAKE_WITHIN):
            raise TimeoutError(f"no answer from {host} over QUIC")


def _exchange(quic: Any, line: Datagrams, peer: tuple[str, int]) -> None:
    """Send what is due, take one datagram if one comes, and let time pass for the connection."""
    for data, _ in quic.datagrams_to_send(now=time.monotonic()):
        line.sendto(data, peer)
    line.settimeout(_STEP)
    with contextlib.suppress(TimeoutError, BlockingIOError):
        data, _ = line.recvfrom(_LARGEST)
        quic.receive_datagram(data, peer, now=time.monotonic())
    timer = quic.get_timer()
    if timer is not None and timer <= time.monotonic():
        quic.handle_timer(now=time.monotonic())


def _events(quic: Any) -> Iterator[Any]:
    from aioquic.quic.events import ConnectionTerminated

    while (event := quic.next_event()) is not None:
        if isinstance(event, ConnectionTerminated):
            raise ConnectionResetError(event.reason_phrase or "the QUIC connection ended")
        yield event


class QuicDoor:
    """Answers HTTP/3 requests on a UDP socket until it is closed: 201 to each, whose body is noted."""

    def __init__(self, served: socket.socket, certificate: bytes, note: Note) -> None:
        from aioquic.quic.configuration import QuicConfiguration

        self._served = served
        self._note = note
        self._configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "server.pem")
            path.touch(mode=0o600)
            path.write_bytes(certificate)
            self._configuration.load_cert_chain(path, path)
        self._open: dict[Any, _Served] = {}

    def start(self) -> None:
        self._served.settimeout(_STEP)
        threading.Thread(target=self._run, name="quic", daemon=True).start()

    def _run(self) -> None:
        while self._served.fileno() >= 0:
            try:
                data, peer = self._served.recvfrom(_LARGEST)
            except TimeoutError:
                data, peer = b"", None
            except OSError:
                return
            if data:
                self._take(data, peer)
            for key, each in list(self._open.items()):
                with contextlib.suppress(OSError):
                    for answer, _ in each.due():
                        self._served.sendto(answer, key)
                if each.ended:
                    del self._open[key]

    def _take(self, data: bytes, peer: Any) -> None:
        from aioquic.quic.connection import QuicConnection

        if peer not in self._open:
            if (
                len(data) < _SMALLEST or not data[0] & 0x80 or not 8 <= data[5] <= _LONGEST_ID
            ):  # no first packet of a client
                return
            first_id = data[6 : 6 + data[5]]
            quic = QuicConnection(configuration=self._configuration, original_destination_connection_id=first_id)
            self._open[peer] = _Served(quic, lambda path, body: self._note(path, body, peer[0]))
        self._open[peer].take(data, peer)


class _Served:
    """One client's connection: its requests, and the answers that are due."""

    def __init__(self, quic: Any, note: Callable[[str, bytes], None]) -> None:
        from aioquic.h3.connection import H3Connection

        self._quic, self._note = quic, note
        self._make: Callable[[], Any] = lambda: H3Connection(quic)
        self._http: Any = None
        self._requests: dict[int, tuple[str, bytearray]] = {}
        self.ended = False

    def take(self, data: bytes, peer: Any) -> None:
        self._quic.receive_datagram(data, peer, now=time.monotonic())
        try:
            for event in _events(self._quic):
                self._http = self._http or self._make()
                for each in self._http.handle_event(event):
                    self._request(each)
        except OSError:
            self.ended = True

    def _request(self, event: Any) -> None:
        path, body = self._requests.setdefault(event.stream_id, ("/", bytearray()))
        for name, value in getattr(event, "headers", ()):
            if name == b":path":
                path = value.decode("ascii", "replace")
        body += getattr(event, "data", b"")
        self._requests[event.stream_id] = path, body
        if event.stream_ended:
            self._note(path, bytes(body))
            self._http.send_headers(event.stream_id, [(b":status", b"201")], end_stream=True)

    def due(self) -> list[tuple[bytes, Any]]:
        now = time.monotonic()
        timer = self._quic.get_timer()
        if timer is not None and timer <= now:
            self._quic.handle_timer(now=now)
        return list(self._quic.datagrams_to_send(now=now))

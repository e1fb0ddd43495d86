"""The patch panel of the relay door: tells the bench's relay where the simulated network really listens.

JSON lines over loopback TCP; docs/network.md describes the messages. One relay at a time.
"""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.network.splice import reset


@dataclass(frozen=True)
class Relay:
    """Where an attached relay listens on loopback for the device's connections and datagrams."""

    tcp: tuple[str, int]
    udp: tuple[str, int]


Where = Callable[[str, str, int], Mapping[str, Json]]


class PatchPanel:
    """Answers "where" questions of the attached relay, and tells it when the uplink changes."""

    def __init__(self, where: Where, plan: Mapping[str, Json], up: Callable[[], bool]) -> None:
        self._where = where
        self._plan = plan
        self._up = up
        self._lock = threading.Lock()
        self._relay: Relay | None = None
        self._connection: socket.socket | None = None
        panel = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                try:
                    panel._converse(self)
                finally:
                    panel._left(self.connection)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self._serving = False
        self._closed = False

    @property
    def port(self) -> int:
        port: int = self._server.server_address[1]
        return port

    def relay(self) -> Relay | None:
        """Return the relay that is attached, if any."""
        with self._lock:
            return self._relay

    def start(self) -> None:
        self._serving = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="patch-panel", daemon=True).start()

    def close(self) -> None:
        """Stop listening and drop the relay without a word; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        if self._serving:
            self._server.shutdown()
        self._server.server_close()
        with self._lock:
            connection, self._connection, self._relay = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def tell_uplink(self, up: bool) -> None:
        """Tell the relay that the uplink is cut or restored."""
        with self._lock:
            if self._connection is not None:
                with contextlib.suppress(OSError):
                    self._connection.sendall(_line({"event": "uplink", "up": up}))

    def _converse(self, handler: socketserver.StreamRequestHandler) -> None:
        with contextlib.suppress(OSError):
            for line in handler.rfile:
                answer = self._answer(line, handler.connection)
                with self._lock:
                    handler.connection.sendall(_line(answer))

    def _answer(self, line: bytes, connection: socket.socket) -> Mapping[str, Json]:
        try:
            request = json.loads(line)
            if request["do"] == "attach":
                return self._attach(
                    Relay(("127.0.0.1", int(request["tcp"])), ("127.0.0.1", int(request["udp"]))), connection
                )
            if request["do"] == "where":
                place = self._where(str(request["transport"]), str(request["address"]), int(request["port"]))
                return {"id": request["id"], **place}
        except (ValueError, KeyError, TypeError) as error:
            return {"error": f"{type(error).__name__}: {error}"}
        return {"error": f"unknown request {request['do']!r}"}

    def _attach(self, relay: Relay, connection: socket.socket) -> Mapping[str, Json]:
        with self._lock:
            if self._relay is not None:
                return {"error": "a relay is attached already"}
            self._relay, self._connection = relay, connection
        return {"ok": True, "up": self._up(), **self._plan}

    def _left(self, connection: socket.socket) -> None:
        with self._lock:
            if self._connection is connection:
                self._connection = self._relay = None
        reset(connection)


def _line(message: Mapping[str, Json]) -> bytes:
    return json.dumps(message).encode() + b"\n"

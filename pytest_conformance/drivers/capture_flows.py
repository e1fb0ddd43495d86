"""The relay's traffic: passes connections and datagrams on, and tells the tape what a wire would have shown."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

from pytest_conformance.drivers.capture_frames import Direction, FrameFactory, TcpConversation
from pytest_conformance.drivers.capture_panel import PatchPanelLink

Emit = Callable[[bytes], None]
HEADER = struct.Struct(">4sH4sH")
"""Before each datagram between a station and the relay: sender's address and port, receiver's address and port."""

_CHUNK = 65536
_LONGEST_LINE = 4096
_CONNECT_TIMEOUT = 10.0


def shadow(address: str) -> str:
    """Return the loopback address from which the relay speaks for `address`: 10.b.c.d becomes 127.b.c.d."""
    return "127." + address.split(".", 1)[1]


class TcpRelay:
    """Accepts connections that begin with one JSON line: {"from": address, "to": address, "port": number}."""

    def __init__(self, panel: PatchPanelLink, factory: FrameFactory, emit: Emit) -> None:
        self._panel = panel
        self._factory = factory
        self._emit = emit
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def start(self) -> None:
        threading.Thread(target=self._run, name="relay", daemon=True).start()

    def _run(self) -> None:
        while True:
            near, peer = self._listener.accept()
            threading.Thread(target=self._serve, args=(near, peer[1]), name="relay", daemon=True).start()

    def _serve(self, near: socket.socket, source_port: int) -> None:
        try:
            request = _request(near)
            source, target, port = str(request["from"]), str(request["to"]), int(request["port"])
            place = self._panel.where("tcp", target, port)
        except (OSError, ValueError, KeyError, TypeError):
            reset(near)
            return
        conversation = TcpConversation(
            self._factory,
            self._panel.station(source, source_port),
            self._panel.station(target, port),
            (int.from_bytes(os.urandom(4), "big"), int.from_bytes(os.urandom(4), "big")),
            self._emit,
        )
        far = None if place.at is None else _reach(place.at, shadow(source))
        if far is None:
            self._fail(near, conversation, place.failure or "refused")
            return
        conversation.opened()
        gate = self._panel.up if self._panel.is_beyond(target) else None
        if _answer(near, {"ok": True}):
            Flow(near, far, conversation, gate).run()

    def _fail(self, near: socket.socket, conversation: TcpConversation, failure: str) -> None:
        if failure == "unreachable":
            conversation.unreachable(self._panel.gateway())
        else:
            conversation.refused()
        _answer(near, {"error": failure})
        near.close()


class Flow:
    """Two connections joined: bytes are told to the tape before they are passed on, in both directions."""

    def __init__(
        self, near: socket.socket, far: socket.socket, conversation: TcpConversation, gate: threading.Event | None
    ) -> None:
        self._near = near
        self._far = far
        self._conversation = conversation
        self._gate = gate
        self._lock = threading.Lock()

    def run(self) -> None:
        """Pass on until both sides have ended."""
        back = threading.Thread(target=self._pump, args=(self._far, self._near, "down"), name="relay", daemon=True)
        back.start()
        self._pump(self._near, self._far, "up")
        back.join()
        self._near.close()
        self._far.close()

    def _pump(self, source: socket.socket, sink: socket.socket, direction: Direction) -> None:
        while True:
            try:
                data = source.recv(_CHUNK)
            except OSError:
                with self._lock:
                    self._conversation.reset(direction)
                reset(sink)
                return
            if self._gate is not None:
                self._gate.wait()
            with self._lock:
                if data:
                    self._conversation.data(direction, data)
                else:
                    self._conversation.finished(direction)
            try:
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
            except OSError:
                reset(source)
                return


class UdpRelay:
    """Passes datagrams on, each behind HEADER; one thread keeps their order."""

    def __init__(self, panel: PatchPanelLink, factory: FrameFactory, emit: Emit) -> None:
        self._panel = panel
        self._factory = factory
        self._emit = emit
        self._inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._inside.bind(("127.0.0.1", 0))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._inside, selectors.EVENT_READ, None)
        self._ways: dict[tuple[Any, bytes, int], socket.socket] = {}

    @property
    def port(self) -> int:
        port: int = self._inside.getsockname()[1]
        return port

    def start(self) -> None:
        threading.Thread(target=self._run, name="datagrams", daemon=True).start()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                with contextlib.suppress(OSError, struct.error):
                    if key.data is None:
                        self._outward()
                    else:
                        self._inward(key.fileobj, *key.data)  # type: ignore[arg-type]

    def _outward(self) -> None:
        packet, client = self._inside.recvfrom(_CHUNK + HEADER.size)
        source, source_port, target, port = HEADER.unpack_from(packet)
        payload = packet[HEADER.size :]
        sender = self._panel.station(socket.inet_ntoa(source), source_port)
        receiver = self._panel.station(socket.inet_ntoa(target), port)
        frame = self._factory.udp(sender, receiver, payload)
        self._emit(frame)
        place = self._panel.where("udp", receiver.address, port)
        if place.failure == "unreachable":
            self._emit(self._factory.unreachable(self._panel.gateway(), sender, frame))
        if place.at is None:
            return
        way = self._ways.get((client, target, port))
        if way is None:
            way = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            way.bind((shadow(sender.address), 0))
            way.connect(place.at)
            self._ways[client, target, port] = way
            self._selector.register(way, selectors.EVENT_READ, (client, packet[: HEADER.size]))
        way.send(payload)

    def _inward(self, way: socket.socket, client: tuple[str, int], header: bytes) -> None:
        payload = way.recv(_CHUNK)
        source, source_port, target, port = HEADER.unpack(header)
        answering = self._panel.station(socket.inet_ntoa(target), port)
        asking = self._panel.station(socket.inet_ntoa(source), source_port)
        self._emit(self._factory.udp(answering, asking, payload))
        self._inside.sendto(HEADER.pack(target, port, source, source_port) + payload, client)


def reset(connection: socket.socket) -> None:
    """Close `connection` so that the other side sees a reset, not an orderly end."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
    connection.close()


def _request(near: socket.socket) -> dict[str, Any]:
    line = b""
    while not line.endswith(b"\n"):
        byte = near.recv(1)
        if not byte or len(line) > _LONGEST_LINE:
            raise ValueError("no request line")
        line += byte
    request = json.loads(line)
    if not isinstance(request, dict):
        raise ValueError("the request is no JSON object")
    return request


def _reach(place: tuple[str, int], source: str) -> socket.socket | None:
    try:
        far = socket.create_connection(place, timeout=_CONNECT_TIMEOUT, source_address=(source, 0))
    except OSError:
        return None
    far.settimeout(None)
    return far


def _answer(near: socket.socket, message: dict[str, Any]) -> bool:
    try:
        near.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        return False
    return True

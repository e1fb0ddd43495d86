"""The door that needs nothing: the device's connections pass through the bench's relay on loopback.

Without an attached relay (no capture on this bench, or a relay that died) connections go straight to their service,
so that a lost capture changes nothing for the device, as with a real tap.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import struct
import threading
import weakref
from collections.abc import Callable, Mapping

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.network import addresses
from pytest_conformance.simulation.network.addresses import Sender
from pytest_conformance.simulation.network.door import Datagrams, Transport
from pytest_conformance.simulation.network.panel import PatchPanel, Relay
from pytest_conformance.simulation.network.splice import Listener

HEADER = struct.Struct(">4sH4sH")
"""Before each datagram between a station and the relay: sender's address and port, receiver's address and port."""

_ERRORS = {"refused": errno.ECONNREFUSED, "unreachable": errno.EHOSTUNREACH, "timeout": errno.ETIMEDOUT}
_LONGEST_LINE = 4096

Place = tuple[str, int]


class RelayDoor:
    """Needs nothing but loopback."""

    name = "relay"

    def __init__(self, device_mac: str = addresses.DEVICE_MAC) -> None:
        self._device_mac = device_mac
        self._lock = threading.Lock()
        self._services: dict[tuple[str, str, int], Place] = {}
        self._direct: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._up = True
        self._blocked: set[tuple[str, int]] = set()
        self._panel = PatchPanel(self.where, _plan(device_mac), lambda: self._up)

    def open(self) -> None:
        self._panel.start()

    def close(self) -> None:
        self._panel.close()
        self._break_direct()

    def where(self, transport: str, address: str, port: int) -> Mapping[str, Json]:
        """Answer the relay: {"at": [host, port]}, {"refused": true} or {"unreachable": true}."""
        internet = addresses.is_internet(address)
        with self._lock:
            place = self._services.get((transport, address, port))
            cut = internet and (not self._up or (transport, port) in self._blocked)
        if cut:
            return {"unreachable": True}
        if place is not None:
            return {"at": list(place)}
        known = internet or address in (addresses.ACCESS_POINT, *addresses.SENDERS.values())
        return {"refused": True} if known else {"unreachable": True}

    def place(self, transport: Transport, address: str, port: int) -> Place:
        """Return where a service really listens; the OSError that a connection would meet when there is none."""
        answer = self.where(transport, address, port)
        at = answer.get("at")
        if isinstance(at, list):
            return str(at[0]), int(at[1])
        raise _failure("refused" if "refused" in answer else "unreachable", address, port)

    def connect(self, sender: Sender, address: str, port: int, timeout: float | None) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            made.settimeout(timeout)
            made.bind((addresses.shadow(addresses.SENDERS[sender]), 0))
            relay = self._panel.relay()
            if relay is None:
                made.connect(self.place("tcp", address, port))
                self._direct.add(made)
            else:
                made.connect(relay.tcp)
                _ask_relay(made, addresses.SENDERS[sender], address, port)
        except OSError:
            made.close()
            raise
        return made

    def udp(self, sender: Sender) -> Datagrams:
        return RelayDatagrams(self, self._panel.relay, addresses.SENDERS[sender])

    def listen(self, sender: Sender, port: int) -> Listener:
        made = socket.create_server((addresses.bench_side(sender), port))
        key = ("tcp", addresses.SENDERS[sender], made.getsockname()[1])
        with self._lock:
            self._services[key] = made.getsockname()

        def forget() -> None:
            with self._lock:
                self._services.pop(key, None)

        return Listener.adopt(made, forget)

    def serve(self, address: str, port: int, transport: Transport = "tcp") -> socket.socket:
        key = (transport, address, port)
        with self._lock:
            if key in self._services:
                raise OSError(errno.EADDRINUSE, f"{address}:{port} is taken")
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM)
            made.bind(("127.0.0.1", 0))
            if transport == "tcp":
                made.listen(64)
            self._services[key] = made.getsockname()
        if transport == "udp":
            return made

        def forget() -> None:
            with self._lock:
                self._services.pop(key, None)

        return Listener.adopt(made, forget)

    def sender_of(self, address: str) -> str:
        return next((sender for sender, own in addresses.SENDERS.items() if addresses.shadow(own) == address), "other")

    def set_uplink(self, up: bool) -> None:
        with self._lock:
            self._up = up
        self._panel.tell_uplink(up)
        if not up:
            self._break_direct()

    def block(self, transport: Transport, port: int, blocked: bool) -> None:
        with self._lock:
            (self._blocked.add if blocked else self._blocked.discard)((transport, port))

    def tap(self) -> Mapping[str, Json]:
        return {"address": f"relay:127.0.0.1:{self._panel.port}", **addresses.stations(self._device_mac)}

    def kill_tap(self) -> None:
        self._panel.close()

    def _break_direct(self) -> None:
        for made in list(self._direct):
            with contextlib.suppress(OSError):
                made.shutdown(socket.SHUT_RDWR)


class RelayDatagrams:
    """A UDP socket of a station: wraps datagrams for the relay, or sends them straight when there is none."""

    def __init__(self, door: RelayDoor, relay: Callable[[], Relay | None], own: str) -> None:
        self._door = door
        self._relay = relay
        self._own = own
        self._straight: dict[Place, Place] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((addresses.shadow(own), 0))

    def sendto(self, data: bytes, address: tuple[str, int], /) -> int:
        relay = self._relay()
        if relay is not None:
            sender = (socket.inet_aton(self._own), self._socket.getsockname()[1])
            self._socket.sendto(HEADER.pack(*sender, socket.inet_aton(address[0]), address[1]) + data, relay.udp)
            return len(data)
        try:
            place = self._door.place("udp", address[0], address[1])
        except ConnectionRefusedError:
            return len(data)
        self._straight[place] = (address[0], address[1])
        return self._socket.sendto(data, place)

    def recvfrom(self, size: int, /) -> tuple[bytes, Place]:
        while True:
            data, source = self._socket.recvfrom(HEADER.size + size)
            if source in self._straight:
                return data[:size], self._straight[source]
            if len(data) >= HEADER.size:
                address, port, _, _ = HEADER.unpack_from(data)
                return data[HEADER.size :], (socket.inet_ntoa(address), port)

    def settimeout(self, seconds: float | None, /) -> None:
        self._socket.settimeout(seconds)

    def close(self) -> None:
        self._socket.close()


def _plan(device_mac: str) -> Mapping[str, Json]:
    return {
        "gateway": addresses.ACCESS_POINT,
        "segment": addresses.SEGMENT,
        "marker": [addresses.BROADCAST, addresses.DISCARD_PORT],
        "macs": {
            addresses.DEVICE: device_mac,
            addresses.PHONE: addresses.PHONE_MAC,
            addresses.ACCESS_POINT: addresses.ACCESS_POINT_MAC,
        },
    }


def _ask_relay(made: socket.socket, own: str, address: str, port: int) -> None:
    made.sendall(json.dumps({"from": own, "to": address, "port": port}).encode() + b"\n")
    line = b""
    while not line.endswith(b"\n"):
        byte = made.recv(1)
        if not byte or len(line) > _LONGEST_LINE:
            raise ConnectionResetError(errno.ECONNRESET, f"the relay left while connecting to {address}:{port}")
        line += byte
    answer = json.loads(line)
    if not answer.get("ok"):
        raise _failure(str(answer.get("error")), address, port)


def _failure(kind: str, address: str, port: int) -> OSError:
    number = _ERRORS.get(kind, errno.ECONNRESET)
    return OSError(number, f"{os.strerror(number)}: {address}:{port}")

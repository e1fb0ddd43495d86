"""The network of the simulated world: names, addresses, TLS trust and the uplink, over whichever door is open."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.network import addresses, dns
from pytest_conformance.simulation.network.addresses import Sender
from pytest_conformance.simulation.network.authority import Authority
from pytest_conformance.simulation.network.door import Datagrams, Door, Transport
from pytest_conformance.simulation.network.splice import Listener, Splice
from pytest_conformance.simulation.signals import Signal

if TYPE_CHECKING:
    from pytest_conformance.simulation.timeline import Timeline

_RESOLVE_TRIES, _RESOLVE_TIMEOUT = 2, 1.0
_USUAL_PORTS = frozenset({443, 8883})


class Network:
    """What a simulated device or app uses to speak: resolve, connect, listen; and what the access point does to it.

    `up` is the uplink: while it is False, names of the internet do not resolve, connections to it fail with
    OSError (unreachable) and established flows stall or are reset.
    """

    def __init__(self, timeline: Timeline, door: Door, fallback: Door | None = None) -> None:
        self._timeline = timeline
        self._door = door
        self._fallback = fallback
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}
        self._redirects: dict[str, str] = {}
        self._diversions: dict[str, list[Splice]] = {}
        self._ports: dict[str, set[int]] = {}
        self._sockets: list[socket.socket] = []
        self._listeners: weakref.WeakSet[Listener] = weakref.WeakSet()
        self.door_reason = ""
        """Why the fallback door was taken; empty when the first choice opened."""
        self.authority = Authority()
        """Signs the certificates of every honest service of this world."""
        self.ahead = 0.0
        """Seconds by which the segment's time servers are ahead of the world's true time."""
        self.time_asked = 0
        """How often somebody asked one of them."""
        self.up: Signal[bool] = Signal(timeline, True)
        self.up.listen(lambda up: self._door.set_uplink(up))

    @property
    def door(self) -> str:
        """The door in use: "namespace" or "relay"."""
        return self._door.name

    def open(self) -> None:
        """Open the door, or the fallback where the first one is not possible; DoorUnavailableError without one."""
        try:
            self._door.open()
        except (OSError, LookupError) as error:
            if self._fallback is None:
                raise
            self._door, self._fallback = self._fallback, None
            self.door_reason = str(error.args[-1] if error.args else error)
            self._door.open()

    def close(self) -> None:
        """Take the network down; safe to call twice."""
        for host in list(self._diversions):
            self.release(host)
        for served in (*self._sockets, *self._listeners):
            served.close()
        self._door.close()

    # -- for devices and apps ------------------------------------------------------------------------------------

    def resolve(self, host: str, sender: Sender = "device") -> str:
        """Ask the segment's name server for `host`; an IPv4 literal is returned as it is. Raises OSError."""
        if addresses.is_address(host):
            return host
        number = int.from_bytes(os.urandom(2), "big")
        query = dns.question(host, number)
        with contextlib.closing(self.udp(sender)) as asking:
            asking.settimeout(_RESOLVE_TIMEOUT)
            for _ in range(_RESOLVE_TRIES):
                asking.sendto(query, (addresses.ACCESS_POINT, addresses.DNS_PORT))
                with contextlib.suppress(TimeoutError, ValueError):
                    found = dns.addresses(asking.recvfrom(4096)[0], number)
                    if not found:
                        raise dns.ResolutionError(f"{host} has no address")
                    return found[0]
        raise dns.ResolutionError(f"no answer from the name server about {host}")

    def connect(self, host: str, port: int, sender: Sender = "device", timeout: float | None = 10.0) -> socket.socket:
        """Open a TCP connection from `sender` to `host` (name or address). Raises OSError as a real one would."""
        return self._door.connect(sender, self.resolve(host, sender), port, timeout)

    def udp(self, sender: Sender = "device") -> Datagrams:
        """Return a UDP socket of `sender`; destinations are addresses, not names."""
        return self._door.udp(sender)

    def listen(self, port: int, sender: Sender = "device") -> Listener:
        """Listen on `port` as `sender`. The bench sees the port open exactly while the returned socket is open."""
        listener = self._door.listen(sender, port)
        self._listeners.add(listener)
        return listener

    def tls_context(
        self,
        keylog: Path | None = None,
        verify: bool = True,
        min_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
        max_version: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
    ) -> ssl.SSLContext:
        """Return a client context that trusts the bench's authority alone, or anything when not `verify`.

        Session keys are appended to `keylog` in NSS key log format.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = min_version
        context.maximum_version = max_version
        if verify:
            context.load_verify_locations(cadata=self.authority.pem)
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if keylog is not None:
            context.keylog_filename = str(keylog)
        return context

    # -- for services of the internet and the access point --------------------------------------------------------

    def wall(self) -> float:
        """Return the time that the time servers tell, seconds since 1970: the world's, and `ahead`."""
        return time.time() + (self._timeline.now() - time.monotonic_ns()) / 1e9 + self.ahead

    def add_host(self, host: str, address: str | None = None) -> str:
        """Give `host` an address, the next free one of the internet unless given; return it. Again: the same one."""
        with self._lock:
            name = host.lower()
            if address is None:
                address = self._names.get(name) or _next(addresses.FIRST_FREE, self._names.values())
            self._names[name] = address
            return address

    def hosts(self) -> Mapping[str, str]:
        """Return every name and its true address."""
        with self._lock:
            return dict(self._names)

    def address_of(self, host: str) -> str | None:
        """Answer as the name server does: the redirected address, else the true one, else None."""
        with self._lock:
            name = host.lower().rstrip(".")
            return self._redirects.get(name) or self._names.get(name)

    def serve(self, address: str, port: int, transport: Transport = "tcp") -> socket.socket:
        """Return a bound (tcp: listening) socket for a host of the internet or the access point."""
        served = self._door.serve(address, port, transport)
        self._sockets.append(served)
        if transport == "tcp":
            with self._lock:
                self._ports.setdefault(address, set()).add(port)
        return served

    def sender_of(self, address: str) -> str:
        """Say who speaks from `address`, as seen by a served socket: "device", "phone" or "other"."""
        return self._door.sender_of(address)

    # -- for the access point's owner -----------------------------------------------------------------------------

    def redirect(self, host: str, address: str | None) -> None:
        """Let the name server answer `address` for `host`; None ends that."""
        with self._lock:
            if address is None:
                self._redirects.pop(host.lower(), None)
            else:
                self._redirects[host.lower()] = str(ipaddress.IPv4Address(address))

    def divert(self, host: str, target: tuple[str, int]) -> str:
        """Bring whoever asks for `host` to `target` on the bench's loopback; return the address given out for it."""
        self.release(host)
        with self._lock:
            true = self._names.get(host.lower())
            address = _next(addresses.FIRST_IMPOSTOR, self._redirects.values())
            ports = _USUAL_PORTS | self._ports.get(true or "", set())
        splices = [Splice(self._door.serve(address, port), _reach(target)) for port in sorted(ports)]
        self._diversions[host.lower()] = splices
        self.redirect(host, address)
        return address

    def release(self, host: str) -> None:
        """End the diversion of `host`, if there is one."""
        self.redirect(host, None)
        for splice in self._diversions.pop(host.lower(), []):
            splice.close()

    def block(self, transport: Transport, port: int, blocked: bool) -> None:
        """Let nothing of the segment to the internet over `transport` to `port` pass, or let it pass again."""
        self._door.block(transport, port, blocked)

    def bench_address(self, sender: Sender = "device") -> str:
        """Return the loopback address at which the bench reaches what `sender` listens on."""
        return addresses.bench_side(sender)

    def tap(self) -> Mapping[str, Json]:
        """Return what a capture driver needs to know."""
        return self._door.tap()

    def kill_tap(self) -> None:
        """End the capture that runs and let none begin; traffic goes on."""
        self._door.kill_tap()


def _next(first: int, taken: Iterable[str]) -> str:
    used = set(taken)
    for last in range(first, 255):
        if (address := f"203.0.113.{last}") not in used:
            return address
    raise ValueError("the simulated internet has no free address left")


def _reach(target: tuple[str, int]) -> Callable[[], socket.socket]:
    return lambda: _plain(socket.create_connection(target, timeout=5.0))


def _plain(connection: socket.socket) -> socket.socket:
    connection.settimeout(None)
    return connection

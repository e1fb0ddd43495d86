"""The honest door: real packets over veth pairs between network namespaces, captured by dumpcap.

    pc-dut (eth0) --- p-dut |                |
                            | pc-ap (br0)    | wan --- wan0 pc-net (203.0.113.0/24)
    pc-phone (eth0) - p-phone |              |

The bench itself stays outside; it reaches services of the device through forwarders at a loopback address.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Mapping

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.network import addresses, namespaces
from pytest_conformance.simulation.network.addresses import Sender
from pytest_conformance.simulation.network.door import Datagrams, DoorUnavailableError, Transport
from pytest_conformance.simulation.network.namespaces import Namespace
from pytest_conformance.simulation.network.splice import Listener, Splice

_BRIDGE, _LOST = "br0", "br-lost"
_WAN_NEAR, _WAN_FAR = "198.51.100.1", "198.51.100.2"
_REACH_TIMEOUT = 5.0


class NamespaceDoor:
    """Needs root, `ip` and, for the capture, dumpcap."""

    name = "namespace"

    def __init__(self, device_mac: str = addresses.DEVICE_MAC) -> None:
        self._device_mac = device_mac
        self._access_point = Namespace("ap")
        self._internet = Namespace("net")
        self._of: dict[Sender, Namespace] = {"device": Namespace("dut"), "phone": Namespace("phone")}
        self._lock = threading.Lock()
        self._forwarders: set[Splice] = set()

    def open(self) -> None:
        if reason := namespaces.missing():
            raise DoorUnavailableError(f"the namespace door needs what is missing here: {reason}")
        namespaces.remove_stale()
        atexit.register(self.close)
        try:
            for namespace in self._all():
                namespace.open()
            self._build_segment()
            self._build_uplink()
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        atexit.unregister(self.close)
        with self._lock:
            forwarders, self._forwarders = self._forwarders, set()
        for forwarder in forwarders:
            forwarder.close()
        for interface in ("p-dut", "p-phone", "wan"):
            with contextlib.suppress(OSError):
                self._access_point.ip("link", "delete", interface)
        for namespace in self._all():
            namespace.close()

    def connect(self, sender: Sender, address: str, port: int, timeout: float | None) -> socket.socket:
        return _connect(self._of[sender].make_socket(), address, port, timeout)

    def udp(self, sender: Sender) -> Datagrams:
        return self._of[sender].make_socket(socket.SOCK_DGRAM)

    def listen(self, sender: Sender, port: int) -> Listener:
        address = addresses.SENDERS[sender]
        inner = self._of[sender].bound(address, port)
        try:
            outer = socket.create_server((addresses.bench_side(sender), inner.getsockname()[1]))
        except OSError:
            inner.close()
            raise
        port = inner.getsockname()[1]
        forwarder = Splice(
            Listener.adopt(outer), lambda: _connect(self._access_point.make_socket(), address, port, _REACH_TIMEOUT)
        )
        with self._lock:
            self._forwarders.add(forwarder)

        def unforward() -> None:
            with self._lock:
                self._forwarders.discard(forwarder)
            forwarder.close()

        return Listener.adopt(inner, unforward)

    def serve(self, address: str, port: int, transport: Transport = "tcp") -> socket.socket:
        place = self._access_point if address == addresses.ACCESS_POINT else self._internet
        made = place.bound(address, port, socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM)
        return Listener.adopt(made) if transport == "tcp" else made

    def sender_of(self, address: str) -> str:
        return next((sender for sender, own in addresses.SENDERS.items() if own == address), "other")

    def set_uplink(self, up: bool) -> None:
        if up:
            self._access_point.ip("route", "replace", addresses.INTERNET, "via", _WAN_FAR)
        else:
            self._access_point.ip("route", "replace", "unreachable", addresses.INTERNET)

    def block(self, transport: Transport, port: int, blocked: bool) -> None:
        rule = ("iif", _BRIDGE, "to", addresses.INTERNET, "ipproto", transport, "dport", str(port), "prohibit")
        with contextlib.suppress(OSError):  # there is none
            self._access_point.ip("rule", "delete", *rule)
        if blocked:
            self._access_point.ip("rule", "add", *rule)

    def tap(self) -> Mapping[str, Json]:
        return {
            "address": f"namespace:{self._access_point.name}",
            "interface": _BRIDGE,
            "marker": f"{addresses.BROADCAST}:{addresses.DISCARD_PORT}",
            **addresses.stations(self._device_mac),
        }

    def kill_tap(self) -> None:
        for pid in self._access_point.processes("dumpcap"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):  # killed before
            self._access_point.ip("link", "set", _BRIDGE, "down")
            self._access_point.ip("link", "set", _BRIDGE, "name", _LOST)
            self._access_point.ip("link", "set", _LOST, "up")

    def _all(self) -> tuple[Namespace, ...]:
        return (self._access_point, self._internet, *self._of.values())

    def _build_segment(self) -> None:
        router = self._access_point
        router.ip("link", "add", _BRIDGE, "address", addresses.ACCESS_POINT_MAC, "type", "bridge")
        router.ip("address", "add", f"{addresses.ACCESS_POINT}/24", "broadcast", addresses.BROADCAST, "dev", _BRIDGE)
        router.ip("link", "set", _BRIDGE, "up")
        self._join("device", "p-dut", self._device_mac)
        self._join("phone", "p-phone", addresses.PHONE_MAC)
        router.honest_checksums(_BRIDGE)
        with contextlib.suppress(OSError):  # a kernel without IPv6
            router.ip("address", "add", f"{addresses.ACCESS_POINT_V6}/64", "dev", _BRIDGE, "nodad")
            self._of["device"].ip("address", "add", f"{addresses.DEVICE_V6}/64", "dev", "eth0", "nodad")
            self._of["phone"].ip("address", "add", f"{addresses.PHONE_V6}/64", "dev", "eth0", "nodad")

    def _join(self, sender: Sender, plug: str, mac: str) -> None:
        station = self._of[sender]
        self._access_point.ip(
            *("link", "add", plug, "type", "veth", "peer", "name", "eth0", "address", mac, "netns", station.name)
        )
        self._access_point.ip("link", "set", plug, "master", _BRIDGE, "up")
        station.ip("address", "add", f"{addresses.SENDERS[sender]}/24", "dev", "eth0")
        station.ip("link", "set", "eth0", "up")
        station.ip("route", "add", "default", "via", addresses.ACCESS_POINT)
        station.honest_checksums("eth0")

    def _build_uplink(self) -> None:
        router, internet = self._access_point, self._internet
        router.ip("link", "add", "wan", "type", "veth", "peer", "name", "wan0", "netns", internet.name)
        router.ip("address", "add", f"{_WAN_NEAR}/30", "dev", "wan")
        router.ip("link", "set", "wan", "up")
        internet.ip("address", "add", f"{_WAN_FAR}/30", "dev", "wan0")
        internet.ip("link", "set", "wan0", "up")
        internet.ip("route", "add", "local", addresses.INTERNET, "dev", "lo")
        internet.ip("route", "add", addresses.SEGMENT, "via", _WAN_NEAR)
        internet.honest_checksums("wan0")
        router.forward_packets()
        self.set_uplink(True)


def _connect(made: socket.socket, address: str, port: int, timeout: float | None) -> socket.socket:
    try:
        made.settimeout(timeout)
        made.connect((address, port))
    except OSError:
        made.close()
        raise
    return made

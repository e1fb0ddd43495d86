"""The relay's link to the simulated network's patch panel: attach, ask where a service listens, hear of the uplink."""

from __future__ import annotations

import ipaddress
import itertools
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pytest_conformance.drivers.capture_frames import Station

_ANSWER_TIMEOUT = 5.0
_BROADCAST_MAC = "ff:ff:ff:ff:ff:ff"


@dataclass(frozen=True)
class Place:
    """Where a destination really listens, or why a connection to it must fail."""

    at: tuple[str, int] | None
    failure: Literal["", "refused", "unreachable"]


class PatchPanelLink:
    """JSON lines over loopback TCP (docs/network.md). `lost` is called once when the panel goes away."""

    def __init__(self, address: tuple[str, int], lost: Callable[[], None]) -> None:
        self._lost = lost
        self._socket = socket.create_connection(address, timeout=_ANSWER_TIMEOUT)
        self._socket.settimeout(None)
        self._lines = self._socket.makefile("rb")
        self._send_lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[threading.Event, dict[str, Any]]] = {}
        self._plan: dict[str, Any] = {}
        self.up = threading.Event()
        """Set while the uplink is up; flows to the internet wait for it."""

    def attach(self, tcp: int, udp: int) -> None:
        """Announce where the relay listens. Raises ConnectionError when the panel refuses."""
        self._send({"do": "attach", "tcp": tcp, "udp": udp})
        answer = json.loads(self._lines.readline() or b"{}")
        if not answer.get("ok"):
            raise ConnectionError(str(answer.get("error", "the simulated network left")))
        self._plan = answer
        self._set_up(bool(answer["up"]))
        threading.Thread(target=self._listen, name="patch-panel", daemon=True).start()

    def where(self, transport: Literal["tcp", "udp"], address: str, port: int) -> Place:
        """Ask where `address`:`port` really listens. Raises ConnectionError when the panel does not answer."""
        number, told = next(self._numbers), threading.Event()
        answer: dict[str, Any] = {}
        self._waiting[number] = (told, answer)
        self._send({"do": "where", "id": number, "transport": transport, "address": address, "port": port})
        if not told.wait(_ANSWER_TIMEOUT):
            self._waiting.pop(number, None)
            raise ConnectionError("the simulated network does not answer")
        if "at" in answer:
            return Place((str(answer["at"][0]), int(answer["at"][1])), "")
        return Place(None, "refused" if answer.get("refused") else "unreachable")

    def station(self, address: str, port: int) -> Station:
        """Return `address`:`port` with the MAC under which the segment sees it: the gateway's for what lies beyond."""
        macs = self._plan["macs"]
        return Station(macs.get(address, macs[self._plan["gateway"]]), address, port)

    def gateway(self, port: int = 0) -> Station:
        """Return the access point's own address in the segment."""
        return self.station(self._plan["gateway"], port)

    def marker(self) -> Station:
        """Return the station to which marker datagrams go: the segment's broadcast address."""
        address, port = self._plan["marker"]
        return Station(_BROADCAST_MAC, str(address), int(port))

    def is_beyond(self, address: str) -> bool:
        """Say whether `address` lies outside the segment, behind the uplink."""
        return ipaddress.ip_address(address) not in ipaddress.ip_network(self._plan["segment"])

    def _send(self, message: dict[str, Any]) -> None:
        with self._send_lock:
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def _listen(self) -> None:
        try:
            for line in self._lines:
                message = json.loads(line)
                if message.get("event") == "uplink":
                    self._set_up(bool(message["up"]))
                elif (waiting := self._waiting.pop(message.get("id"), None)) is not None:
                    waiting[1].update(message)
                    waiting[0].set()
        except (OSError, ValueError):
            pass
        self._lost()

    def _set_up(self, up: bool) -> None:
        if up:
            self.up.set()
        else:
            self.up.clear()

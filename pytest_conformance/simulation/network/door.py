"""What a door of the simulated network offers: where sockets of the device, the phone and the internet come from."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any, Literal, Protocol

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.network.addresses import Sender
from pytest_conformance.simulation.network.splice import Listener

Transport = Literal["tcp", "udp"]


class DoorUnavailableError(LookupError):
    """The door that was asked for cannot be opened on this machine; the message says what is missing."""


class Datagrams(Protocol):
    """What a UDP socket of the simulated network can do, whatever the door."""

    def sendto(self, data: bytes, address: tuple[str, int], /) -> int: ...
    def recvfrom(self, size: int, /) -> tuple[bytes, Any]: ...
    def settimeout(self, seconds: float | None, /) -> None: ...
    def close(self) -> None: ...


class Door(Protocol):
    """One way for packets to pass between the simulated device and everything else."""

    name: str
    """ "namespace" or "relay"."""

    def open(self) -> None:
        """Set it up; OSError or DoorUnavailableError when that is not possible here."""
        ...

    def close(self) -> None:
        """Take everything down; safe to call twice."""
        ...

    def connect(self, sender: Sender, address: str, port: int, timeout: float | None) -> socket.socket:
        """Open a TCP connection; the OSErrors are those of a real one (refused, unreachable, timed out)."""
        ...

    def udp(self, sender: Sender) -> Datagrams: ...

    def listen(self, sender: Sender, port: int) -> Listener:
        """Listen as `sender`; the bench reaches it at `bench_side(sender)` and the same port while it is open."""
        ...

    def serve(self, address: str, port: int, transport: Transport = "tcp") -> socket.socket:
        """Return a bound (tcp: listening) socket for a host of the internet or the access point."""
        ...

    def sender_of(self, address: str) -> str:
        """Say who speaks from `address`, as a served socket sees it: "device", "phone" or "other"."""
        ...

    def set_uplink(self, up: bool) -> None:
        """Cut or restore the way to the internet; the device's own segment stays as it is."""
        ...

    def block(self, transport: Transport, port: int, blocked: bool) -> None:
        """Let nothing to the internet over `transport` to `port` pass, or let it pass again; senders are told."""
        ...

    def tap(self) -> Mapping[str, Json]:
        """Return what a capture driver needs to know (its manifest entry)."""
        ...

    def kill_tap(self) -> None:
        """End the capture that runs, and let none begin, without touching the traffic."""
        ...

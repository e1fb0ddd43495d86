"""Bluetooth LE as a central: scan, connect, read, write, pair. Synchronous; the host stack runs in `ble_host`."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from pytest_conformance.clock import Clock
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.errors import DeviceError, MethodError


@dataclass(frozen=True)
class Advertisement:
    """One advertiser as a scan saw it: the newest data of each kind. `rssi` in dBm; 127 where it is not known."""

    address: str
    name: str
    connectable: bool
    services: tuple[str, ...]
    manufacturer: bytes
    rssi: int


@dataclass(frozen=True)
class RemoteCharacteristic:
    """A characteristic of the peer; `properties` as the peer declares them: "read", "write", "notify", ..."""

    uuid: str
    properties: tuple[str, ...]


@dataclass(frozen=True)
class RemoteService:
    """A service of the peer."""

    uuid: str
    characteristics: tuple[RemoteCharacteristic, ...]


@dataclass(frozen=True)
class Answer:
    """What came of a read or write: ok with a value, or the ATT error by name ("INSUFFICIENT_AUTHENTICATION")."""

    ok: bool
    value: bytes = b""
    error: str = ""


@dataclass(frozen=True)
class Security:
    """The state of the link, and of the pairing that led to it.

    `authenticated`: a passkey (or numeric comparison) took part, so that nobody sat in the middle. `reason`: why
    the peer or the bench ended the pairing; empty when none failed.
    """

    paired: bool
    encrypted: bool
    authenticated: bool
    secure_connections: bool
    key_size: int | None
    """Bytes; None when the link is not encrypted or the controller does not say."""
    reason: str = ""


@dataclass(frozen=True)
class Notification:
    """A value that the peer sent by itself, and the bench time in ns at which it came."""

    at: int
    value: bytes


class Ble(Protocol):
    """A Bluetooth LE dongle of the bench, with at most one connection at a time."""

    door: str

    def scan(self, seconds: float) -> Sequence[Advertisement]:
        """Listen for `seconds` of wall time and return who advertised, in order of first sight."""
        ...

    def connect(self, name: str, timeout: float = 10.0) -> str:
        """Connect to the first advertiser called `name` (or with that address) and return its address.

        Raises DeviceError DUT-BLE-001 when nobody of that name advertises, LinkError when the connection fails.
        """
        ...

    def disconnect(self) -> None: ...

    def connected(self) -> bool: ...

    def services(self) -> Sequence[RemoteService]:
        """Discover the peer's services and characteristics."""
        ...

    def ask(self, uuid: str) -> Answer:
        """Read a characteristic and say what came of it; an ATT error is an answer, not an exception."""
        ...

    def tell(self, uuid: str, value: bytes) -> Answer:
        """Write a characteristic with response and say what came of it."""
        ...

    def subscribe(self, uuid: str) -> Answer: ...

    def notifications(self, uuid: str, since: int = 0) -> Sequence[Notification]:
        """Return what came from a subscribed characteristic at bench times after `since`."""
        ...

    def pair(self, passkey: int | None = None, *, secure_connections: bool = True) -> Security:
        """Pair; None means no input at all (just works). A refusal is told in the answer, not raised."""
        ...

    def encrypt(self) -> Security:
        """Encrypt with the keys of an earlier pairing."""
        ...

    def security(self) -> Security: ...

    def forget(self) -> None:
        """Drop the bench's keys: the next connection is a stranger's."""
        ...

    @property
    def snoop(self) -> Path:
        """The btsnoop file of this dongle, for evidence: what was said so far, readable by Wireshark."""
        ...

    def close(self) -> None: ...


class BleChannel:
    """The channel as a bench file names it (`driver: ble-host`)."""

    class Settings(BaseModel):
        """`address`: "usb:0" or another transport of the host stack; `missing` comes from a simulation without one."""

        model_config = ConfigDict(extra="forbid")
        address: str = ""
        missing: str = ""

    @classmethod
    def open(cls, settings: Settings, context: DriverContext) -> Ble:
        """Open the dongle; see `open_ble`."""
        if settings.missing or not settings.address:
            raise missing_stack(context.role)
        return open_ble(settings.address, context.clock, context.folder, name=context.role)


def open_ble(address: str, clock: Clock, folder: Path, *, name: str = "ble") -> Ble:
    """Open the dongle at `address` ("usb:0" in a lab, "tcp-client:127.0.0.1:PORT" on the mock bench).

    The btsnoop file is written to `folder`. Raises MethodError MET-BLE-001 where bumble is not installed,
    LinkError BEN-LNK-041 when the dongle does not answer.
    """
    if importlib.util.find_spec("bumble") is None:
        raise missing_stack(address)
    from pytest_conformance.devices.channels.ble_host import HostBle

    return HostBle(address, clock, folder, name)


def missing_stack(where: str) -> MethodError:
    """Return the error that tells what to install."""
    return MethodError(
        "MET-BLE-001",
        "Bluetooth LE needs the host stack 'bumble', which is not installed",
        where=where,
        expected="bumble 0.0.236",
        todo="pip install pytest-conformance[ble]",
    )


def read(ble: Ble, uuid: str) -> bytes:
    """Return the value of a characteristic; DeviceError DUT-BLE-002 when the device refuses it."""
    answer = ble.ask(uuid)
    if not answer.ok:
        raise _refused(uuid, "read", answer)
    return answer.value


def write(ble: Ble, uuid: str, value: bytes) -> None:
    """Write a characteristic; DeviceError DUT-BLE-002 when the device refuses it."""
    answer = ble.tell(uuid, value)
    if not answer.ok:
        raise _refused(uuid, "write", answer)


def _refused(uuid: str, act: str, answer: Answer) -> DeviceError:
    return DeviceError(
        "DUT-BLE-002",
        f"the device refused to {act} characteristic {uuid}: {answer.error}",
        where="Bluetooth LE",
        expected=f"a {act} that the procedure needs",
        todo="pair first, or correct the characteristic in the declaration",
    )

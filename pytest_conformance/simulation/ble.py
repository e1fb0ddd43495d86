"""The device's Bluetooth LE radio as a device builder sees it: services, advertising, pairing, on and off.

The far end "ble" gives the bench virtual dongles (HCI over TCP), each connection one. The air itself is `ble_air`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pytest_conformance.simulation.farend import Json

if TYPE_CHECKING:
    from pytest_conformance.simulation.ble_air import Air
    from pytest_conformance.simulation.world import World

SecurityNeed = Literal["open", "encrypted", "authenticated", "secure"]


ADVERTISEMENT = 31
"""Bytes of a legacy advertising PDU (Core Specification, Vol 6 Part B, 2.3.1)."""


class RefusedError(Exception):
    """Raised by a read or write handler: the peer gets an application error (ATT 0x80)."""


@dataclass(frozen=True)
class GattCharacteristic:
    """A value of a service. Handlers run on the radio's thread and must return at once.

    `security` is what the link must be before the value is read, written or notified: "encrypted" after any pairing,
    "authenticated" only after one with a passkey, "secure" only after one with a passkey over LE Secure Connections.
    """

    uuid: str
    read: Callable[[], bytes] | None = None
    write: Callable[[bytes], None] | None = None
    notify: bool = False
    security: SecurityNeed = "open"


@dataclass(frozen=True)
class GattService:
    """A service; `uuid` has 4 or 32 hexadecimal digits ("180F", "0000...")."""

    uuid: str
    characteristics: tuple[GattCharacteristic, ...]
    advertised: bool = False


@dataclass(frozen=True)
class Pairing:
    """How the device pairs: not at all, just works, or by a passkey of six digits that the device shows."""

    method: Literal["none", "just-works", "passkey"] = "just-works"
    passkey: Callable[[], int] | None = None
    """Makes the passkey of the next try (0 to 999999); required for "passkey"."""
    show: Callable[[int], None] | None = None
    """Called with the passkey when the device shows it."""
    secure_connections: bool = True
    """False: legacy pairing only."""
    allowed: Callable[[], bool] | None = None
    """Asked before each pairing; False refuses it."""
    done: Callable[[bool], None] | None = None
    """Told how each pairing ended."""


@dataclass(frozen=True)
class Peripheral:
    """What the device is over the air."""

    name: str
    services: tuple[GattService, ...]
    pairing: Pairing = Pairing()
    address: str = "F0:11:22:33:44:55"
    """Static random address."""
    manufacturer: bytes = b""
    """Manufacturer data: company identifier (2 bytes, little endian) and what follows."""
    interval_ms: float = 30.0
    on_connection: Callable[[bool], None] | None = None
    """Called with True when a central connects and with False when it leaves."""


class BleRadio:
    """The far end "ble" and the device's handle on its radio. All methods may be called from any thread."""

    name = "ble"

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._seen: list[dict[str, Json]] = []
        self._air: Air | None = None
        self._peripheral: Peripheral | None = None
        self._on = False

    def define(self, peripheral: Peripheral) -> None:
        """Say what the device is over the air; takes effect at the next `on()`."""
        for service in peripheral.services:
            for value in (service.uuid, *(characteristic.uuid for characteristic in service.characteristics)):
                if len(value.replace("-", "")) not in (4, 32):
                    raise ValueError(f"not a Bluetooth UUID of 16 or 128 bit: {value!r}")
        if peripheral.pairing.method == "passkey" and peripheral.pairing.passkey is None:
            raise ValueError("pairing by passkey needs a passkey")
        if (size := _advertised(peripheral)) > ADVERTISEMENT:
            raise ValueError(
                f"name, advertised services and manufacturer data take {size} bytes of an advertisement; "
                f"{ADVERTISEMENT} fit: shorten the name or advertise fewer services"
            )
        self._peripheral = peripheral

    def on(self) -> None:
        """Power the radio: services up, advertising. Before the far end has started this is kept in mind."""
        if self._peripheral is None:
            raise ValueError("define() the peripheral before switching it on")
        self._on = True
        if self._air is not None:
            self._air.power_up(self._peripheral)

    def off(self) -> None:
        """Unpower the radio: connections end, nothing is advertised. Bonds survive."""
        self._on = False
        if self._air is not None:
            self._air.power_down()

    def forget_bonds(self) -> None:
        """Drop the keys of every paired central, as a factory reset does."""
        if self._air is not None:
            self._air.forget_bonds()

    def notify(self, uuid: str, value: bytes) -> None:
        """Send `value` to every central that subscribed to `uuid` over a link with the security it needs."""
        if self._air is not None:
            self._air.notify(uuid, value)

    def centrals(self) -> int:
        """Return how many centrals are connected."""
        return self._air.centrals() if self._air is not None else 0

    def start(self) -> Mapping[str, Json]:
        try:
            from pytest_conformance.simulation.ble_air import Air
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "bumble":
                raise
            return {"missing": "bumble"}
        self._air = Air(self._note)
        port = self._air.start()
        if self._on and self._peripheral is not None:
            self._air.power_up(self._peripheral)
        return {"address": f"tcp-client:127.0.0.1:{port}"}

    def stop(self) -> None:
        air, self._air = self._air, None
        if air is not None:
            air.stop()

    def kill(self) -> None:
        self.stop()

    def seen(self) -> Json:
        """Return what happened on the air: connected, disconnected, paired, pairing-failed, read, write, refused."""
        with self._lock:
            return list(self._seen)

    def _note(self, event: str, data: Mapping[str, Json]) -> None:
        with self._lock:
            self._seen.append({"at": self._world.timeline.now(), "event": event, **data})


def _advertised(peripheral: Peripheral) -> int:
    """Return the bytes of the advertisement: each element has a length and a type before its data."""
    uuids = [len(service.uuid.replace("-", "")) // 2 for service in peripheral.services if service.advertised]
    lists = [sum(uuid for uuid in uuids if uuid == size) for size in (2, 16)]
    elements = [1, len(peripheral.name.encode()), *lists, len(peripheral.manufacturer)]
    return sum(2 + element for element in elements if element)


def add_ble(world: World) -> None:
    """Add the far end "ble" and set `world.ble`; the device builder defines what it is and powers it."""
    world.ble = BleRadio(world)
    world.add(world.ble)

"""The air between a simulated peripheral and the bench's virtual dongles: bumble controllers on one link, one thread.

Imported only where bumble is installed; what the peripheral is and does comes from `simulation/ble.py`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from bumble import att, gatt, ll
from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.hci import Address
from bumble.host import Host
from bumble.keys import MemoryKeyStore, PairingKeys
from bumble.link import LocalLink
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import AsyncPipeSink, StreamPacketSink, StreamPacketSource

from pytest_conformance.simulation.ble import GattCharacteristic, Pairing, Peripheral, RefusedError, SecurityNeed
from pytest_conformance.simulation.farend import Json

T = TypeVar("T")
Note = Callable[[str, Mapping[str, Json]], None]

TURN = 10.0
"""Seconds of wall time that switching the radio may take."""
APPLICATION_ERROR = 0x80
CONNECTION_TIMEOUT = 0x08
"""HCI reason with which a link ends whose other side went silent."""


class Air:
    """Runs the link on a thread of its own. Call from any thread."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ble-air", daemon=True)
        self._link = LocalLink()  # type: ignore[no-untyped-call]
        self._bonds = MemoryKeyStore()
        self._unit: _Unit | None = None
        self._turn = asyncio.Lock()
        self._server: asyncio.Server | None = None
        self._dongles: set[_Dongle] = set()

    def start(self) -> int:
        """Begin to accept virtual dongles and return the TCP port."""
        logging.getLogger("bumble").setLevel(logging.ERROR)
        self._thread.start()
        return self._wait(self._listen()) or 0

    def stop(self) -> None:
        """End everything at once: the listener, each dongle in mid-sentence, the peripheral."""
        if self._loop.is_running():
            self._wait(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(TURN)
        if not self._loop.is_running() and not self._loop.is_closed():
            self._loop.close()

    def power_up(self, peripheral: Peripheral) -> None:
        self._wait(self._power_up(peripheral))

    def power_down(self) -> None:
        self._wait(self._power_down())

    def forget_bonds(self) -> None:
        self._wait(self._bonds.delete_all())

    def notify(self, uuid: str, value: bytes) -> None:
        self._wait(self._notify(uuid, value))

    def centrals(self) -> int:
        unit = self._unit
        return len(unit.device.connections) if unit is not None else 0

    def _wait(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Run `work` on the loop and wait for it; from the loop's own thread (a handler) it is only begun."""
        if threading.current_thread() is self._thread:
            self._loop.create_task(work)
            return None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(TURN)

    async def _listen(self) -> int:
        self._server = await self._loop.create_server(lambda: _Dongle(self._link, self._dongles), "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for dongle in list(self._dongles):
            dongle.abort()
        await self._power_down()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _power_up(self, peripheral: Peripheral) -> None:
        async with self._turn:
            if self._unit is not None:
                await self._unit.close()
            self._unit = _Unit(peripheral, self._link, self._bonds, self._note)
            await self._unit.open()

    async def _power_down(self) -> None:
        async with self._turn:
            unit, self._unit = self._unit, None
            if unit is not None:
                await unit.close()

    async def _notify(self, uuid: str, value: bytes) -> None:
        if self._unit is not None:
            await self._unit.notify(uuid, value)


class _Dongle(StreamPacketSource):
    """One TCP connection of the bench: a controller of its own on the link, gone with the connection."""

    def __init__(self, link: LocalLink, dongles: set[_Dongle]) -> None:
        super().__init__()
        self._link = link
        self._dongles = dongles
        self._controller: Controller | None = None
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._dongles.add(self)
        sink = StreamPacketSink(transport)
        self._controller = Controller("dongle", host_source=self, host_sink=sink, link=self._link)

    def connection_lost(self, error: Exception | None) -> None:
        self._dongles.discard(self)
        if self._controller is not None:
            _unplug(self._controller, self._link)
            self._controller = None

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _unplug(controller: Controller, link: LocalLink) -> None:
    """Take a controller off the link; its peers see their connections time out."""
    for connection in list(controller.le_connections.values()):
        connection.send_ll_control_pdu(ll.TerminateInd(CONNECTION_TIMEOUT))
    controller.le_legacy_advertiser.stop()
    for advertising in controller.advertising_sets.values():
        advertising.stop()
    controller.hci_sink = None
    link.controllers.discard(controller)


class _Unit:
    """The peripheral while it has power."""

    def __init__(self, peripheral: Peripheral, link: LocalLink, bonds: MemoryKeyStore, note: Note) -> None:
        self._peripheral = peripheral
        self._link = link
        self._bonds = bonds
        self._note = note
        self._authenticated: set[int] = set()
        self._secure: set[int] = set()
        self._controller = Controller("device", link=link)
        host = Host(self._controller, AsyncPipeSink(self._controller))
        self.device = Device(name=peripheral.name, address=Address(peripheral.address), host=host)
        self.device.keystore = bonds
        self.device.pairing_config_factory = lambda _: _pairing_config(peripheral.pairing)
        self._values: dict[UUID, tuple[GattCharacteristic, gatt.Characteristic[bytes]]] = {}
        for service in peripheral.services:
            self.device.add_service(gatt.Service(UUID(service.uuid), [self._value(c) for c in service.characteristics]))
        self.device.on("connection", self._connected)

    async def open(self) -> None:
        await self.device.power_on()
        await self.device.start_advertising(
            auto_restart=True,
            advertising_data=_advertisement(self._peripheral),
            advertising_interval_min=self._peripheral.interval_ms,
            advertising_interval_max=self._peripheral.interval_ms,
        )

    async def close(self) -> None:
        await self.device.stop_advertising()
        _unplug(self._controller, self._link)
        await asyncio.sleep(0)

    async def notify(self, uuid: str, value: bytes) -> None:
        characteristic, attribute = self._values[UUID(uuid)]
        for connection in list(self.device.connections.values()):
            if self._lacking(connection, characteristic.security) is None:
                await self.device.notify_subscriber(connection, attribute, value)

    def _value(self, characteristic: GattCharacteristic) -> gatt.Characteristic[bytes]:
        properties = gatt.Characteristic.Properties(0)
        permissions = att.Attribute.Permissions(0)
        if characteristic.read is not None:
            properties |= gatt.Characteristic.Properties.READ
            permissions |= att.Attribute.Permissions.READABLE
        if characteristic.write is not None:
            properties |= gatt.Characteristic.Properties.WRITE
            permissions |= att.Attribute.Permissions.WRITEABLE
        if characteristic.notify:
            properties |= gatt.Characteristic.Properties.NOTIFY

        def read(connection: Connection) -> bytes:
            self._guard(connection, characteristic, "read")
            if characteristic.read is None:
                raise att.ATT_Error(att.ErrorCode.READ_NOT_PERMITTED)
            value = _handled(characteristic.read)
            self._note("read", {"uuid": characteristic.uuid, "encrypted": bool(connection.encryption)})
            return value

        def write(connection: Connection, value: bytes) -> None:
            self._guard(connection, characteristic, "write")
            handler = characteristic.write
            if handler is None:
                raise att.ATT_Error(att.ErrorCode.WRITE_NOT_PERMITTED)
            self._note("write", {"uuid": characteristic.uuid, "value": value.hex()})
            _handled(lambda: handler(value))

        attribute: gatt.Characteristic[bytes] = gatt.Characteristic(
            UUID(characteristic.uuid), properties, permissions, gatt.CharacteristicValue(read=read, write=write)
        )
        self._values[UUID(characteristic.uuid)] = (characteristic, attribute)
        return attribute

    def _guard(self, connection: Connection, characteristic: GattCharacteristic, act: str) -> None:
        lacking = self._lacking(connection, characteristic.security)
        if lacking is not None:
            self._note("refused", {"uuid": characteristic.uuid, "act": act, "error": int(lacking)})
            raise att.ATT_Error(lacking)

    def _lacking(self, connection: Connection, need: SecurityNeed) -> att.ErrorCode | None:
        """Return the error that a link with too little security earns (Core Specification, Vol 3 Part C, 10.3.1)."""
        if need == "open":
            return None
        if not connection.encryption:
            return att.ErrorCode.INSUFFICIENT_AUTHENTICATION
        if need == "authenticated" and connection.handle not in self._authenticated:
            return att.ErrorCode.INSUFFICIENT_AUTHENTICATION
        if need == "secure" and not {connection.handle} <= self._authenticated & self._secure:
            return att.ErrorCode.INSUFFICIENT_AUTHENTICATION
        return None

    def _connected(self, connection: Connection) -> None:
        peer = str(connection.peer_address)
        self._note("connected", {"peer": peer})
        connection.on("pairing", lambda keys: self._paired(connection, keys))
        connection.on("pairing_failure", lambda reason: self._not_paired(int(reason)))
        connection.on("connection_encryption_change", lambda: self._encrypted(connection))
        connection.on("disconnection", lambda reason: self._left(connection, peer, int(reason)))
        if self._peripheral.on_connection is not None:
            self._peripheral.on_connection(True)

    def _paired(self, connection: Connection, keys: PairingKeys) -> None:
        authenticated = _authenticated(keys)
        self._authenticated.discard(connection.handle)
        self._secure.discard(connection.handle)
        if authenticated:
            self._authenticated.add(connection.handle)
        if keys.ltk is not None:
            self._secure.add(connection.handle)
        if self._peripheral.pairing.done is not None:
            self._peripheral.pairing.done(True)
        self._note("paired", {"authenticated": authenticated, "secure_connections": bool(connection.sc)})

    def _not_paired(self, reason: int) -> None:
        if self._peripheral.pairing.done is not None:
            self._peripheral.pairing.done(False)
        self._note("pairing-failed", {"reason": reason})

    def _encrypted(self, connection: Connection) -> None:
        asyncio.get_running_loop().create_task(self._recall(connection))

    async def _recall(self, connection: Connection) -> None:
        """A bonded central that comes back is as authenticated as its stored keys."""
        keys = await self._bonds.get(str(connection.peer_address))
        if keys is not None and _authenticated(keys):
            self._authenticated.add(connection.handle)
        if keys is not None and keys.ltk is not None:
            self._secure.add(connection.handle)

    def _left(self, connection: Connection, peer: str, reason: int) -> None:
        self._authenticated.discard(connection.handle)
        self._secure.discard(connection.handle)
        self._note("disconnected", {"peer": peer, "reason": reason})
        if self._peripheral.on_connection is not None:
            self._peripheral.on_connection(False)


def _authenticated(keys: PairingKeys) -> bool:
    return any(key is not None and key.authenticated for key in (keys.ltk, keys.ltk_central, keys.ltk_peripheral))


def _handled(act: Callable[[], T]) -> T:
    try:
        return act()
    except RefusedError as error:
        raise att.ATT_Error(APPLICATION_ERROR) from error


def _advertisement(peripheral: Peripheral) -> bytes:
    """Flags, name, advertised services and manufacturer data (the virtual air carries no scan responses)."""
    kinds = AdvertisingData.Type
    pieces = [(kinds.FLAGS, bytes([0x06])), (kinds.COMPLETE_LOCAL_NAME, peripheral.name.encode())]
    for kind, size in (
        (kinds.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, 2),
        (kinds.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, 16),
    ):
        uuids = [UUID(service.uuid).to_pdu_bytes() for service in peripheral.services if service.advertised]
        if listed := b"".join(uuid for uuid in uuids if len(uuid) == size):
            pieces.append((kind, listed))
    if peripheral.manufacturer:
        pieces.append((kinds.MANUFACTURER_SPECIFIC_DATA, peripheral.manufacturer))
    return bytes(AdvertisingData(pieces))


def _pairing_config(pairing: Pairing) -> PairingConfig:
    return PairingConfig(
        sc=pairing.secure_connections, mitm=pairing.method == "passkey", bonding=True, delegate=_Delegate(pairing)
    )


class _Delegate(PairingDelegate):
    def __init__(self, pairing: Pairing) -> None:
        shows = pairing.method == "passkey"
        super().__init__(
            PairingDelegate.IoCapability.DISPLAY_OUTPUT_ONLY
            if shows
            else PairingDelegate.IoCapability.NO_OUTPUT_NO_INPUT
        )
        self._pairing = pairing

    async def accept(self) -> bool:
        allowed = self._pairing.allowed
        return self._pairing.method != "none" and (allowed is None or allowed())

    async def generate_passkey(self) -> int:
        assert self._pairing.passkey is not None
        return self._pairing.passkey()

    async def display_number(self, number: int, digits: int) -> None:
        if self._pairing.show is not None:
            self._pairing.show(number)

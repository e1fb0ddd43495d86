"""The bench's Bluetooth LE host (bumble) on a thread of its own. Imported only where bumble is installed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import TimeoutError as Late
from pathlib import Path
from typing import Any, TypeVar

from bumble import att, core, gatt_client
from bumble.device import Advertisement as Heard
from bumble.device import Connection, Device, Peer
from bumble.hci import Address
from bumble.keys import MemoryKeyStore, PairingKeys
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.snoop import BtSnooper
from bumble.transport import open_transport
from bumble.transport.common import Transport

from pytest_conformance.clock import Clock
from pytest_conformance.devices.channels.ble import (
    Advertisement,
    Answer,
    Notification,
    RemoteCharacteristic,
    RemoteService,
    Security,
)
from pytest_conformance.errors import DeviceError, LinkError

T = TypeVar("T")

ANSWER = 10.0
"""Wall seconds that the dongle or the peer may take for one thing."""
PAIRING = 35.0
"""Wall seconds for a pairing: SMP itself gives up after 30 (Core Specification, Vol 3 Part H, 3.4)."""


class HostBle:
    """See `ble.Ble`. Calls block; none may come from two threads at a time."""

    def __init__(self, address: str, clock: Clock, folder: Path, name: str) -> None:
        self.door = address.partition(":")[0]
        self._address = address
        self._clock = clock
        self._path = _free(folder, name)
        self._notes: dict[str, list[Notification]] = {}
        self._heard: dict[str, Advertisement] = {}
        self._connection: Connection | None = None
        self._peer: Peer | None = None
        self._authenticated = False
        self._lost = threading.Event()
        self._closed = False
        self._file = self._path.open("wb")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ble-host", daemon=True)
        self._thread.start()
        try:
            self._transport, self._device = self._wait(self._open(), "open the dongle")
        except BaseException:
            self.close()
            raise

    @property
    def snoop(self) -> Path:
        if not self._file.closed:
            self._file.flush()
        return self._path

    def scan(self, seconds: float) -> Sequence[Advertisement]:
        self._heard.clear()
        self._wait(self._device.start_scanning(legacy=False), "scan")
        with self._clock.realtime():
            self._clock.sleep(seconds)
        self._wait(self._device.stop_scanning(legacy=False), "stop scanning")
        return tuple(self._heard.values())

    def connect(self, name: str, timeout: float = 10.0) -> str:
        self.disconnect()
        self._heard.clear()
        self._wait(self._device.start_scanning(legacy=False), "scan")
        with self._clock.realtime():
            found = self._clock.wait_for(lambda: self._find_advertiser(name), timeout)
        self._wait(self._device.stop_scanning(legacy=False), "stop scanning")
        if found is not None:
            self._wait(self._connect(found.address), f"connect to {found.address}")
            return found.address
        others = ", ".join(f"{one.name!r} ({one.address})" for one in self._heard.values()) or "nothing at all"
        raise DeviceError(
            "DUT-BLE-001",
            f"nothing called {name!r} advertises over Bluetooth LE",
            where=self._address,
            expected=f"an advertisement of {name!r} within {timeout:g} s",
            todo=f"the scan heard {others}: wake the device, correct the name, or move the dongle closer",
        )

    def _find_advertiser(self, name: str) -> Advertisement | None:
        return next((each for each in tuple(self._heard.values()) if name in (each.name, each.address)), None)

    def connected(self) -> bool:
        return self._connection is not None

    def disconnect(self) -> None:
        if self._connection is not None:
            self._wait(self._disconnect(), "disconnect")

    def services(self) -> Sequence[RemoteService]:
        return self._wait(self._services(), "discover services")

    def ask(self, uuid: str) -> Answer:
        return self._wait(self._ask(uuid), f"read {uuid}")

    def tell(self, uuid: str, value: bytes) -> Answer:
        return self._wait(self._tell(uuid, value), f"write {uuid}")

    def subscribe(self, uuid: str) -> Answer:
        return self._wait(self._subscribe(uuid), f"subscribe to {uuid}")

    def notifications(self, uuid: str, since: int = 0) -> Sequence[Notification]:
        return tuple(note for note in self._notes.get(_canonical(uuid), []) if note.at > since)

    def pair(self, passkey: int | None = None, *, secure_connections: bool = True) -> Security:
        return self._wait(self._pair(passkey, secure_connections), "pair", PAIRING)

    def encrypt(self) -> Security:
        return self._wait(self._encrypt(), "encrypt")

    def security(self) -> Security:
        connection = self._linked().connection
        encrypted = bool(connection.encryption)
        return Security(
            paired=encrypted,
            encrypted=encrypted,
            authenticated=encrypted and self._authenticated,
            secure_connections=encrypted and bool(connection.sc),
            key_size=int(connection.encryption_key_size) or None if encrypted else None,
        )

    def forget(self) -> None:
        self._wait(self._keys.delete_all(), "forget keys")

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(Late):
            asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(ANSWER)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER)
        if not self._loop.is_running():
            self._loop.close()
        self._file.close()

    def _wait(self, work: Coroutine[Any, Any, T], what: str, seconds: float = ANSWER) -> T:
        """Run `work` on the host's loop; what goes wrong on the way to the peer is a LinkError."""
        if self._closed or self._lost.is_set():
            work.close()
            raise self._broken(what, "the link to the dongle is gone")
        future = asyncio.run_coroutine_threadsafe(self._unless_lost(work), self._loop)
        try:
            return future.result(seconds)
        except Late:
            future.cancel()
            raise self._broken(what, f"no answer within {seconds:g} s", "BEN-LNK-042") from None
        except (core.BaseBumbleError, core.BaseError, OSError, EOFError, ValueError, asyncio.CancelledError) as error:
            raise self._broken(what, f"{type(error).__name__}: {error}".rstrip(": ")) from error

    async def _unless_lost(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for `work`, but no longer than the transport lives."""
        task = asyncio.ensure_future(work)
        while not task.done():
            if self._lost.is_set():
                task.cancel()
                raise EOFError("the link to the dongle is gone")
            await asyncio.wait([task], timeout=0.05)
        return task.result()

    def _broken(self, what: str, why: str, code: str = "BEN-LNK-041") -> LinkError:
        return LinkError(
            code,
            f"could not {what} over Bluetooth LE: {why}",
            where=self._address,
            expected="a dongle that answers and a peer in range",
            todo="see that the dongle is plugged in and free (conformance doctor), then run again",
        )

    async def _open(self) -> tuple[Transport, Device]:
        transport = await open_transport(self._address)
        own = bytearray(secrets.token_bytes(6))
        own[5] |= 0xC0
        device = Device.with_hci(
            "bench", Address(bytes(own), Address.RANDOM_DEVICE_ADDRESS), transport.source, transport.sink
        )
        device.host.snooper = BtSnooper(self._file)
        self._keys = MemoryKeyStore()
        device.keystore = self._keys
        device.on("advertisement", self._hear)
        device.host.on("flush", self._gone)
        await device.power_on()
        return transport, device

    def _gone(self) -> None:
        self._lost.set()
        self._connection = self._peer = None

    async def _shut(self) -> None:
        if not self._lost.is_set() and hasattr(self, "_device"):
            self._device.host.remove_listener("flush", self._gone)
            with contextlib.suppress(core.BaseBumbleError, core.BaseError, TimeoutError):
                await asyncio.wait_for(self._disconnect(), 2.0)
        if hasattr(self, "_transport"):
            await self._transport.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _hear(self, heard: Heard) -> None:
        data = heard.data
        kinds = core.AdvertisingData.Type
        before = self._heard.get(str(heard.address))
        pieces = dict(data.ad_structures)
        name = pieces.get(kinds.COMPLETE_LOCAL_NAME, pieces.get(kinds.SHORTENED_LOCAL_NAME, b"")).decode(
            errors="replace"
        )
        uuids = [
            _name(core.UUID.from_bytes(value[at : at + size]))
            for kind, size in (
                (kinds.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, 2),
                (kinds.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, 2),
                (kinds.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, 16),
                (kinds.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, 16),
            )
            if (value := pieces.get(kind))
            for at in range(0, len(value) - size + 1, size)
        ]
        self._heard[str(heard.address)] = Advertisement(
            address=str(heard.address).partition("/")[0],
            name=name or (before.name if before else ""),
            connectable=bool(heard.is_connectable) or bool(before and before.connectable),
            services=tuple(uuids) or (before.services if before else ()),
            manufacturer=pieces.get(kinds.MANUFACTURER_SPECIFIC_DATA, b"") or (before.manufacturer if before else b""),
            rssi=int(heard.rssi),
        )

    async def _connect(self, address: str) -> None:
        target = Address(address)
        connection = await self._device.connect(target, timeout=ANSWER)
        self._connection, self._peer, self._authenticated = connection, Peer(connection), False
        self._notes.clear()
        connection.on("pairing", self._paired)
        connection.on("disconnection", lambda _: self._ended(connection))
        await self._peer.request_mtu(247)

    def _ended(self, connection: Connection) -> None:
        if self._connection is connection:
            self._connection = self._peer = None

    def _paired(self, keys: PairingKeys) -> None:
        self._authenticated = _authenticated(keys)

    async def _disconnect(self) -> None:
        connection, self._connection, self._peer = self._connection, None, None
        if connection is not None:
            await connection.disconnect()

    def _linked(self) -> Peer:
        if self._peer is None:
            raise self._broken("go on", "there is no connection, or the peer ended it", "BEN-LNK-043")
        return self._peer

    async def _services(self) -> tuple[RemoteService, ...]:
        peer = self._linked()
        await peer.discover_services()
        for service in peer.services:
            await service.discover_characteristics()
        return tuple(
            RemoteService(
                _name(service.uuid),
                tuple(
                    RemoteCharacteristic(_name(one.uuid), tuple(sorted(_properties(one))))
                    for one in service.characteristics
                ),
            )
            for service in peer.services
        )

    async def _find(self, uuid: str) -> gatt_client.CharacteristicProxy[bytes] | None:
        if not self._linked().services:
            await self._services()
        found = self._linked().get_characteristics_by_uuid(core.UUID(uuid))
        return found[0] if found else None

    async def _ask(self, uuid: str) -> Answer:
        if (characteristic := await self._find(uuid)) is None:
            return Answer(False, error="ATTRIBUTE_NOT_FOUND")
        try:
            return Answer(True, bytes(await self._linked().read_value(characteristic)))
        except att.ATT_Error as error:
            return Answer(False, error=_error(error))

    async def _tell(self, uuid: str, value: bytes) -> Answer:
        if (characteristic := await self._find(uuid)) is None:
            return Answer(False, error="ATTRIBUTE_NOT_FOUND")
        try:
            await self._linked().write_value(characteristic, value, with_response=True)
        except att.ATT_Error as error:
            return Answer(False, error=_error(error))
        return Answer(True)

    async def _subscribe(self, uuid: str) -> Answer:
        if (characteristic := await self._find(uuid)) is None:
            return Answer(False, error="ATTRIBUTE_NOT_FOUND")
        if not {"notify", "indicate"} & set(_properties(characteristic)):
            return Answer(False, error="NO_NOTIFICATIONS")
        peer, notes = self._linked(), self._notes.setdefault(_canonical(uuid), [])
        await peer.discover_descriptors(characteristic)
        try:
            await peer.subscribe(
                characteristic, lambda value: notes.append(Notification(self._clock.now(), bytes(value)))
            )
        except att.ATT_Error as error:
            return Answer(False, error=_error(error))
        return Answer(True)

    async def _pair(self, passkey: int | None, secure_connections: bool) -> Security:
        connection = self._linked().connection
        self._device.pairing_config_factory = lambda _: PairingConfig(
            sc=secure_connections, mitm=passkey is not None, bonding=True, delegate=_Delegate(passkey)
        )
        try:
            await connection.pair()
        except core.ProtocolError as error:
            reason = error.error_name or f"{error.error_namespace} error {error.error_code:#x}"
            return Security(False, bool(connection.encryption), False, False, None, reason)
        return self.security()

    async def _encrypt(self) -> Security:
        connection = self._linked().connection
        keys = await self._keys.get(str(connection.peer_address))
        if keys is None:
            return Security(False, False, False, False, None, "no keys of an earlier pairing")
        try:
            await connection.encrypt()
        except core.BaseError as error:
            return Security(False, False, False, False, None, str(error))
        self._authenticated = _authenticated(keys)
        return self.security()


class _Delegate(PairingDelegate):
    """A central that types the passkey, or one that can neither show nor type."""

    def __init__(self, passkey: int | None) -> None:
        capability = PairingDelegate.IoCapability
        super().__init__(capability.NO_OUTPUT_NO_INPUT if passkey is None else capability.KEYBOARD_INPUT_ONLY)
        self._passkey = passkey

    async def get_number(self) -> int | None:
        return self._passkey


def _authenticated(keys: PairingKeys) -> bool:
    return any(key is not None and key.authenticated for key in (keys.ltk, keys.ltk_central, keys.ltk_peripheral))


def _error(error: att.ATT_Error) -> str:
    code = int(error.error_code)
    return att.ErrorCode(code).name if code in set(att.ErrorCode) else f"APPLICATION_ERROR_{code:#04x}"


def _name(uuid: core.UUID) -> str:
    return uuid.to_hex_str("-").upper()


def _canonical(uuid: str) -> str:
    return _name(core.UUID(uuid))


def _properties(characteristic: gatt_client.CharacteristicProxy[bytes]) -> list[str]:
    return [str(flag.name).lower() for flag in type(characteristic.properties) if flag in characteristic.properties]


def _free(folder: Path, name: str) -> Path:
    """Return a file name in `folder` that is not taken: a run may open the dongle many times."""
    for number in itertools.count(1):
        path = folder / f"{name}-{number}.btsnoop"
        if not path.exists():
            return path
    raise AssertionError("unreachable")

"""The Bluetooth LE channel against a simulated watch over real HCI."""

from __future__ import annotations

import importlib.util
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("bumble", reason="the host stack bumble is not installed: pip install pytest-conformance[ble]")

from pytest_conformance.clock import RealClock
from pytest_conformance.devices.channels.ble import Ble, BleChannel, open_ble, read, write
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.errors import DeviceError, LinkError, MethodError
from pytest_conformance.simulation.ble import (
    BleRadio,
    GattCharacteristic,
    GattService,
    Pairing,
    Peripheral,
    RefusedError,
    add_ble,
)
from pytest_conformance.simulation.world import Options, World

BATTERY = "2A19"
TIME = "5C1A0001-0000-4000-8000-00805F9B34FB"
PLACE = "5C1A0002-0000-4000-8000-00805F9B34FB"
FENCE = "5C1A0003-0000-4000-8000-00805F9B34FB"
WATCH = "5C1A0000-0000-4000-8000-00805F9B34FB"
PASSKEY = 314159


@dataclass
class Watch:
    """A simulated watch and the ways to open dongles to it."""

    radio: BleRadio
    address: str
    folder: Path
    written: list[bytes] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)
    dongles: list[Ble] = field(default_factory=list)

    def power(self, pairing: Pairing) -> None:
        def fence(value: bytes) -> None:
            if len(value) != 4:
                raise RefusedError
            self.written.append(value)

        values = (
            GattCharacteristic(TIME, write=self.written.append),
            GattCharacteristic(PLACE, read=lambda: b"31.2,121.4", notify=True, security="encrypted"),
            GattCharacteristic(FENCE, read=lambda: b"\1", write=fence, security="authenticated"),
        )
        battery = GattService("180F", (GattCharacteristic(BATTERY, read=lambda: b"\x57"),), advertised=True)
        services = (battery, GattService(WATCH, values))
        self.radio.define(Peripheral("Kids Watch", services, pairing, manufacturer=b"\xff\xff\x07"))
        self.radio.on()

    def dongle(self) -> Ble:
        ble = open_ble(self.address, RealClock(), self.folder)
        self.dongles.append(ble)
        return ble

    def passkey_pairing(self, passkey: int = PASSKEY, *, secure_connections: bool = True) -> Pairing:
        return Pairing("passkey", lambda: passkey, self.shown.append, secure_connections)


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    world = World(Options("mock-watch"))
    add_ble(world)
    assert world.ble is not None
    address = str(world.start()["ble"]["address"])  # type: ignore[index,call-overload]
    watch = Watch(world.ble, address, tmp_path)
    yield watch
    for dongle in watch.dongles:
        dongle.close()
    world.stop()


@pytest.fixture
def connected(watch: Watch) -> Ble:
    watch.power(Pairing())
    ble = watch.dongle()
    ble.connect("Kids Watch")
    return ble


def eventually(condition: Callable[[], object]) -> bool:
    return bool(RealClock().wait_for(condition, 5.0))


def test_scan_hears_name_service_and_manufacturer_data(watch: Watch) -> None:
    watch.power(Pairing())
    (heard,) = watch.dongle().scan(0.4)
    assert heard.name == "Kids Watch"
    assert heard.services == ("180F",)
    assert heard.manufacturer == b"\xff\xff\x07"
    assert heard.connectable
    assert heard.address == "F0:11:22:33:44:55"


def test_a_radio_that_is_off_is_not_heard(watch: Watch) -> None:
    watch.power(Pairing())
    watch.radio.off()
    assert watch.dongle().scan(0.4) == ()


def test_connecting_to_a_name_that_nobody_has_says_who_was_heard(watch: Watch) -> None:
    watch.power(Pairing())
    with pytest.raises(DeviceError, match="'Kids Watch'") as caught:
        watch.dongle().connect("Other Watch", timeout=0.5)
    assert caught.value.code == "DUT-BLE-001"


def test_services_are_discovered_with_their_properties(connected: Ble) -> None:
    found = {service.uuid: service.characteristics for service in connected.services()}
    assert {value.uuid: value.properties for value in found[WATCH]} == {
        TIME: ("write",),
        PLACE: ("notify", "read"),
        FENCE: ("read", "write"),
    }
    assert found["180F"][0].uuid == BATTERY


def test_an_open_value_is_read_without_pairing(connected: Ble) -> None:
    assert read(connected, BATTERY) == b"\x57"


def test_an_open_value_is_written_without_pairing(watch: Watch, connected: Ble) -> None:
    write(connected, TIME, b"noon")
    assert watch.written == [b"noon"]


def test_a_protected_value_is_refused_before_pairing_and_given_after(connected: Ble) -> None:
    before = connected.ask(PLACE)
    assert (before.ok, before.error) == (False, "INSUFFICIENT_AUTHENTICATION")
    security = connected.pair()
    assert security.encrypted
    assert connected.ask(PLACE).value == b"31.2,121.4"


def test_reading_by_the_strict_way_raises_when_the_device_refuses(connected: Ble) -> None:
    with pytest.raises(DeviceError, match="INSUFFICIENT_AUTHENTICATION") as caught:
        read(connected, PLACE)
    assert caught.value.code == "DUT-BLE-002"


def test_just_works_encrypts_but_does_not_authenticate(connected: Ble) -> None:
    security = connected.pair()
    assert security.paired
    assert security.encrypted
    assert security.secure_connections
    assert security.key_size is None, "the virtual dongle does not tell"
    assert not security.authenticated
    assert connected.ask(FENCE).error == "INSUFFICIENT_AUTHENTICATION"


def test_the_right_passkey_authenticates(watch: Watch) -> None:
    watch.power(watch.passkey_pairing())
    ble = watch.dongle()
    ble.connect("Kids Watch")
    security = ble.pair(PASSKEY)
    assert security.paired
    assert security.authenticated
    assert watch.shown == [PASSKEY]
    assert ble.ask(FENCE).ok


def test_a_wrong_passkey_is_refused_with_the_reason(watch: Watch) -> None:
    watch.power(watch.passkey_pairing())
    ble = watch.dongle()
    ble.connect("Kids Watch")
    security = ble.pair(271828)
    assert not security.paired
    assert not security.encrypted
    assert security.reason == "CONFIRM_VALUE_FAILED"
    assert ble.ask(PLACE).error == "INSUFFICIENT_AUTHENTICATION"


def test_a_passkey_device_paired_without_input_stays_unauthenticated(watch: Watch) -> None:
    watch.power(watch.passkey_pairing())
    ble = watch.dongle()
    ble.connect("Kids Watch")
    assert not ble.pair(None).authenticated
    assert not ble.ask(FENCE).ok


def test_legacy_pairing_is_told_from_secure_connections(watch: Watch) -> None:
    watch.power(watch.passkey_pairing(secure_connections=False))
    ble = watch.dongle()
    ble.connect("Kids Watch")
    security = ble.pair(PASSKEY)
    assert security.encrypted
    assert not security.secure_connections


def test_a_device_that_does_not_pair_says_so(watch: Watch) -> None:
    watch.power(Pairing("none"))
    ble = watch.dongle()
    ble.connect("Kids Watch")
    security = ble.pair()
    assert not security.paired
    assert security.reason == "PAIRING_NOT_SUPPORTED"


def test_a_bonded_central_comes_back_with_its_keys(watch: Watch) -> None:
    watch.power(watch.passkey_pairing())
    ble = watch.dongle()
    ble.connect("Kids Watch")
    ble.pair(PASSKEY)
    ble.disconnect()
    ble.connect("Kids Watch")
    assert not ble.security().encrypted
    assert ble.encrypt().authenticated
    assert ble.ask(FENCE).ok


def test_a_central_that_forgot_its_keys_is_a_stranger(watch: Watch) -> None:
    watch.power(Pairing())
    ble = watch.dongle()
    ble.connect("Kids Watch")
    ble.pair()
    ble.disconnect()
    ble.forget()
    ble.connect("Kids Watch")
    assert not ble.encrypt().encrypted
    assert not ble.ask(PLACE).ok


def test_an_application_refusal_is_an_answer(watch: Watch) -> None:
    watch.power(watch.passkey_pairing())
    ble = watch.dongle()
    ble.connect("Kids Watch")
    ble.pair(PASSKEY)
    assert ble.tell(FENCE, b"too long").error == "APPLICATION_ERROR_0x80"
    assert ble.tell(FENCE, b"four").ok
    assert watch.written == [b"four"]


def test_an_unknown_characteristic_is_an_answer(connected: Ble) -> None:
    assert connected.ask("2A00FFFF000040008000008000000000").error == "ATTRIBUTE_NOT_FOUND"


def test_notifications_arrive_only_over_an_encrypted_link(watch: Watch, connected: Ble) -> None:
    assert connected.subscribe(PLACE).ok
    watch.radio.notify(PLACE, b"early")
    connected.pair()
    watch.radio.notify(PLACE, b"late")
    assert eventually(lambda: connected.notifications(PLACE))
    time.sleep(0.1)
    (note,) = connected.notifications(PLACE)
    assert note.value == b"late"
    assert connected.notifications(PLACE, since=note.at) == ()


def test_subscribing_where_nothing_is_notified_is_refused(connected: Ble) -> None:
    assert not connected.subscribe(BATTERY).ok


def test_switching_the_device_off_ends_the_connection(watch: Watch, connected: Ble) -> None:
    watch.radio.off()
    assert eventually(lambda: not connected.connected())
    with pytest.raises(LinkError):
        connected.ask(BATTERY)


def test_the_device_is_back_after_power_cycle(watch: Watch, connected: Ble) -> None:
    watch.radio.off()
    watch.radio.on()
    connected.connect("Kids Watch")
    assert read(connected, BATTERY) == b"\x57"


def test_a_second_dongle_is_another_central(watch: Watch, connected: Ble) -> None:
    connected.pair()
    connected.disconnect()
    stranger = watch.dongle()
    stranger.connect("Kids Watch")
    assert not stranger.ask(PLACE).ok


def test_the_device_notices_that_a_dongle_was_unplugged(watch: Watch, connected: Ble) -> None:
    assert eventually(lambda: watch.radio.centrals() == 1)
    connected.close()
    assert eventually(lambda: watch.radio.centrals() == 0)


def test_a_dongle_pulled_out_in_mid_connection_leaves_the_device_and_is_a_link_error(
    watch: Watch, connected: Ble
) -> None:
    assert eventually(lambda: watch.radio.centrals() == 1)
    host: Any = connected
    host._loop.call_soon_threadsafe(host._transport.sink.transport.abort)
    assert eventually(lambda: watch.radio.centrals() == 0)
    with pytest.raises(LinkError):
        connected.ask(BATTERY)


def test_the_far_end_tells_what_it_saw(watch: Watch, connected: Ble) -> None:
    connected.ask(PLACE)
    connected.pair()
    connected.ask(PLACE)
    seen = [event["event"] for event in watch.radio.seen()]  # type: ignore[union-attr,call-overload,index]
    assert [event for event in seen if event in ("refused", "paired", "read")] == ["refused", "paired", "read"]


def test_killing_the_radio_in_mid_conversation_is_a_link_error(watch: Watch, connected: Ble) -> None:
    watch.radio.kill()
    with pytest.raises(LinkError) as caught:
        connected.ask(BATTERY)
    assert caught.value.code in ("BEN-LNK-041", "BEN-LNK-043"), "the dongle is gone, or its last word was heard first"
    assert caught.value.cause == "bench"


def test_a_dongle_that_is_not_there_is_a_link_error(watch: Watch) -> None:
    watch.radio.kill()
    with pytest.raises(LinkError) as caught:
        watch.dongle()
    assert caught.value.code == "BEN-LNK-041"


def test_the_snoop_file_holds_the_hci_packets(watch: Watch, connected: Ble) -> None:
    read(connected, BATTERY)
    connected.close()
    content = connected.snoop.read_bytes()
    assert content[:8] == b"btsnoop\0"
    assert struct.unpack(">LL", content[8:16]) == (1, 1002)
    assert content.count(b"Kids Watch") >= 1
    assert len(content) > 1000


def test_each_opening_writes_its_own_snoop_file(watch: Watch) -> None:
    assert watch.dongle().snoop != watch.dongle().snoop


def test_closing_twice_is_safe_and_later_use_is_a_link_error(connected: Ble) -> None:
    connected.close()
    connected.close()
    with pytest.raises(LinkError):
        connected.ask(BATTERY)


def test_without_the_host_stack_the_method_cannot_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MethodError, match=r"pytest-conformance\[ble\]") as caught:
        open_ble("usb:0", RealClock(), tmp_path)
    assert caught.value.code == "MET-BLE-001"


def test_a_simulation_without_the_host_stack_is_told_as_a_method_matter(tmp_path: Path) -> None:
    context = DriverContext("ble", RealClock(), tmp_path)
    with pytest.raises(MethodError) as caught:
        BleChannel.open(BleChannel.Settings(missing="bumble"), context)
    assert caught.value.code == "MET-BLE-001"


def test_the_bench_file_opens_the_dongle_by_its_driver(watch: Watch, tmp_path: Path) -> None:
    context = DriverContext("ble", RealClock(), tmp_path)
    ble = BleChannel.open(BleChannel.Settings(address=watch.address), context)
    watch.dongles.append(ble)
    assert ble.door == "tcp-client"
    assert ble.scan(0.05) == ()

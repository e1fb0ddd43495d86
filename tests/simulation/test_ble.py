"""The simulated Bluetooth radio, seen by the bench's own host stack."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.simulation.ble import (
    BleRadio,
    GattCharacteristic,
    GattService,
    Pairing,
    Peripheral,
    add_ble,
)
from pytest_conformance.simulation.world import Options, World


@pytest.fixture
def world() -> Iterator[World]:
    world = World(Options("mock-watch"))
    add_ble(world)
    yield world
    world.stop()


@pytest.fixture
def radio(world: World) -> BleRadio:
    assert world.ble is not None
    return world.ble


def a_watch(**changes: Any) -> Peripheral:
    service = GattService("180F", (GattCharacteristic("2A19", read=lambda: b"\x57"),))
    return Peripheral(**{"name": "Kids Watch", "services": (service,), **changes})


def test_manifest_names_a_client_transport_whose_port_accepts(world: World) -> None:
    address = world.start()["ble"]["address"]  # type: ignore[index,call-overload]
    kind, host, port = str(address).split(":")
    assert kind == "tcp-client"
    socket.create_connection((host, int(port)), timeout=5).close()


def test_without_bumble_the_far_end_says_what_is_missing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pytest_conformance.simulation.ble_air", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "bumble"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "bumble", None)
    assert world.start()["ble"] == {"missing": "bumble"}


def test_a_radio_without_bumble_can_still_be_switched_by_the_device(radio: BleRadio) -> None:
    radio.define(a_watch())
    radio.on()
    radio.notify("2A19", b"\x01")
    radio.off()
    assert radio.centrals() == 0


def test_a_peripheral_needs_well_formed_uuids(radio: BleRadio) -> None:
    bad = GattService("18", ())
    with pytest.raises(ValueError, match="'18'"):
        radio.define(a_watch(services=(bad,)))


def test_passkey_pairing_needs_a_passkey(radio: BleRadio) -> None:
    with pytest.raises(ValueError, match="passkey"):
        radio.define(a_watch(pairing=Pairing("passkey")))


def test_an_undefined_radio_cannot_be_switched_on(radio: BleRadio) -> None:
    with pytest.raises(ValueError, match="define"):
        radio.on()


def test_an_advertisement_that_does_not_fit_is_refused(radio: BleRadio) -> None:
    service = GattService("5C1A0000-0000-4000-8000-00805F9B34FB", (), advertised=True)
    radio.define(a_watch(name="8 bytes.", services=(service,)))
    with pytest.raises(ValueError, match="32 bytes"):
        radio.define(a_watch(name="9 bytes..", services=(service,)))


def test_stop_closes_the_port_and_may_be_called_twice(world: World, radio: BleRadio) -> None:
    pytest.importorskip("bumble")
    port = int(str(world.start()["ble"]["address"]).rsplit(":", 1)[1])  # type: ignore[index,call-overload]
    radio.stop()
    radio.stop()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_garbage_from_a_dongle_does_not_end_the_radio(world: World, radio: BleRadio, tmp_path: Path) -> None:
    pytest.importorskip("bumble")
    port = int(str(world.start()["ble"]["address"]).rsplit(":", 1)[1])  # type: ignore[index,call-overload]
    radio.define(a_watch())
    radio.on()
    with socket.create_connection(("127.0.0.1", port), timeout=5) as dongle:
        dongle.sendall(bytes(range(256)) * 4)
    radio.off()
    radio.on()
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    assert radio.centrals() == 0

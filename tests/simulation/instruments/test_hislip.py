"""Byte for byte against IVI-6.1, without a VISA library."""

from __future__ import annotations

import socket
import struct
import threading
import time

import pytest

from pytest_conformance.simulation.instruments.hislip import LARGEST, HislipDoor
from pytest_conformance.simulation.instruments.scpi import ScpiModel

HEADER = "!2sBBIQ"


class Client:
    def __init__(self, port: int) -> None:
        self.sync, self.later = (socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(2))
        self.send(self.sync, 0, 0, 0x01007878, b"hislip0")
        kind, _, parameter, _ = self.read(self.sync)
        assert (kind, parameter >> 16) == (1, 0x0100)
        self.session = parameter & 0xFFFF
        self.send(self.later, 17, 0, self.session)
        assert self.read(self.later)[0] == 18

    def send(self, channel: socket.socket, kind: int, control: int, parameter: int, payload: bytes = b"") -> None:
        channel.sendall(struct.pack(HEADER, b"HS", kind, control, parameter, len(payload)) + payload)

    def read(self, channel: socket.socket) -> tuple[int, int, int, bytes]:
        raw = channel.recv(16, socket.MSG_WAITALL)
        if len(raw) < 16:
            raise ConnectionError
        prologue, kind, control, parameter, length = struct.unpack(HEADER, raw)
        assert prologue == b"HS"
        return kind, control, parameter, channel.recv(length, socket.MSG_WAITALL) if length else b""

    def close(self) -> None:
        self.sync.close()
        self.later.close()


@pytest.fixture
def door():
    door = HislipDoor("test", ScpiModel("Maker,Model,1,1.0"))
    door.port = int(door.open().split(",")[1].split(":")[0])  # type: ignore[attr-defined]
    yield door
    door.close()


@pytest.fixture
def client(door):
    client = Client(door.port)
    yield client
    client.close()


def test_the_answer_carries_the_number_of_its_question(client):
    client.send(client.sync, 7, 0, 0xFFFFFF00, b"*IDN?\n")
    assert client.read(client.sync) == (7, 0, 0xFFFFFF00, b"Maker,Model,1,1.0\n")


def test_a_message_may_come_in_parts(client):
    client.send(client.sync, 6, 0, 0xFFFFFF00, b"*ID")
    client.send(client.sync, 7, 0, 0xFFFFFF02, b"N?\n")
    assert client.read(client.sync)[2:] == (0xFFFFFF02, b"Maker,Model,1,1.0\n")


def test_status_and_size_come_on_the_second_channel(client):
    client.send(client.later, 15, 0, 0, struct.pack("!Q", 272))
    assert client.read(client.later) == (16, 0, 0, struct.pack("!Q", LARGEST))
    client.send(client.sync, 7, 0, 0xFFFFFF00, b"NONSENSE;*OPC?\n")
    client.read(client.sync)
    client.send(client.later, 21, 0, 0xFFFFFF00)
    assert client.read(client.later) == (22, 4, 0, b"")


def test_a_device_clear_drops_the_answer_under_way(door, client):
    door.latency = 5.0
    client.send(client.sync, 7, 0, 0xFFFFFF00, b"*IDN?\n")
    time.sleep(0.1)
    client.send(client.later, 19, 0, 0)
    assert client.read(client.later)[0] == 23
    client.send(client.sync, 8, 0, 0)
    assert client.read(client.sync) == (9, 0, 0, b"")
    door.latency = 0.0
    client.send(client.sync, 7, 0, 0xFFFFFF00, b"*OPC?\n")
    assert client.read(client.sync) == (7, 0, 0xFFFFFF00, b"1\n")


def test_the_lock_is_exclusive_and_ends_with_its_session(door, client):
    other = Client(door.port)
    client.send(client.later, 4, 1, 0, b"")
    assert client.read(client.later)[:2] == (5, 1)
    other.send(other.later, 4, 1, 0, b"")
    assert other.read(other.later)[:2] == (5, 0)
    client.close()
    for _ in range(100):
        other.send(other.later, 4, 1, 0, b"")
        if other.read(other.later)[1] == 1:
            break
        time.sleep(0.01)
    else:
        pytest.fail("the lock outlived its session")
    other.close()


@pytest.mark.parametrize("header", [b"XX" + bytes(14), struct.pack(HEADER, b"HS", 7, 0, 0, 1 << 40)])
def test_a_broken_header_is_a_fatal_error_and_the_end(client, header):
    client.sync.sendall(header)
    assert client.read(client.sync)[:2] == (2, 1)
    with pytest.raises(ConnectionError):
        client.read(client.sync)


def test_an_unknown_message_type_is_an_error_and_the_session_goes_on(client):
    client.send(client.sync, 99, 0, 0)
    assert client.read(client.sync)[:2] == (3, 1)
    client.send(client.sync, 7, 0, 0xFFFFFF00, b"*OPC?\n")
    assert client.read(client.sync)[3] == b"1\n"


def test_a_session_must_begin_with_its_first_channel(door):
    alone = socket.create_connection(("127.0.0.1", door.port), timeout=5)
    alone.sendall(struct.pack(HEADER, b"HS", 17, 0, 4711, 0))
    assert struct.unpack(HEADER, alone.recv(16, socket.MSG_WAITALL))[1] == 2
    alone.close()


def test_closing_ends_a_conversation_at_once(door, client):
    door.latency = 30.0
    client.send(client.sync, 7, 0, 0xFFFFFF00, b"*IDN?\n")
    threading.Timer(0.1, door.close).start()
    began = time.monotonic()
    with pytest.raises(ConnectionError):
        client.read(client.sync)
    assert time.monotonic() - began < 5

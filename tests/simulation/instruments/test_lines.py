"""The serial and TCP doors by themselves: what a client sees of them without any driver."""

from __future__ import annotations

import os
import socket
import time

import pytest
import serial

from pytest_conformance.simulation.instruments.pty_line import PtyLine
from pytest_conformance.simulation.instruments.raw_socket import LINE, RawSocketDoor
from pytest_conformance.simulation.instruments.rfc2217 import Format, Rfc2217Line
from pytest_conformance.simulation.instruments.scpi import ScpiModel


def wait_until(condition) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_pty_hands_over_lines_and_answers():
    lines: list[str] = []
    line = PtyLine("test", lambda given: (lines.append(given), line.send(b"OK\r\n")))
    port = serial.Serial(line.open(), timeout=2)
    port.write(b"ONE\r\nTW")
    assert port.readline() == b"OK\r\n"
    port.write(b"O\n")
    assert port.readline() == b"OK\r\n"
    assert lines == ["ONE", "TWO"]
    port.close()
    line.close()
    line.close()


def test_a_pty_survives_a_client_that_leaves_and_returns():
    line = PtyLine("test", lambda given: line.send(given.encode() + b"\n"))
    path = line.open()
    for _ in range(2):
        port = serial.Serial(path, timeout=2)
        port.write(b"HI\n")
        assert port.readline() == b"HI\n"
        port.close()
    line.close()


def test_a_pty_that_hangs_up_is_an_error_for_its_client():
    line = PtyLine("test", lambda _: None)
    port = serial.Serial(line.open(), timeout=2)
    line.close()
    with pytest.raises((serial.SerialException, OSError)):
        port.read(1)
    port.close()


def test_a_closed_pty_leaves_no_descriptor_open():
    line = PtyLine("test", lambda _: None)
    line.open()
    line.close()
    wait_until(lambda: _closed(line._master))


def _closed(descriptor: int) -> bool:
    try:
        return not os.readlink(f"/proc/self/fd/{descriptor}").startswith("/dev/pt")
    except FileNotFoundError:
        return True


@pytest.fixture
def rfc2217():
    lines: list[str] = []
    line = Rfc2217Line("test", Format(57600, 7, "O", 2), lines.append)
    line.lines = lines  # type: ignore[attr-defined]
    line.url = line.open()  # type: ignore[attr-defined]
    yield line
    line.close()


@pytest.mark.filterwarnings("ignore:set:DeprecationWarning")
def test_an_rfc_2217_port_sees_settings_and_modem_lines(rfc2217):
    port = serial.serial_for_url(rfc2217.url, 57600, bytesize=7, parity="O", stopbits=2, timeout=2)
    port.dtr = False
    port.rts = False
    rfc2217.set_cts(True)
    wait_until(lambda: port.cts)
    rfc2217.set_cts(False)
    wait_until(lambda: not port.cts)
    port.write(b"HELLO\n")
    wait_until(lambda: rfc2217.lines == ["HELLO"])
    rfc2217.send(b"a\xffb\n")
    assert port.read_until(b"\n") == b"a\xffb\n"
    for change in (
        ("baudrate", 57600),
        ("parity", "O"),
        ("bytesize", 7),
        ("stopbits", 2),
        ("dtr", False),
        ("rts", False),
    ):
        assert change in rfc2217.changes
    port.close()


@pytest.mark.filterwarnings("ignore:set:DeprecationWarning")
def test_with_wrong_parity_both_sides_read_rubbish(rfc2217):
    port = serial.serial_for_url(rfc2217.url, 57600, bytesize=7, parity="N", stopbits=2, timeout=0.3)
    port.write(b"HELLO\n")
    rfc2217.send(b"HELLO\n")
    received = port.read(100)
    assert len(received) == 6
    assert b"HELLO" not in received
    assert rfc2217.lines == []
    port.close()


def test_a_raw_socket_serves_several_clients_and_bounds_its_lines():
    door = RawSocketDoor("test", ScpiModel("Maker,Model,1,1.0"))
    port = int(door.open().split("::")[2])
    first, second = (socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(2))
    for each in (second, first):
        each.sendall(b"*IDN?\n")
        assert each.recv(100) == b"Maker,Model,1,1.0\n"
    first.sendall(b"x" * LINE)
    assert first.recv(1) == b""
    door.close()
    assert second.recv(1) == b""
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    first.close()
    second.close()

"""The backend against bytes written out by hand from the kernel's description of the protocol."""

from __future__ import annotations

import errno
import socket
import struct
import threading
from collections.abc import Iterator

import pytest
import usb.core

from pytest_conformance.drivers.usbip import UsbIpBackend

DEVICE = bytes.fromhex("120100020000004009120100040101020301")
CONFIGURATION = bytes.fromhex("0902200001010080320904000002ff0000000705010240000007058102400000")
IMPORT = bytes.fromhex("0111800300000000") + b"1-1".ljust(32, b"\0")
IMPORTED = (
    bytes.fromhex("0111000300000000")
    + b"/sys/x".ljust(256, b"\0")
    + b"1-1".ljust(32, b"\0")
    + struct.pack(">IIIHHH6B", 1, 2, 2, 0x1209, 1, 0x0104, 0, 0, 0, 1, 1, 1)
)


def submit(number: int, inward: int, endpoint: int, length: int, setup: str = "00" * 8, data: bytes = b"") -> bytes:
    head = struct.pack(">IIIII", 1, number, 0x00010002, inward, endpoint)
    return head + struct.pack(">IIIII", 0, length, 0, 0, 0) + bytes.fromhex(setup) + data


def done(number: int, actual: int, data: bytes = b"", status: int = 0) -> bytes:
    return struct.pack(">IIIII", 3, number, 0, 0, 0) + struct.pack(">iiiii8x", status, actual, 0, 0, 0) + data


ATTACH = [
    (IMPORT, IMPORTED),
    (submit(1, 1, 0, 18, "8006000100001200"), done(1, 18, DEVICE)),
    (submit(2, 1, 0, 9, "8006000200000900"), done(2, 9, CONFIGURATION[:9])),
    (submit(3, 1, 0, 32, "8006000200002000"), done(3, 32, CONFIGURATION)),
]


class Server:
    """Expects exactly these bytes, in order, and answers each with the others (None: hang up)."""

    def __init__(self, script: list[tuple[bytes, bytes | None]]) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.surprise: bytes | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            for expected, answer in self._script:
                got = b""
                while len(got) < len(expected) and (part := connection.recv(len(expected) - len(got))):
                    got += part
                if got != expected:
                    self.surprise = got
                    return
                if answer is None:
                    return
                connection.sendall(answer)
            connection.recv(1)

    def close(self) -> None:
        self._listener.close()
        self._thread.join(5)
        assert self.surprise is None


@pytest.fixture
def attached() -> Iterator[object]:
    opened: list[object] = []

    def attach(*script: tuple[bytes, bytes | None]) -> UsbIpBackend:
        server = Server([*ATTACH, *script])
        opened.append(server)
        backend = UsbIpBackend("127.0.0.1", server.port, "1-1")
        opened.append(backend)
        return backend

    yield attach
    for each in reversed(opened):
        each.close()


def test_importing_reads_the_descriptors(attached):
    device = usb.core.find(backend=attached())
    assert (device.idVendor, device.idProduct, device.bcdDevice) == (0x1209, 1, 0x0104)
    (interface,) = next(iter(device))
    assert interface.bInterfaceClass == 0xFF
    assert [(each.bEndpointAddress, each.wMaxPacketSize) for each in interface] == [(0x01, 64), (0x81, 64)]


def test_bulk_data_goes_out_and_comes_in(attached):
    backend = attached(
        (submit(4, 0, 0, 0, "0009010000000000"), done(4, 0)),
        (submit(5, 0, 1, 3, data=b"abc"), done(5, 3)),
        (submit(6, 1, 1, 64), done(6, 2, b"\x01\x02")),
    )
    device = usb.core.find(backend=backend)
    device.set_configuration()
    assert device.write(0x01, b"abc") == 3
    assert bytes(device.read(0x81, 64)) == b"\x01\x02"


def test_a_stall_is_a_pipe_error(attached):
    backend = attached((submit(4, 1, 0, 4, "c001000000000400"), done(4, 0, status=-errno.EPIPE)))
    device = usb.core.find(backend=backend)
    with pytest.raises(usb.core.USBError) as caught:
        device.ctrl_transfer(0xC0, 1, 0, 0, 4)
    assert caught.value.errno == errno.EPIPE


def unlink(number: int, victim: int, status: int, before: bytes = b"") -> tuple[bytes, bytes]:
    head = struct.pack(">IIIII", 2, number, 0x00010002, 0, 0)
    answer = struct.pack(">IIIII", 4, number, 0, 0, 0) + struct.pack(">i24x", status)
    return head + struct.pack(">I24x", victim), before + answer


def test_a_timeout_takes_the_transfer_back_so_that_nothing_late_is_read(attached):
    backend = attached(
        (submit(4, 0, 0, 0, "0009010000000000"), done(4, 0)),
        (submit(5, 1, 1, 64), b""),
        unlink(6, 5, -errno.ECONNRESET),
        (submit(7, 1, 1, 64), done(7, 1, b"\x07")),
    )
    device = usb.core.find(backend=backend)
    device.set_configuration()
    with pytest.raises(usb.core.USBTimeoutError):
        device.read(0x81, 64, timeout=50)
    assert bytes(device.read(0x81, 64)) == b"\x07"


def test_data_that_crosses_the_unlink_is_not_lost(attached):
    backend = attached(
        (submit(4, 0, 0, 0, "0009010000000000"), done(4, 0)),
        (submit(5, 1, 1, 64), b""),
        unlink(6, 5, 0, before=done(5, 2, b"ok")),
    )
    device = usb.core.find(backend=backend)
    device.set_configuration()
    assert bytes(device.read(0x81, 64, timeout=50)) == b"ok"


@pytest.mark.parametrize(
    ("answer", "why"),
    [(None, "closed the connection"), (done(99, 0), "another transfer"), (done(4, 1 << 24), "too much data")],
)
def test_a_server_that_leaves_or_talks_rubbish_is_a_device_that_is_gone(attached, answer, why):
    device = usb.core.find(backend=attached((submit(4, 1, 0, 4, "c001000000000400"), answer)))
    with pytest.raises(usb.core.USBError, match=why) as caught:
        device.ctrl_transfer(0xC0, 1, 0, 0, 4)
    assert caught.value.errno == errno.ENODEV


def test_a_device_that_is_taken_is_not_attached():
    server = Server([(IMPORT, bytes.fromhex("0111000300000001"))])
    with pytest.raises(usb.core.USBError) as caught:
        UsbIpBackend("127.0.0.1", server.port, "1-1")
    assert caught.value.errno == errno.ENODEV
    server.close()

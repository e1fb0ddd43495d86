"""USB/IP in user space: exports one simulated USB device over TCP in the kernel's wire format, so that tools decode it.

Layouts: Linux Documentation/usb/usbip_protocol.rst. No isochronous transfers.
"""

from __future__ import annotations

import errno
import socket
import struct
import threading

from pytest_conformance.simulation.instruments.tcp import TcpDoor, receive
from pytest_conformance.simulation.instruments.usb_device import FULL_SPEED, UsbDevice

VERSION = 0x0111
REQ_DEVLIST, REP_DEVLIST, REQ_IMPORT, REP_IMPORT = 0x8005, 0x0005, 0x8003, 0x0003
CMD_SUBMIT, CMD_UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
OPERATION = struct.Struct(">HHI")
BASIC = struct.Struct(">IIIII")
SUBMIT = struct.Struct(">IiiiI8s")
BUS, NUMBER, BUS_ID = 1, 2, b"1-1"
LARGEST = 1 << 20
"""Largest transfer in bytes."""


class UsbIpDoor:
    """Serves `device` on a port of its own, to one client at a time."""

    def __init__(self, name: str, device: UsbDevice) -> None:
        self._device = device
        self._door = TcpDoor(f"{name} usbip", self._converse)
        self._lock = threading.RLock()
        self._client: _Attached | None = None

    def open(self) -> str:
        """Begin to listen; return the address `usbip://HOST:PORT/BUSID`."""
        return f"usbip://127.0.0.1:{self._door.open()}/{BUS_ID.decode()}"

    def close(self) -> None:
        self._door.close()

    def _converse(self, connection: socket.socket) -> None:
        _, code, _ = OPERATION.unpack(receive(connection, OPERATION.size))
        if code == REQ_DEVLIST:
            head = OPERATION.pack(VERSION, REP_DEVLIST, 0) + struct.pack(">I", 1)
            connection.sendall(head + self._description() + bytes((*self._device.interface.triple, 0)))
        elif code == REQ_IMPORT:
            self._attach(connection, receive(connection, 32).rstrip(b"\0"))

    def _attach(self, connection: socket.socket, bus_id: bytes) -> None:
        with self._lock:
            free = self._client is None and bus_id == BUS_ID
            if not free:
                connection.sendall(OPERATION.pack(VERSION, REP_IMPORT, 1))
                return
            client = self._client = _Attached(connection, self._device)
        connection.sendall(OPERATION.pack(VERSION, REP_IMPORT, 0) + self._description())
        self._device.on_data = client.pump
        try:
            client.run()
        finally:
            self._device.on_data = lambda: None
            with self._lock:
                self._client = None

    def _description(self) -> bytes:
        device = self._device
        return (
            b"/sys/devices/simulated/usb1/1-1".ljust(256, b"\0")
            + BUS_ID.ljust(32, b"\0")
            + struct.pack(">III", BUS, NUMBER, FULL_SPEED)
            + struct.pack(">HHH6B", device.vendor, device.product, device.release, 0, 0, 0, 1, 1, 1)
        )


class _Attached:
    """One client that holds the device: its transfers under way."""

    def __init__(self, connection: socket.socket, device: UsbDevice) -> None:
        self._connection = connection
        self._device = device
        self._lock = threading.RLock()
        self._pending: dict[int, tuple[int, int]] = {}

    def run(self) -> None:
        while True:
            command, sequence, _, direction, endpoint = BASIC.unpack(receive(self._connection, BASIC.size))
            rest = receive(self._connection, 28)
            if command == CMD_UNLINK:
                self._unlink(sequence, int.from_bytes(rest[:4], "big"))
            elif command == CMD_SUBMIT:
                _, length, _, _, _, setup = SUBMIT.unpack(rest)
                if not 0 <= length <= LARGEST:
                    return
                data = b"" if direction else receive(self._connection, length)
                self._submit(sequence, direction, endpoint, length, setup, data)
            else:
                return

    def pump(self) -> None:
        """Complete the IN transfers for which there is data now."""
        with self._lock:
            for sequence, (endpoint, length) in list(self._pending.items()):
                data = self._device.in_(endpoint, length)
                if data is not None:
                    del self._pending[sequence]
                    self._reply(sequence, 0, len(data), data)

    def _submit(self, sequence: int, direction: int, endpoint: int, length: int, setup: bytes, data: bytes) -> None:
        if endpoint == 0:
            self._control(sequence, direction, setup, data)
        elif direction:
            with self._lock:
                self._pending[sequence] = (endpoint | 0x80, length)
            self.pump()
        else:
            taken = self._device.out(endpoint, data)
            self._reply(sequence, 0 if taken else -errno.EPIPE, len(data) if taken else 0)

    def _control(self, sequence: int, direction: int, setup: bytes, data: bytes) -> None:
        kind, request, value, index, length = struct.unpack("<BBHHH", setup)
        answer = self._device.control(kind, request, value, index, length if direction else data)
        if answer is None:
            self._reply(sequence, -errno.EPIPE, 0)
        elif direction and isinstance(answer, bytes):
            self._reply(sequence, 0, len(answer[:length]), answer[:length])
        else:
            self._reply(sequence, 0, len(data))

    def _unlink(self, sequence: int, victim: int) -> None:
        with self._lock:
            found = self._pending.pop(victim, None)
            status = -errno.ECONNRESET if found else 0
            self._connection.sendall(BASIC.pack(RET_UNLINK, sequence, 0, 0, 0) + struct.pack(">i24x", status))

    def _reply(self, sequence: int, status: int, actual: int, data: bytes = b"") -> None:
        head = BASIC.pack(RET_SUBMIT, sequence, 0, 0, 0) + struct.pack(">iiiii8x", status, actual, 0, 0, 0)
        with self._lock:
            try:
                self._connection.sendall(head + data)
            except OSError:
                self._pending.clear()

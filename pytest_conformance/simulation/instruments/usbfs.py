"""The libusb door: a simulated USB device behind usbfs, for clients that run under umockdev's preload library.

The client's ioctls on the device node arrive over a Unix socket; its memory is read and written through it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pytest_conformance.simulation.instruments.tcp import receive
from pytest_conformance.simulation.instruments.usb_device import UsbDevice
from pytest_conformance.simulation.instruments.usb_sysfs import Node, write_sysfs

MESSAGE = struct.Struct("=3q")
IOCTL, DONE, RUN, READ_MEMORY, WRITE_MEMORY = 1, 3, 4, 5, 6
URB = struct.Struct("=BBxxiI4xQiiiiiIQ")
"""struct usbdevfs_urb on a 64-bit kernel: type, endpoint, status, flags, buffer, length, actual length, ..."""
CONTROL = 2

SUBMIT, DISCARD, REAP, REAP_NOW = 0x8038550A, 0x550B, 0x4008550C, 0x4008550D
CAPABILITIES, GET_DRIVER, RESET = 0x8004551A, 0x41045508, 0x5514
CLAIM, RELEASE, SET_CONFIGURATION, SET_INTERFACE, CLEAR_HALT = (
    0x8004550F,
    0x80045510,
    0x80045505,
    0x80085504,
    0x80045515,
)
ACCEPTED = {CLAIM, RELEASE, SET_CONFIGURATION, SET_INTERFACE, CLEAR_HALT, RESET}
ZERO_PACKET_AND_SCATTER = 0x1 | 0x4 | 0x8
PAGE = 4096
SET_PIPE_SIZE = 1031


@dataclass
class _Urb:
    """One transfer under way: where it lies in the client's memory, and what became of it."""

    address: int
    fields: list[int]
    status: int = 0
    actual: int = 0
    data: bytes = b""
    data_at: int = field(default=0)

    @property
    def endpoint(self) -> int:
        return self.fields[1]

    @property
    def buffer(self) -> int:
        return self.fields[4]

    @property
    def length(self) -> int:
        return self.fields[5]


class UsbFsDoor:
    """Shows `device` below `root` (the client's UMOCKDEV_DIR).

    The node is a pipe that is full while no transfer is done and empty when one is: libusb waits for a node that
    can be written, so it sleeps until then.
    """

    def __init__(self, root: Path, device: UsbDevice, serial: str) -> None:
        self._device = device
        self._lock = threading.RLock()
        self._pending: list[_Urb] = []
        self._done: list[_Urb] = []
        self._gone = False
        self._full = False
        self._root = root
        self._serial = serial
        self._node = Node(1, 2)
        self._listener: socket.socket | None = None

    def open(self) -> str:
        """Lay out the files and begin to listen; return the address `usb://VVVV:PPPP/SERIAL`."""
        write_sysfs(self._root, self._device, self._serial, self._node)
        path = self._root / "dev" / self._node.path
        path.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(path)
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self._pipe, SET_PIPE_SIZE, PAGE)
        self._fill()
        control = self._root / "ioctl" / "dev" / self._node.path
        control.parent.mkdir(parents=True, exist_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(control))
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), name="usbfs door", daemon=True).start()
        self._device.on_data = self.pump
        return f"usb://{self._device.vendor:04x}:{self._device.product:04x}/{self._serial}"

    def close(self) -> None:
        """Unplug: end every transfer with ESHUTDOWN; every later call gets ENODEV. Safe to call twice."""
        with self._lock:
            self._gone = True
            for urb in self._pending:
                urb.status = -errno.ESHUTDOWN
                self._done.append(urb)
            self._pending.clear()
            self._empty()
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def pump(self) -> None:
        """Complete the IN transfers for which there is data now."""
        with self._lock:
            for urb in list(self._pending):
                data = self._device.in_(urb.endpoint, urb.length)
                if data is not None:
                    self._pending.remove(urb)
                    urb.data, urb.actual = data, len(data)
                    self._finish(urb)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), name="usbfs client", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        client = _Client(connection)
        with contextlib.suppress(OSError), connection:
            while True:
                command, request, argument = MESSAGE.unpack(receive(connection, MESSAGE.size))
                if command != IOCTL:  # read() and write(): the client does them itself
                    connection.sendall(MESSAGE.pack(RUN, 0, 0))
                    _, result, error = MESSAGE.unpack(receive(connection, MESSAGE.size))
                else:
                    with self._lock:
                        result, error = self._ioctl(client, request & 0xFFFFFFFF, argument)
                connection.sendall(MESSAGE.pack(DONE, result, error))

    def _ioctl(self, client: _Client, request: int, argument: int) -> tuple[int, int]:
        """Carry out an ioctl; return its result and errno."""
        if self._gone and not (request in (REAP, REAP_NOW) and self._done):
            return -1, errno.ENODEV
        if request in ACCEPTED:
            return 0, 0
        known: dict[int, Callable[[_Client, int], tuple[int, int]]] = {
            CAPABILITIES: self._capabilities,
            GET_DRIVER: lambda _, __: (-1, errno.ENODATA),
            SUBMIT: self._submit,
            DISCARD: self._discard,
            REAP: self._reap,
            REAP_NOW: self._reap,
        }
        carry_out = known.get(request)
        return (-1, errno.ENOTTY) if carry_out is None else carry_out(client, argument)

    def _capabilities(self, client: _Client, argument: int) -> tuple[int, int]:
        client.write(argument, struct.pack("=I", ZERO_PACKET_AND_SCATTER))
        return 0, 0

    def _submit(self, client: _Client, argument: int) -> tuple[int, int]:
        urb = _Urb(argument, list(URB.unpack(client.read(argument, URB.size))))
        if urb.fields[0] == CONTROL:
            self._control(client, urb)
            self._finish(urb)
        elif urb.endpoint & 0x80:
            self._pending.append(urb)
            self.pump()
        else:
            taken = self._device.out(urb.endpoint, client.read(urb.buffer, urb.length))
            urb.status, urb.actual = (0, urb.length) if taken else (-errno.EPIPE, 0)
            self._finish(urb)
        return 0, 0

    def _control(self, client: _Client, urb: _Urb) -> None:
        kind, request, value, index, length = struct.unpack("<BBHHH", client.read(urb.buffer, 8))
        inward = kind & 0x80
        given: bytes | int = length if inward or not length else client.read(urb.buffer + 8, length)
        answer = self._device.control(kind, request, value, index, given)
        if answer is None:
            urb.status = -errno.EPIPE
        elif isinstance(answer, bytes):
            urb.data, urb.data_at = answer[:length], 8
            urb.actual = len(urb.data)
        else:
            urb.actual = length

    def _discard(self, client: _Client, argument: int) -> tuple[int, int]:
        for urb in self._pending:
            if urb.address == argument:
                self._pending.remove(urb)
                urb.status = -errno.ENOENT
                self._finish(urb)
                return 0, 0
        return -1, errno.EINVAL

    def _reap(self, client: _Client, argument: int) -> tuple[int, int]:
        if not self._done:
            self._fill()
            return -1, errno.EAGAIN
        urb = self._done.pop(0)
        if urb.data:
            client.write(urb.buffer + urb.data_at, urb.data)
        urb.fields[2], urb.fields[6] = urb.status, urb.actual
        client.write(urb.address, URB.pack(*urb.fields))
        client.write(argument, struct.pack("=Q", urb.address))
        if not self._done and not self._gone:
            self._fill()
        return 0, 0

    def _finish(self, urb: _Urb) -> None:
        self._done.append(urb)
        self._empty()

    def _fill(self) -> None:
        if not self._full:
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(self._pipe, bytes(PAGE))
            self._full = True

    def _empty(self) -> None:
        if self._full:
            with contextlib.suppress(BlockingIOError):
                while os.read(self._pipe, 65536):
                    pass
            self._full = False


class _Client:
    """The memory of the process that made the call."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def read(self, address: int, count: int) -> bytes:
        self._connection.sendall(MESSAGE.pack(READ_MEMORY, address, count))
        return receive(self._connection, count)

    def write(self, address: int, data: bytes) -> None:
        self._connection.sendall(MESSAGE.pack(WRITE_MEMORY, address, len(data)) + data)

"""A pyusb backend over USB/IP: the device at the other end of a TCP connection, without libusb or kernel modules.

Layouts: Linux Documentation/usb/usbip_protocol.rst; bulk, interrupt and control transfers only.
"""

from __future__ import annotations

import array
import errno
import itertools
import socket
import struct
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import usb.backend
import usb.core

VERSION = 0x0111
REQ_IMPORT, REP_IMPORT = 0x8003, 0x0003
CMD_SUBMIT, CMD_UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
OPERATION = struct.Struct(">HHI")
BASIC = struct.Struct(">IIIII")
IMPORTED = 312
"""Bytes of the device description in the answer to an import."""
LARGEST = 1 << 20
"""Largest transfer in bytes that is taken from the other side."""
GRACE = 2.0
"""Seconds that the other side has to confirm an unlink."""
DEFAULT_TIMEOUT = 1000
"""Milliseconds, where pyusb asks for none."""

_DEVICE = (
    "bLength bDescriptorType bcdUSB bDeviceClass bDeviceSubClass bDeviceProtocol bMaxPacketSize0 idVendor idProduct "
    "bcdDevice iManufacturer iProduct iSerialNumber bNumConfigurations"
)
_CONFIGURATION = (
    "bLength bDescriptorType wTotalLength bNumInterfaces bConfigurationValue iConfiguration bmAttributes bMaxPower"
)
_INTERFACE = (
    "bLength bDescriptorType bInterfaceNumber bAlternateSetting bNumEndpoints bInterfaceClass bInterfaceSubClass "
    "bInterfaceProtocol iInterface"
)
_ENDPOINT = "bLength bDescriptorType bEndpointAddress bmAttributes wMaxPacketSize bInterval"


class UsbIpBackend(usb.backend.IBackend):  # type: ignore[misc]
    """Imports one device of a USB/IP server and offers it to pyusb. `close` lets it go.

    Raises usb.core.USBError: ENODEV when the device is taken, unknown or gone, ETIMEDOUT, EPIPE for a stall.
    """

    def __init__(self, host: str, port: int, bus_id: str, timeout: float = 5.0) -> None:
        super().__init__()
        self._sequence = itertools.count(1)
        self._lock = threading.RLock()
        self._connection = socket.create_connection((host, port), timeout=timeout)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._import(bus_id)
            self._device = self._descriptor(1, 18)
            total = struct.unpack_from("<H", self._descriptor(2, 9), 2)[0]
            self._configuration = self._descriptor(2, total)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the device go; safe to call twice."""
        self._connection.close()

    # What pyusb asks of a backend (usb.backend.IBackend).

    def enumerate_devices(self) -> Iterator[UsbIpBackend]:
        yield self

    def get_device_descriptor(self, dev: Any) -> SimpleNamespace:
        found = _named(_DEVICE, "<BBHBBBBHHHBBBB", self._device)
        found.bus, found.address, found.speed = self._bus, self._number, self._speed
        found.port_number, found.port_numbers = 1, (1,)
        return found

    def get_configuration_descriptor(self, dev: Any, config: int) -> SimpleNamespace:
        if config:
            raise IndexError(config)
        return _named(_CONFIGURATION, "<BBHBBBBB", self._configuration[:9])

    def get_interface_descriptor(self, dev: Any, intf: int, alt: int, config: int) -> SimpleNamespace:
        if config or alt:
            raise IndexError(alt)
        return _named(_INTERFACE, "<9B", self._parts(4)[intf])

    def get_endpoint_descriptor(self, dev: Any, ep: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        found = _named(_ENDPOINT, "<BBBBHB", self._parts(5, interface=intf)[ep][:7])
        found.bRefresh = found.bSynchAddress = 0
        return found

    def open_device(self, dev: Any) -> UsbIpBackend:
        return self

    def close_device(self, dev_handle: Any) -> None:
        """Nothing: the import ends with `close`."""

    def set_configuration(self, dev_handle: Any, config_value: int) -> None:
        self._transfer(0, 0, 0, struct.pack("<BBHHH", 0, 9, config_value, 0, 0))

    def get_configuration(self, dev_handle: Any) -> int:
        return self._transfer(0, 1, 1, struct.pack("<BBHHH", 0x80, 8, 0, 0, 1))[0]

    def claim_interface(self, dev_handle: Any, intf: int) -> None:
        """Nothing: the import is exclusive."""

    def release_interface(self, dev_handle: Any, intf: int) -> None:
        """Nothing, as for claim_interface."""

    def clear_halt(self, dev_handle: Any, ep: int) -> None:
        self._transfer(0, 0, 0, struct.pack("<BBHHH", 2, 1, 0, ep, 0))

    def is_kernel_driver_active(self, dev_handle: Any, intf: int) -> bool:
        return False

    def ctrl_transfer(
        self,
        dev_handle: Any,
        bmRequestType: int,  # noqa: N803 - pyusb's name
        bRequest: int,  # noqa: N803
        wValue: int,  # noqa: N803
        wIndex: int,  # noqa: N803
        data: array.array[int],
        timeout: int,
    ) -> int:
        setup = struct.pack("<BBHHH", bmRequestType, bRequest, wValue, wIndex, len(data))
        if bmRequestType & 0x80:
            return _fill(data, self._transfer(0, 1, len(data), setup, timeout=timeout))
        self._transfer(0, 0, len(data), setup, data.tobytes(), timeout)
        return len(data)

    def bulk_write(self, dev_handle: Any, ep: int, intf: int, data: array.array[int], timeout: int) -> int:
        self._transfer(ep & 15, 0, len(data), data=data.tobytes(), timeout=timeout)
        return len(data)

    def bulk_read(self, dev_handle: Any, ep: int, intf: int, buff: array.array[int], timeout: int) -> int:
        return _fill(buff, self._transfer(ep & 15, 1, len(buff), timeout=timeout))

    intr_write = bulk_write
    intr_read = bulk_read

    # The wire.

    def _import(self, bus_id: str) -> None:
        name = bus_id.encode()[:31].ljust(32, b"\0")
        self._connection.sendall(OPERATION.pack(VERSION, REQ_IMPORT, 0) + name)
        _, code, status = OPERATION.unpack(self._receive(OPERATION.size))
        if code != REP_IMPORT or status:
            raise usb.core.USBError(f"device {bus_id} is not offered, or is taken", -4, errno.ENODEV)
        self._bus, self._number, self._speed = struct.unpack_from(">III", self._receive(IMPORTED), 288)

    def _transfer(
        self, endpoint: int, inward: int, length: int, setup: bytes = bytes(8), data: bytes = b"", timeout: int = 0
    ) -> bytes:
        """Submit a transfer and wait for its end; a timeout unlinks it, so that its data cannot come later."""
        with self._lock:
            sequence = next(self._sequence)
            head = BASIC.pack(CMD_SUBMIT, sequence, self._bus << 16 | self._number, inward, endpoint)
            self._send(head + struct.pack(">IiiiI", 0, length, 0, 0, 0) + setup + data)
            self._connection.settimeout((timeout or DEFAULT_TIMEOUT) / 1000)
            try:
                return self._result(sequence, inward)
            except TimeoutError:
                return self._unlink(sequence, inward)

    def _result(self, sequence: int, inward: int) -> bytes:
        command, answered, status, data = self._return(inward)
        if (command, answered) != (RET_SUBMIT, sequence):
            raise self._gone("the server answered another transfer")
        if status == -errno.EPIPE:
            raise usb.core.USBError("Pipe error", -9, errno.EPIPE)
        if status:
            raise usb.core.USBError("Input/output error", -1, -status)
        return data

    def _unlink(self, victim: int, inward: int) -> bytes:
        """Take a transfer back; when it ended meanwhile, return its data after all."""
        sequence = next(self._sequence)
        head = BASIC.pack(CMD_UNLINK, sequence, self._bus << 16 | self._number, 0, 0)
        self._send(head + struct.pack(">I24x", victim))
        self._connection.settimeout(GRACE)
        data: bytes | None = None
        try:
            while True:
                command, answered, status, given = self._return(inward)
                if (command, answered) == (RET_UNLINK, sequence):
                    break
                if (command, answered, status) == (RET_SUBMIT, victim, 0):
                    data = given
        except TimeoutError:
            raise self._gone("the server does not confirm an unlink") from None
        if data is not None:
            return data
        raise usb.core.USBTimeoutError("Operation timed out", -7, errno.ETIMEDOUT)

    def _return(self, inward: int) -> tuple[int, int, int, bytes]:
        """Return command, sequence number, status and data of the server's next message."""
        head = self._receive(48)
        command, sequence = struct.unpack_from(">II", head)
        status, actual = struct.unpack_from(">ii", head, BASIC.size)
        data = b""
        if command == RET_SUBMIT and inward and actual > 0:
            if actual > LARGEST:
                raise self._gone("the server announces too much data")
            data = self._receive(actual)
        return command, sequence, status, data

    def _send(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except OSError as error:
            raise self._gone(str(error)) from error

    def _receive(self, count: int) -> bytes:
        """Return exactly `count` bytes. A timeout between messages is a TimeoutError; within one the link is lost."""
        parts = bytearray()
        while len(parts) < count:
            try:
                part = self._connection.recv(count - len(parts))
            except TimeoutError:
                if parts or count != 48:
                    raise self._gone("the server stopped within a message") from None
                raise
            except OSError as error:
                raise self._gone(str(error)) from error
            if not part:
                raise self._gone("the server closed the connection")
            parts += part
        return bytes(parts)

    def _gone(self, why: str) -> usb.core.USBError:
        self.close()
        return usb.core.USBError(f"No such device ({why})", -4, errno.ENODEV)

    # Descriptors.

    def _descriptor(self, kind: int, length: int) -> bytes:
        return self._transfer(0, 1, length, struct.pack("<BBHHH", 0x80, 6, kind << 8, 0, length))

    def _parts(self, kind: int, interface: int | None = None) -> list[bytes]:
        """Return the descriptors of `kind` within the configuration, of one interface if given."""
        found, offset, current = [], 0, -1
        while offset + 2 <= len(self._configuration) and (length := self._configuration[offset]) >= 2:
            part = self._configuration[offset : offset + length]
            current += part[1] == 4
            if part[1] == kind and interface in (None, current):
                found.append(part)
            offset += length
        return found


def _named(names: str, layout: str, data: bytes) -> SimpleNamespace:
    fields = dict(zip(names.split(), struct.unpack(layout, data), strict=True))
    return SimpleNamespace(**fields, extra_descriptors=[], extralen=0)


def _fill(buffer: array.array[int], data: bytes) -> int:
    buffer[: len(data)] = array.array("B", data)
    return len(data)

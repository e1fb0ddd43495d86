"""A simulated USB device as a model without transport: descriptors, standard requests, one vendor interface."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

GET_STATUS, CLEAR_FEATURE, GET_DESCRIPTOR, GET_CONFIGURATION, SET_CONFIGURATION, SET_INTERFACE = 0, 1, 6, 8, 9, 11
DEVICE, CONFIGURATION, STRING = 1, 2, 3
FULL_SPEED = 2


@dataclass(frozen=True)
class Endpoint:
    """`address` with bit 7 set for IN; `kind` 2 is bulk, 3 interrupt."""

    address: int
    kind: int = 2
    size: int = 64
    interval: int = 0

    def packed(self) -> bytes:
        return struct.pack("<BBBBHB", 7, 5, self.address, self.kind, self.size, self.interval)


@dataclass(frozen=True)
class Interface:
    """Class triple and endpoints of the device's only interface."""

    triple: tuple[int, int, int]
    endpoints: tuple[Endpoint, ...]

    def packed(self) -> bytes:
        head = struct.pack("<9B", 9, 4, 0, 0, len(self.endpoints), *self.triple, 0)
        return head + b"".join(each.packed() for each in self.endpoints)


class UsbDevice:
    """What every door needs: `control`, `out` and `in_`, and `on_data` to be told that an IN endpoint has something.

    Subclasses add vendor requests in `vendor` and their endpoints' behaviour in `out`; they `push` IN data.
    """

    def __init__(self, vendor: int, product: int, release: int, strings: Sequence[str], interface: Interface) -> None:
        self.vendor, self.product, self.release, self.interface = vendor, product, release, interface
        self._strings = tuple(strings)
        self._lock = threading.RLock()
        self._queues: dict[int, list[bytes]] = {each.address: [] for each in interface.endpoints}
        self.on_data: Callable[[], None] = lambda: None
        self.device_descriptor = struct.pack(
            "<BBHBBBBHHHBBBB", 18, 1, 0x0200, 0, 0, 0, 64, vendor, product, release, 1, 2, 3, 1
        )
        body = interface.packed()
        self.configuration = struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), 1, 1, 0, 0x80, 50) + body

    def control(self, kind: int, request: int, value: int, index: int, data: bytes | int) -> bytes | int | None:
        """Carry out a control transfer; `data` is what was sent, or the length asked for. None is a stall."""
        if kind & 0x60 == 0x40:
            return self.vendor_request(kind, request, value, index, data)
        if kind == 0x80 and request == GET_DESCRIPTOR:
            return self._descriptor(value >> 8, value & 0xFF)
        if kind & 0x80 and request == GET_CONFIGURATION:
            return b"\x01"
        if kind & 0x80 and request == GET_STATUS:
            return b"\x00\x00"
        if kind in (0, 1, 2) and request in (CLEAR_FEATURE, SET_CONFIGURATION, SET_INTERFACE):
            return 0
        return None

    def vendor_request(self, kind: int, request: int, value: int, index: int, data: bytes | int) -> bytes | int | None:
        """Carry out a request of the vendor's own; None is a stall."""
        return None

    def out(self, endpoint: int, data: bytes) -> bool:
        """Take `data` on an OUT endpoint (number without direction); False is a stall."""
        return False

    def in_(self, endpoint: int, length: int) -> bytes | None:
        """Return up to `length` bytes of IN `endpoint` (address with bit 7), or None while there are none."""
        with self._lock:
            queue = self._queues.get(endpoint)
            if not queue:
                return None
            data = queue.pop(0)
            if len(data) > length:
                queue.insert(0, data[length:])
            return data[:length]

    def push(self, endpoint: int, data: bytes) -> None:
        """Offer `data` on IN `endpoint`."""
        with self._lock:
            self._queues[endpoint].append(data)
        self.on_data()

    def flush(self) -> None:
        """Throw away what no host has read."""
        with self._lock:
            for queue in self._queues.values():
                queue.clear()

    def _descriptor(self, kind: int, index: int) -> bytes | None:
        if kind == DEVICE:
            return self.device_descriptor
        if kind == CONFIGURATION and index == 0:
            return self.configuration
        if kind == STRING and index == 0:
            return b"\x04\x03\x09\x04"
        if kind == STRING and index <= len(self._strings):
            text = self._strings[index - 1].encode("utf-16le")
            return bytes([len(text) + 2, 3]) + text
        return None

"""The simulated USB lux meter: a vendor-class device whose readings carry the request's tag and a checksum."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.instruments.usb_device import Endpoint, Interface, UsbDevice
from pytest_conformance.simulation.instruments.usbfs import UsbFsDoor
from pytest_conformance.simulation.instruments.usbip import UsbIpDoor
from pytest_conformance.simulation.world import World

VENDOR, PRODUCT, RELEASE = 0x1209, 0x0001, 0x0104
SERIAL = "SX7007"
REQUEST = struct.Struct("<2sBBI")
READING = struct.Struct("<2sBBIf")
MEASURE = 1
INTEGRATION = 0.002
"""Seconds of the world that a measurement takes."""
FULL_SCALE = 20_000.0
"""Lux; above it the reading carries the over-range flag."""
OVER_RANGE, CAP_ON, BATTERY_LOW = 1, 2, 4
STATUS, ABORT = 1, 2


class LuxMeter(UsbDevice):
    """Bulk OUT 1 takes requests `"LX" 1 op tag`; bulk IN 1 gives `"LX" 1 flags tag lux crc32`, little endian.

    Vendor control requests: 1 (IN) status, two bytes of flags and two of count; 2 (OUT) abort and forget.
    """

    def __init__(self, world: World) -> None:
        interface = Interface((0xFF, 0, 0), (Endpoint(0x01), Endpoint(0x81)))
        super().__init__(VENDOR, PRODUCT, RELEASE, ("Simulated Instruments", "SIM-LUX1", SERIAL), interface)
        self._world = world
        self.flags = 0
        """Faults: CAP_ON, BATTERY_LOW."""
        self.corrupt = False
        """Fault: readings leave with a wrong checksum."""
        self.silent = False
        """Fault: requests are taken and never answered."""
        self.readings: list[float] = []

    def vendor_request(self, kind: int, request: int, value: int, index: int, data: bytes | int) -> bytes | int | None:
        if kind == 0xC0 and request == STATUS:
            return struct.pack("<HH", self.flags, len(self.readings) & 0xFFFF)
        if kind == 0x40 and request == ABORT:
            self.flush()
            return 0
        return None

    def out(self, endpoint: int, data: bytes) -> bool:
        if endpoint != 1 or len(data) != REQUEST.size:
            return False
        magic, version, operation, tag = REQUEST.unpack(data)
        if (magic, version, operation) != (b"LX", 1, MEASURE):
            return False
        if not self.silent:
            self._world.timeline.call_later(INTEGRATION, lambda: self._finish(tag))
        return True

    def _finish(self, tag: int) -> None:
        lux = 0.0 if self.flags & CAP_ON else self._world.lux.value
        flags = self.flags | (OVER_RANGE if lux > FULL_SCALE else 0)
        self.readings.append(lux)
        body = READING.pack(b"LX", 1, flags, tag, min(lux, FULL_SCALE))
        checksum = zlib.crc32(body) ^ (1 if self.corrupt else 0)
        self.push(0x81, body + struct.pack("<I", checksum))


class Lux:
    """Far end `lux`: the meter behind its door: USB/IP, or usbfs when the client was started under umockdev."""

    name = "lux"

    def __init__(self, world: World, usbfs: Path | None = None) -> None:
        self.meter = LuxMeter(world)
        root = usbfs or mocked_root()
        self.door = UsbIpDoor(self.name, self.meter) if root is None else UsbFsDoor(root, self.meter, SERIAL)

    def start(self) -> Mapping[str, Json]:
        return {"address": self.door.open()}

    def stop(self) -> None:
        self.kill()

    def kill(self) -> None:
        self.door.close()

    def seen(self) -> Json:
        return {"readings": list(self.meter.readings)}


def mocked_root() -> Path | None:
    """Return the folder where umockdev's preload library looks for devices, when this process tree runs under it."""
    root = os.environ.get("UMOCKDEV_DIR", "")
    preloaded = "umockdev-preload" in os.environ.get("LD_PRELOAD", "")
    return Path(root) if root and preloaded and not (Path(root) / "sys/devices/usb1").exists() else None

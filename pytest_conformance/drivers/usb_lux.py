"""Driver `usb-lux`: a lux meter on USB, through libusb, or over USB/IP where the address says so."""

from __future__ import annotations

import contextlib
import errno
import re
import struct
import zlib
from itertools import count
from typing import Any

import usb.core
import usb.util

from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.readings import shown
from pytest_conformance.drivers.roles import Identity
from pytest_conformance.drivers.settings import DriverSettings
from pytest_conformance.drivers.usbip import UsbIpBackend
from pytest_conformance.errors import BenchError, InstrumentError, LinkError, UsageError
from pytest_conformance.quantities import Duration, Lux

REQUEST = struct.Struct("<2sBBI")
READING = struct.Struct("<2sBBIf")
MEASURE, STATUS, ABORT = 1, 1, 2
OVER_RANGE, CAP_ON, BATTERY_LOW = 1, 2, 4
OUT, IN, PACKET = 0x01, 0x81, 64
_USB = re.compile(r"usb://([0-9a-fA-F]{4}):([0-9a-fA-F]{4})(?:/(.{1,126}))?", re.ASCII)
_USBIP = re.compile(r"usbip://([^/:]{1,253}):(\d{1,5})/([\w.-]{1,31})", re.ASCII)


class LuxSettings(DriverSettings):
    """Settings of `usb-lux`."""

    address: str
    """`usb://VVVV:PPPP[/SERIAL]` (libusb) or `usbip://HOST:PORT/BUSID`."""
    timeout: Duration = 2.0
    max_lux: Lux = 200_000.0
    """Largest reading that is believed; full sunlight is about 100 000 lx."""
    expect_serial: str = ""


class UsbLux:
    """Takes readings: request `"LX" 1 op tag`, answer `"LX" 1 flags tag lux crc32` (little endian).

    A reading counts only with the tag of its own request and the right checksum.
    """

    Settings = LuxSettings

    def __init__(self, device: Any, backend: UsbIpBackend | None, settings: LuxSettings, where: str) -> None:
        self._device = device
        self._backend = backend
        self._settings = settings
        self._where = where
        self._tags = count(1)
        self.door = "libusb" if backend is None else "usbip"

    @classmethod
    def open(cls, settings: LuxSettings, context: DriverContext) -> UsbLux:
        """Open the meter; raises UsageError USE-USB-001, LinkError BEN-LNK-121, 122 or InstrumentError."""
        where = f"{context.role} at {settings.address}"
        backend: UsbIpBackend | None = None
        if remote := _USBIP.fullmatch(settings.address):
            backend = _attach(remote, where, settings.timeout)
            device = usb.core.find(backend=backend)
        elif local := _USB.fullmatch(settings.address):
            device = _find(local, where)
        else:
            raise UsageError(
                "USE-USB-001",
                f"{shown(settings.address, 200)} is not a USB address",
                where=where,
                expected="usb://VVVV:PPPP[/SERIAL] or usbip://HOST:PORT/BUSID",
                todo="correct the address in the bench file",
            )
        meter = cls(device, backend, settings, where)
        try:
            meter._prepare()
        except BaseException:
            meter.close()
            raise
        return meter

    def identity(self) -> Identity:
        """Ask the meter who it is, from its USB strings; InstrumentError BEN-INS-103 when it is another one."""
        try:
            descriptor = self._device
            texts = [
                usb.util.get_string(self._device, index) or ""
                for index in (descriptor.iManufacturer, descriptor.iProduct, descriptor.iSerialNumber)
            ]
        except (usb.core.USBError, ValueError, UnicodeDecodeError) as error:
            raise self._failed("reading its strings", error) from error
        if self._settings.expect_serial and texts[2] != self._settings.expect_serial:
            raise InstrumentError(
                "BEN-INS-103",
                f"another instrument answers: serial number {shown(texts[2])}",
                where=self._where,
                expected=shown(self._settings.expect_serial),
                todo="connect the right instrument, or correct expect_serial in the bench file",
            )
        release = int(descriptor.bcdDevice)
        return Identity(texts[0], texts[1], texts[2], f"{release >> 8:x}.{release & 0xFF:02x}")

    def lux(self) -> float:
        """Measure illuminance, lx.

        Raises InstrumentError: BEN-INS-101 no answer, BEN-INS-105 over range, BEN-INS-150 damaged or of another
        request, BEN-INS-151 cap on or battery low; LinkError BEN-LNK-122 when the meter is gone.
        """
        for attempt in range(2):
            try:
                return self._measure()
            except usb.core.USBTimeoutError:
                self._abort()
                if attempt:
                    break
            except usb.core.USBError as error:
                raise self._failed("measuring", error) from error
        raise InstrumentError(
            "BEN-INS-101",
            "no reading, even after an abort and a second try",
            where=self._where,
            expected=f"a reading within {self._settings.timeout:g} s",
            todo="unplug the meter and plug it in again",
        )

    def check(self) -> list[str]:
        """Return findings: cap on, battery low, no answer."""
        try:
            raw = bytes(self._device.ctrl_transfer(0xC0, STATUS, 0, 0, 4, timeout=self._milliseconds))
            if len(raw) != 4:
                return [f"its status has {len(raw)} bytes, not 4"]
            flags = raw[0]
        except (usb.core.USBError, BenchError) as error:
            return [str(error)]
        return [text for bit, text in ((CAP_ON, "the cap is on"), (BATTERY_LOW, "the battery is low")) if flags & bit]

    def close(self) -> None:
        """Let the meter go; safe to call twice."""
        if self._device is not None:
            with contextlib.suppress(usb.core.USBError, OSError):
                usb.util.dispose_resources(self._device)
            self._device = None
        if self._backend is not None:
            self._backend.close()

    @property
    def _milliseconds(self) -> int:
        return int(self._settings.timeout * 1000)

    def _prepare(self) -> None:
        try:
            if self._backend is None and self._device.is_kernel_driver_active(0):
                self._device.detach_kernel_driver(0)
        except (NotImplementedError, usb.core.USBError):
            pass  # some platforms cannot say; claiming tells
        try:
            self._device.set_configuration()
            usb.util.claim_interface(self._device, 0)
        except usb.core.USBError as error:
            raise self._failed("taking it", error) from error
        self._abort()
        self.identity()

    def _measure(self) -> float:
        tag = next(self._tags)
        self._device.write(OUT, REQUEST.pack(b"LX", 1, MEASURE, tag), timeout=self._milliseconds)
        raw = bytes(self._device.read(IN, PACKET, timeout=self._milliseconds))
        while _is_late(raw, tag):
            raw = bytes(self._device.read(IN, PACKET, timeout=self._milliseconds))
        flags, lux = self._checked(raw, tag)
        if flags & OVER_RANGE or not 0 <= lux <= self._settings.max_lux:
            raise InstrumentError(
                "BEN-INS-105",
                f"the meter is over its range ({lux:g} lx)",
                where=self._where,
                expected=f"0 to {self._settings.max_lux:g} lx",
                todo="choose another range, or move the sensor out of the direct beam",
            )
        if flags & (CAP_ON | BATTERY_LOW):
            raise InstrumentError(
                "BEN-INS-151",
                "the cap is on the sensor" if flags & CAP_ON else "the meter's battery is low",
                where=self._where,
                expected="an open sensor and a good battery",
                todo="take the cap off" if flags & CAP_ON else "change the battery",
            )
        return float(lux)

    def _checked(self, raw: bytes, tag: int) -> tuple[int, float]:
        """Return flags and lux of the reading `raw`; InstrumentError BEN-INS-150 when it is not the one asked for."""
        read = _unpacked(raw)
        if read is not None and read[1] == tag:
            return read[0], read[2]
        self._abort()
        raise InstrumentError(
            "BEN-INS-150",
            f"the reading {raw[:32].hex()} is damaged or answers another request",
            where=self._where,
            expected=f"{READING.size + 4} bytes with tag {tag} and the right checksum",
            todo="check cable and hub; void the trial",
        )

    def _abort(self) -> None:
        """Make the meter forget what was asked, and throw away what it had ready."""
        try:
            self._device.ctrl_transfer(0x40, ABORT, 0, 0, None, timeout=self._milliseconds)
        except usb.core.USBError as error:
            raise self._failed("aborting", error) from error

    def _failed(self, doing: str, error: Exception) -> BenchError:
        number = getattr(error, "errno", None)
        if number in (errno.ENODEV, errno.ENOENT, errno.ESHUTDOWN, errno.EIO):
            return LinkError(
                "BEN-LNK-122",
                f"the meter went away while {doing} ({shown(str(error), 200)})",
                where=self._where,
                expected="a meter that stays for the whole run",
                todo="check cable and hub",
            )
        return InstrumentError(
            "BEN-INS-152",
            f"the meter failed while {doing} ({shown(str(error), 200)})",
            where=self._where,
            expected="a transfer without error",
            todo="give this user access to the device (udev rule)" if number == errno.EACCES else "plug it in again",
        )


def _attach(address: re.Match[str], where: str, timeout: float) -> UsbIpBackend:
    try:
        return UsbIpBackend(address[1], int(address[2]), address[3], timeout)
    except (OSError, OverflowError) as error:  # usb.core.USBError is an OSError
        raise LinkError(
            "BEN-LNK-121",
            f"the meter cannot be attached over USB/IP ({shown(str(error), 200)})",
            where=where,
            expected="a USB/IP server that offers the device and has not given it away",
            todo="check the address and who else holds the device",
        ) from error


def _find(address: re.Match[str], where: str) -> Any:
    """Return the one USB device with this vendor, product and serial number; by serial number, never by port alone."""
    import usb.backend.libusb1

    if (backend := usb.backend.libusb1.get_backend()) is None:
        raise LinkError(
            "BEN-LNK-123", "libusb is not installed", where=where, expected="libusb-1.0", todo="install libusb-1.0-0"
        )
    found = list(
        usb.core.find(find_all=True, backend=backend, idVendor=int(address[1], 16), idProduct=int(address[2], 16))
    )
    if address[3]:
        found = [each for each in found if _serial(each) == address[3]]
    if len(found) == 1:
        return found[0]
    raise LinkError(
        "BEN-LNK-121",
        f"{len(found)} USB devices fit {address[0]}" if found else f"no USB device fits {address[0]}",
        where=where,
        expected="exactly one",
        todo="give the serial number after a slash: usb://VVVV:PPPP/SERIAL" if found else "plug the meter in",
    )


def _serial(device: Any) -> str:
    with contextlib.suppress(usb.core.USBError, ValueError):
        return str(device.serial_number or "")
    return ""


def _unpacked(raw: bytes) -> tuple[int, int, float] | None:
    """Return flags, tag and lux of a reading; None when it is damaged."""
    size = READING.size
    if len(raw) != size + 4 or int.from_bytes(raw[size:], "little") != zlib.crc32(raw[:size]):
        return None
    magic, version, flags, answered, lux = READING.unpack(raw[:size])
    return (flags, answered, lux) if (magic, version) == (b"LX", 1) else None


def _is_late(raw: bytes, tag: int) -> bool:
    """Tell whether a whole reading answers an earlier request: one that timed out and was given up."""
    read = _unpacked(raw)
    return read is not None and 0 < read[1] < tag

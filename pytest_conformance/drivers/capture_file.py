"""Driver `capture-file`: captures that a router, a phone or an interceptor makes and leaves in a folder."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import ClassVar

from pytest_conformance.apart import WorkDiedError, apart
from pytest_conformance.clock import Clock
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.roles import CaptureFile, Identity
from pytest_conformance.drivers.settings import DriverSettings
from pytest_conformance.errors import InstrumentError, UsageError
from pytest_conformance.quantities import Duration

PACKETS = (".pcapng", ".pcap", ".pcapng.gz", ".pcap.gz")
EXCHANGES = (".har", ".flows", ".mitm")
"""Recordings without packets: HAR, and the flow files of mitmproxy."""
_SETTLED = 1.0
"""Seconds for which a file must not have grown to count as finished."""


class CaptureFileSettings(DriverSettings):
    """Settings of `capture-file`. Clocks of whoever captures and of the bench must agree: there are no markers."""

    folder: Path
    """Where the captures appear, each named as its span, for example `enrolment.pcapng` or `enrolment.har`."""
    within: Duration = 60.0
    """Time after the end of a span in which its file must be there and finished."""
    device_macs: tuple[str, ...] = ()
    device_addresses: tuple[str, ...] = ()
    phone_addresses: tuple[str, ...] = ()
    local_networks: tuple[str, ...] = ()


class CaptureFileDriver:
    """Waits for each span's file; takes none that is older than the span, and none that still grows."""

    Settings: ClassVar[type[CaptureFileSettings]] = CaptureFileSettings
    door = "file"

    def __init__(self, settings: CaptureFileSettings, context: DriverContext) -> None:
        self._settings = settings
        self._clock: Clock = context.clock
        self._folder = context.folder
        self._role = context.role
        self._name = ""
        self._began = 0.0
        self._marks: list[tuple[str, int, float]] = []

    @classmethod
    def open(cls, settings: CaptureFileSettings, context: DriverContext) -> CaptureFileDriver:
        """Check the folder. Raises UsageError USE-TAP-003 when it is not there."""
        if not settings.folder.is_dir():
            raise UsageError(
                "USE-TAP-003",
                f"the folder of the captures is not there: {settings.folder}",
                where=context.role,
                expected="a folder into which each capture is written or moved",
            )
        return cls(settings, context)

    def identity(self) -> Identity:
        return Identity("bench", "captures made elsewhere", str(self._settings.folder), "")

    def close(self) -> None:
        """Nothing runs here; safe to call twice."""

    def start(self, name: str) -> None:
        """Begin the span `name`. Raises InstrumentError BEN-CAP-010 when one is under way."""
        if self._name:
            raise InstrumentError("BEN-CAP-010", f"a capture is running already: {self._name}", where=self._role)
        self._name = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:80] or "capture"
        self._began, self._marks = time.time(), []
        self.mark("capture starts")

    def mark(self, event: str) -> None:
        """Keep the bench and wall time of `event`."""
        self._running()
        self._marks.append((event, self._clock.now(), time.time()))

    def stop(self) -> CaptureFile:
        """End the span and return its file, copied into the run's folder.

        Raises InstrumentError BEN-CAP-013 when no file of this span is there in time, BEN-CAP-014 when it is none.
        """
        name = self._running()
        self.mark("capture ends")
        self._name = ""
        found = self._clock.wait_for(lambda: self._finished(name), self._settings.within)
        if found is None:
            raise InstrumentError(
                "BEN-CAP-013",
                f"no capture of {name!r} appeared within {self._settings.within:g} s",
                where=f"{self._role}: {self._settings.folder}",
                expected=f"{name} with one of {', '.join((*PACKETS, *EXCHANGES))}, written since the span began",
                todo="start and stop whatever captures with the run, and name its file as the span",
            )
        copy = self._folder.resolve() / found.name
        shutil.copyfile(found, copy)
        packets, dropped = self._counted(copy)
        own = self._settings
        who = (own.device_macs, own.device_addresses, own.phone_addresses, own.local_networks)
        return CaptureFile(copy, self.door, dropped, packets, tuple(self._marks), *who)

    def _running(self) -> str:
        if not self._name:
            raise InstrumentError("BEN-CAP-011", "no capture is running", where=self._role, todo="start one first")
        return self._name

    def _finished(self, name: str) -> Path | None:
        for ending in (*PACKETS, *EXCHANGES):
            path = self._settings.folder / f"{name}{ending}"
            if path.is_file() and self._began <= path.stat().st_mtime <= time.time() - _SETTLED:
                return path
        return None

    def _counted(self, path: Path) -> tuple[int, int]:
        """Return packets and losses that the file itself tells of, counted in a child: a stranger's file is read."""
        try:
            return apart(counted, path)
        except UsageError as error:
            raise InstrumentError(
                "BEN-CAP-014", f"the capture cannot be read: {error.what}", where=str(path), expected=error.expected
            ) from error
        except WorkDiedError as error:
            raise InstrumentError("BEN-CAP-014", f"the capture cannot be read: {error}", where=str(path)) from error


def counted(path: Path) -> tuple[int, int]:
    """Return packets and losses of a capture; of a recording without packets its exchanges. Raises UsageError."""
    from pytest_conformance.analysis.traffic import Context, inspect
    from pytest_conformance.analysis.traffic.capture import Capture

    if path.name.endswith(EXCHANGES):
        return len(inspect([path], Context()).flows), 0
    capture = Capture(path)
    try:
        return sum(1 for _ in capture.packets()), capture.dropped
    finally:
        capture.close()

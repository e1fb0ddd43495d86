"""Driver `capture`: the device's packets as a pcapng file, through whichever tap the settings name."""

from __future__ import annotations

import json
import mmap
import os
import re
import time
from pathlib import Path
from typing import ClassVar

from pytest_conformance.clock import Clock
from pytest_conformance.drivers.capture_taps import DumpcapTap, RelayTap, Tap
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.roles import CaptureFile, Identity
from pytest_conformance.drivers.settings import DriverSettings
from pytest_conformance.errors import InstrumentError, LinkError, UsageError

MARKER = b"conformance-mark "
"""Marker datagrams begin with this; a JSON object {"run", "n", "label", "bench_ns"} follows."""

_LONGEST_LABEL = 400
_SEEN_WITHIN = 8.0
_AGAIN_AFTER = 0.2


class CaptureSettings(DriverSettings):
    """Settings of `capture`.

    `address` "namespace:NAME" or "relay:HOST:PORT" is what the mock bench gives; a laboratory gives `interface`
    alone, the port on which the device's segment passes (a mirror port, or the access point's own interface).
    """

    address: str = ""
    interface: str = ""
    marker: str = "255.255.255.255:9"
    """Where marker datagrams go: an address that is reached through `interface`, and a port nobody listens on."""
    device_macs: tuple[str, ...] = ()
    """Under which MAC addresses the device appears in the segment."""
    device_addresses: tuple[str, ...] = ()
    phone_addresses: tuple[str, ...] = ()


class CaptureDriver:
    """Records packets; knows that it really records, and that nothing is left in a buffer when it stops."""

    Settings: ClassVar[type[CaptureSettings]] = CaptureSettings

    def __init__(self, tap: Tap, settings: CaptureSettings, context: DriverContext) -> None:
        self._tap = tap
        self._settings = settings
        self._clock: Clock = context.clock
        self._folder = context.folder
        self._role = context.role
        self._path: Path | None = None
        self._marks: list[tuple[str, int, float]] = []
        self._run = os.urandom(6).hex()
        self._count = 0
        self._first = b""
        self._proven = False
        self.door = tap.door

    @classmethod
    def open(cls, settings: CaptureSettings, context: DriverContext) -> CaptureDriver:
        """Open the tap that `settings` names. Raises UsageError, InstrumentError or LinkError."""
        return cls(_tap(settings, context.role), settings, context)

    def identity(self) -> Identity:
        """Return what captures; raises LinkError when a process that must always run is gone."""
        if isinstance(self._tap, RelayTap):
            self._require_alive()
        return Identity("bench", self._tap.model, self.door, "")

    def close(self) -> None:
        """End a capture that still runs, without a result; safe to call twice."""
        self._path = None
        self._tap.close()

    def start(self, name: str) -> None:
        """Begin a capture in the run's folder and return when packets are being recorded.

        The first one waits until a marker was read back from the file; later ones are known to have begun by the
        tap's own word, and `stop` looks for their marker. Raises InstrumentError when one is running or recording
        does not begin, LinkError when the tap is gone.
        """
        if self._path is not None:
            raise InstrumentError("BEN-CAP-010", f"a capture is running already: {self._path.name}", where=self._role)
        self._marks = []
        path = self._free_path(name)
        self._tap.start(path)
        self._path = path
        try:
            self._first = self._payload("capture probe", keep=False)
            if self._proven:
                self._tap.send(self._first)
            else:
                self._send_until_seen(self._first)
                self._proven = True
            self.mark("capture starts")
        except (InstrumentError, LinkError):
            self._path = None
            raise

    def mark(self, event: str) -> None:
        """Send one marker datagram for `event` into the segment, and keep its bench and wall time."""
        self._running()
        self._require_alive()
        self._tap.send(self._payload(event))

    def stop(self) -> CaptureFile:
        """End the capture once everything up to now is in its file.

        Raises LinkError when the tap died while it ran, InstrumentError when its end never reached the file.
        """
        path = self._running()
        try:
            self._require_alive()
            self._send_until_seen(self._payload("capture ends"))
            if not _holds(path, self._first):
                raise self._unmarked("the marker of its beginning is not in the capture")
            packets, dropped = self._tap.stop()
        finally:
            self._path = None
        return CaptureFile(
            path,
            self.door,
            dropped,
            packets,
            tuple(self._marks),
            self._settings.device_macs,
            self._settings.device_addresses,
            self._settings.phone_addresses,
        )

    def _running(self) -> Path:
        if self._path is None:
            raise InstrumentError(
                "BEN-CAP-011", "no capture is running", where=self._role, todo="start one first: capture.start(name)"
            )
        return self._path

    def _require_alive(self) -> None:
        if not self._tap.alive():
            words = self._tap.complaint().strip().splitlines()
            raise LinkError(
                "BEN-CAP-003",
                f"the capture died{': ' + words[-1] if words else ''}",
                where=f"{self._role} ({self.door})",
                expected="recording from start to stop",
                todo="repeat the run; what was sent since is not known",
            )

    def _payload(self, label: str, *, keep: bool = True) -> bytes:
        self._count += 1
        bench, wall = self._clock.now(), time.time()
        if keep:
            self._marks.append((label, bench, wall))
        content = {"run": self._run, "n": self._count, "label": label[:_LONGEST_LABEL], "bench_ns": bench}
        return MARKER + json.dumps(content).encode()

    def _send_until_seen(self, payload: bytes) -> None:
        """Send one and the same marker, again and again, until it is read back from the file."""
        path = self._running()
        tail = _Tail(path, payload)
        with self._clock.realtime():
            deadline = time.monotonic() + _SEEN_WITHIN
            while time.monotonic() < deadline:
                self._require_alive()
                self._tap.send(payload)
                if self._clock.wait_for(tail.seen, _AGAIN_AFTER):
                    return
        raise self._unmarked(f"a marker datagram did not reach the capture within {_SEEN_WITHIN:.0f} s")

    def _unmarked(self, what: str) -> InstrumentError:
        return InstrumentError(
            "BEN-CAP-012",
            what,
            where=f"{self._role} ({self.door})",
            expected="each datagram of the segment in the capture",
            todo="check `interface`, and that `marker` is an address reached through it",
        )

    def _free_path(self, name: str) -> Path:
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:80] or "capture"
        folder = self._folder.resolve()
        candidates = [folder / f"{stem}.pcapng", *(folder / f"{stem}-{n}.pcapng" for n in range(2, 1000))]
        return next(path for path in candidates if not path.exists())


class _Tail:
    """Looks for `wanted` in a growing file, reading each byte once."""

    def __init__(self, path: Path, wanted: bytes) -> None:
        self._path = path
        self._wanted = wanted
        self._at = 0
        self._rest = b""

    def seen(self) -> bool:
        if not self._path.exists():
            return False
        with self._path.open("rb") as file:
            file.seek(self._at)
            fresh = file.read()
        self._at += len(fresh)
        window = self._rest + fresh
        self._rest = window[-len(self._wanted) :]
        return self._wanted in window


def _holds(path: Path, wanted: bytes) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(wanted) >= 0


def _tap(settings: CaptureSettings, role: str) -> Tap:
    kind, _, rest = settings.address.partition(":")
    if kind == "relay" and rest:
        return RelayTap(rest)
    if not settings.interface or kind not in ("", "namespace"):
        raise UsageError(
            "USE-TAP-001",
            f"the capture has neither an interface nor a known address: {settings.address!r}",
            where=role,
            expected="interface: NAME, or an address as the simulation gives it",
            todo="name the interface on which the device's packets pass",
        )
    return DumpcapTap(settings.interface, rest, endpoint(settings.marker, role))


def endpoint(text: str, where: str) -> tuple[str, int]:
    """Split "ADDRESS:PORT". Raises UsageError USE-TAP-002."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError("USE-TAP-002", f"not an address with a port: {text!r}", where=where, expected="192.0.2.255:9")
    return host, int(port)

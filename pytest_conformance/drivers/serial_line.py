"""A line-oriented serial port through pyserial: /dev/..., rfc2217://, socket://, hwgrep://. No instrument here."""

from __future__ import annotations

import contextlib
import fnmatch
import termios
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

import serial

from pytest_conformance.drivers.readings import shown
from pytest_conformance.drivers.roles import Identity
from pytest_conformance.drivers.serial_ports import require_lasting
from pytest_conformance.drivers.settings import DriverSettings
from pytest_conformance.drivers.stamping import StampedPort
from pytest_conformance.drivers.stamping_process import open_port
from pytest_conformance.errors import InstrumentError, LinkError
from pytest_conformance.quantities import Duration

LONGEST = 4096
"""Longest line in bytes that an instrument may send."""
_LOST = (serial.SerialException, OSError, termios.error, TypeError)
"""What pyserial lets through when a port goes away: a closed descriptor ends in a TypeError."""


class SerialSettings(DriverSettings):
    """Settings of every serial driver."""

    address: str
    """Device path or pyserial URL."""
    baudrate: int = 115200
    bytesize: Literal[7, 8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1
    timeout: Duration = 2.0
    """How long an answer may take."""
    stamped: bool = False
    """Read the port in a process of its own, which stamps what arrives: for everything that is timed."""
    expect_idn: str = ""
    """What the instrument must call itself; `*` and `?` stand for any text and any character."""


def door_of(address: str) -> str:
    """Return the way that a serial address goes: "rfc2217", "socket", "pty" or "serial"."""
    for prefix in ("rfc2217", "socket"):
        if address.startswith(f"{prefix}://"):
            return prefix
    return "pty" if address.startswith("/dev/pts/") else "serial"


class SerialLine:
    """A serial port that speaks lines. Lines that nobody asked for go to `on_unasked`.

    Bytes of a line whose end has not come stay in `partial`.
    """

    def __init__(self, settings: SerialSettings, where: str, on_unasked: Callable[[str], None] | None = None) -> None:
        self._settings = settings
        self._lock = threading.RLock()
        self._port: Any = None
        self._on_unasked = on_unasked
        self.where = where
        self.address = settings.address
        self.door = door_of(settings.address)
        self.partial = b""
        self.lost = False
        """The port went away by itself, and was not opened since."""
        self.arrived = self.sent = 0
        """Host's monotonic ns when the last line's end came and when the last line began to leave."""

    def lateness(self) -> float:
        """Return the worst scheduling delay (s) of the stamping process since asked last; 0 where there is none."""
        port = self._opened()
        try:
            return port.lateness() if isinstance(port, StampedPort) else 0.0
        except _LOST as error:
            raise self._lost(error) from error

    @property
    def framing(self) -> str:
        """How the port is set, for messages: "115200 8E1"."""
        settings = self._settings
        return f"{settings.baudrate} {settings.bytesize}{settings.parity}{settings.stopbits}"

    def open(self) -> None:
        """Open the port for ourselves alone; LinkError BEN-LNK-131 when that fails, see also `require_lasting`."""
        settings = self._settings
        require_lasting(settings.address, self.where)
        try:
            given = {
                "address": settings.address,
                "baudrate": settings.baudrate,
                "bytesize": settings.bytesize,
                "parity": settings.parity,
                "stopbits": settings.stopbits,
                "write_timeout": float(settings.timeout),
            }
            self._port = StampedPort(given) if settings.stamped else open_port(given)
        except (*_LOST, ValueError, KeyError) as error:
            raise LinkError(
                "BEN-LNK-131",
                f"the serial port cannot be opened as {self.framing} ({shown(str(error), 200)})",
                where=self.where,
                expected="a free serial port",
                todo="check cable, adapter and address, and that no other program holds the port",
            ) from error
        self.lost = False
        self.partial = b""

    def ask(self, line: str, is_answer: Callable[[str], bool], timeout: float | None = None) -> str:
        """Send `line` and return the first line back for which `is_answer` is true.

        Other lines go to `on_unasked`. Raises InstrumentError BEN-INS-101 when no answer comes, LinkError
        BEN-LNK-132 when the port goes away.
        """
        with self._lock:
            self.write(line.encode() + b"\n")
            deadline = time.monotonic() + (self._settings.timeout if timeout is None else timeout)
            while (answer := self._next_line(deadline)) is not None:
                if is_answer(answer):
                    return answer
                self._pass_on(answer)
        raise InstrumentError(
            "BEN-INS-101",
            f"no answer to {line!r}" + (f", only {shown(self.partial.decode('latin-1'))}" if self.partial else ""),
            where=self.where,
            expected=f"a line within the timeout; the port is set to {self.framing}",
            todo="check that the instrument is on and that baud rate and parity are its own",
        )

    def read_exactly(self, count: int) -> bytes:
        """Return the next `count` bytes; InstrumentError BEN-INS-101 when they do not come in time."""
        with self._lock:
            deadline = time.monotonic() + self._settings.timeout
            while len(self.partial) < count and time.monotonic() < deadline:
                self.partial += self._read(deadline)
            data, self.partial = self.partial[:count], self.partial[count:]
        if len(data) < count:
            raise InstrumentError(
                "BEN-INS-101",
                f"only {len(data)} of {count} bytes came",
                where=self.where,
                todo="try again; check the cable",
            )
        return data

    def write(self, data: bytes) -> None:
        """Send `data`; LinkError BEN-LNK-132 when the port is gone."""
        try:
            port = self._opened()
            self.sent = time.monotonic_ns()
            port.write(data)
            if isinstance(port, StampedPort):
                self.sent = port.sent
        except _LOST as error:
            raise self._lost(error) from error

    def drain(self) -> None:
        """Throw away what has arrived and was not read, until the line is quiet for some 20 ms."""
        with self._lock:
            while self._read(time.monotonic() + 0.02):
                pass
            self.partial = b""

    def cts(self) -> bool | None:
        """Return the CTS line, or None where the port has no modem lines (a pseudo-terminal, a bare socket)."""
        if self.door not in ("rfc2217", "serial"):
            return None
        try:
            return bool(self._opened().cts)
        except _LOST:
            return None

    def close(self) -> None:
        """Close the port; safe to call twice."""
        port, self._port = self._port, None
        if port is not None:
            with contextlib.suppress(*_LOST):
                port.close()

    def _pass_on(self, line: str) -> None:
        if self._on_unasked is not None:
            self._on_unasked(line)

    def _next_line(self, deadline: float) -> str | None:
        """Return the next complete line, or None when `deadline` (monotonic seconds) passes before there is one."""
        while b"\n" not in self.partial:
            data = self._read(deadline)
            if not data and time.monotonic() >= deadline:
                return None
            self.partial += data
            if len(self.partial) > LONGEST and b"\n" not in self.partial:
                self.partial = b""
                raise InstrumentError(
                    "BEN-INS-141",
                    f"more than {LONGEST} bytes without a line end",
                    where=self.where,
                    expected=f"lines; the port is set to {self.framing}",
                    todo="check baud rate and parity, and that the address is this instrument's",
                )
        line, _, self.partial = self.partial.partition(b"\n")
        return line.decode("utf-8", "backslashreplace").strip("\r")

    def _read(self, deadline: float) -> bytes:
        port = self._opened()
        try:
            waiting = port.in_waiting
            if not waiting and time.monotonic() >= deadline:
                return b""
            data = bytes(port.read(min(waiting, LONGEST) or 1))
            if data:
                self.arrived = port.arrived if isinstance(port, StampedPort) else time.monotonic_ns()
            return data
        except _LOST as error:
            raise self._lost(error) from error

    def _opened(self) -> Any:
        if self._port is None:
            raise LinkError("BEN-LNK-132", "the serial port is closed", where=self.where, todo="run again")
        return self._port

    def _lost(self, error: BaseException) -> LinkError:
        self.close()
        self.lost = True
        return LinkError(
            "BEN-LNK-132",
            f"the serial port went away ({shown(str(error), 200)})",
            where=self.where,
            expected="a port that stays for the whole run",
            todo="check the cable, the adapter and its hub",
        )


class OnSerialLine:
    """What the drivers of serial instruments have in common: a link that can be opened anew when it went away."""

    _line: SerialLine

    @property
    def lost_port(self) -> str:
        """The address of the port when it went away by itself; "" while it is there."""
        return self._line.address if self._line.lost else ""

    def reopen(self) -> None:
        """Open the port again and check who is there now; raises as `open`, and the port stays lost then."""
        try:
            self._begin()
        except BaseException:
            self._line.close()
            self._line.lost = True
            raise

    def _begin(self) -> None:
        """Open the port and make sure that the right instrument is behind it."""
        raise NotImplementedError


def identify(line: SerialLine, expect: str) -> Identity:
    """Ask `ID?`; InstrumentError BEN-INS-103 for another instrument, BEN-INS-109 when the answer is unreadable."""
    answer = line.ask("ID?", lambda given: given.startswith("ID ")).removeprefix("ID ")
    parts = [each.strip() for each in answer.split(",")]
    if len(parts) != 4:
        raise InstrumentError(
            "BEN-INS-109",
            f"ID? answered {shown(answer)}",
            where=line.where,
            expected="manufacturer, model, serial number and firmware, with commas between",
        )
    if expect and not fnmatch.fnmatchcase(answer, expect):
        raise InstrumentError(
            "BEN-INS-103",
            f"another instrument answers: {shown(answer, 120)}",
            where=line.where,
            expected=shown(expect, 120),
            todo="connect the right instrument, or correct expect_idn in the bench file",
        )
    return Identity(*parts)

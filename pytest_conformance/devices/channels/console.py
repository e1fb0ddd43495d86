"""Channel `serial-console`: the device's test port (docs/test-port.md). Device text is data and is never trusted."""

from __future__ import annotations

import json
import re
import secrets
import termios
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

import serial

from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.serial_line import SerialSettings, door_of
from pytest_conformance.drivers.serial_ports import require_lasting
from pytest_conformance.errors import DeviceError, LinkError

LINE = 65536
"""Longest line in bytes; what is longer is cut and counted as truncated."""
LOG_CAP = 16 * 1024 * 1024
"""Bytes of the raw log that are kept on disk."""
EVENTS, UNFENCED = 20_000, 2_000
"""Lines that are kept in memory, the newest ones."""
LATE = 5_000_000_000
"""Nanoseconds by which a line may have arrived before the time that its own stamp says."""
_LOST = (serial.SerialException, OSError, termios.error, TypeError)
_ANSWER = re.compile(rb"<([0-9a-f]{8}) (ok|err ([A-Za-z][A-Za-z0-9_-]{0,31}))(?: (.*))?\Z", re.DOTALL)
_EVENT = re.compile(rb"#([0-9]{1,15}) ([A-Za-z][A-Za-z0-9_.-]{0,63})(?: (.*))?\Z", re.DOTALL)
_VERB = re.compile(r"[a-z][a-z0-9-]{0,39}\Z")


class RefusedError(DeviceError):
    """The device refused a verb (DUT-CON-002). `reason` is the device's word for why."""

    reason: str = ""


@dataclass(frozen=True)
class Event:
    """A line of the device's log. `at`: bench time in ns of the device's own uptime stamp; `ms`: that stamp."""

    name: str
    data: Mapping[str, Any]
    ms: int
    at: int


@dataclass(frozen=True)
class _Received:
    name: str
    data: Mapping[str, Any]
    ms: int
    boot: int
    at: int


class Console:
    """Calls verbs and keeps what the device says unasked.

    A reader thread takes every byte at once; memory stays bounded however much the device sends. Bytes go to
    `raw.log` in the run's folder as they came, up to `LOG_CAP`, then `truncated` is set.
    """

    Settings = SerialSettings

    def __init__(self, settings: SerialSettings, context: DriverContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self.where = f"{context.role} at {settings.address}"
        self.door = door_of(settings.address)
        self.raw_log = context.folder / "raw.log"
        self.truncated = False
        """Whether something that the device sent was not kept: a line or the log was too long."""
        self._lock = threading.Lock()
        self._calling = threading.Lock()
        self._port: Any = None
        self._log: IO[bytes] | None = None
        self._logged = 0
        self._lost = ""
        self._closed = False
        self._waiting: dict[str, tuple[bool, str, bytes] | None] = {}
        self._events: deque[_Received] = deque(maxlen=EVENTS)
        self._unfenced: deque[bytes] = deque(maxlen=UNFENCED)
        self._boot = 0
        self._last_ms = -1
        self._origin: dict[int, int] = {}
        self.round_trip = 0.0
        """Seconds of the question by which the device's clock was compared last; 0 before the first."""

    @classmethod
    def open(cls, settings: SerialSettings, context: DriverContext) -> Console:
        """Open the port; the device itself may still be off. LinkError BEN-SER-001 when the port cannot be opened."""
        console = cls(settings, context)
        console._open()
        return console

    def call(self, verb: str, /, timeout: float = 3.0, **arguments: Any) -> dict[str, Any]:
        """Call `verb` and return the device's answer; `timeout` in seconds of wall time, for the wire is real.

        Raises LinkError BEN-SER-002 when the port went away, DeviceError DUT-CON-001 when the link is healthy and the
        device does not answer, RefusedError DUT-CON-002 when it refuses, DeviceError DUT-CON-003 when its answer
        cannot be read.
        """
        if not _VERB.match(verb):
            raise ValueError(f"not a verb: {verb!r}")
        nonce = secrets.token_hex(4)
        with self._calling, self._clock.realtime():
            self._waiting[nonce] = None
            sent = self._clock.now()
            try:
                self._write(f">{nonce} {verb} {json.dumps(arguments)}\n".encode())
                answer = self._clock.wait_for(lambda: self._arrived(nonce), timeout)
            finally:
                self._waiting.pop(nonce, None)
            received = self._clock.now()
        if answer is None:
            raise self._silent(verb, timeout)
        content = self._content(verb, *answer)
        if verb == "status":
            self._anchor(content, sent, received)
        return content

    def answers(self, timeout: float = 0.15) -> bool:
        """Return whether the device answers now; LinkError when the port went away."""
        try:
            self.call("status", timeout=timeout)
        except RefusedError:
            return True
        except DeviceError:
            return False
        return True

    def events(self, since_ms: int = 0, *, name: str | None = None) -> list[Event]:
        """Return what the device logged, oldest first, of this boot since uptime `since_ms` (0: all boots)."""
        with self._lock:
            received = list(self._events)
            boot = self._boot
        chosen = [
            each
            for each in received
            if (name is None or each.name == name) and (since_ms == 0 or (each.boot == boot and each.ms >= since_ms))
        ]
        return [Event(each.name, each.data, each.ms, self._time_of(each)) for each in chosen]

    def recent(self, since: int) -> list[Event]:
        """Return what the device logged at or after bench time `since`, oldest first; looks at the newest lines only.

        A line that arrived more than `LATE` before `since` ends the search.
        """
        found: list[Event] = []
        with self._lock:
            for each in reversed(self._events):
                if each.at < since - LATE:
                    break
                event = Event(each.name, each.data, each.ms, self._time_of(each))
                if event.at >= since:
                    found.append(event)
        return found[::-1]

    def last(self, names: Sequence[str]) -> Event | None:
        """Return the newest event called one of `names`; None when there was none."""
        with self._lock:
            for each in reversed(self._events):
                if each.name in names:
                    return Event(each.name, each.data, each.ms, self._time_of(each))
        return None

    def wait_event(
        self,
        names: str | Sequence[str],
        *,
        since: int,
        timeout: float,
        where: Callable[[Event], bool] | None = None,
        fenced: bool = False,
    ) -> Event | None:
        """Return the first event called one of `names` at or after bench time `since`; None after `timeout` s.

        `fenced`: where time is driven, ask for the status before each look, so that all events before it are here.
        """
        wanted = (names,) if isinstance(names, str) else tuple(names)

        def look() -> Event | None:
            self._raise_if_lost()
            for event in self.recent(since):
                if event.name in wanted and (where is None or where(event)):
                    return event
            return None

        fence = (lambda: self.call("status")) if fenced else None
        return self._clock.wait_for(look, timeout, fence=fence)

    def unfenced(self) -> list[bytes]:
        """Return lines that are neither answers nor events (banners, crashes), as bytes."""
        with self._lock:
            return list(self._unfenced)

    def close(self) -> None:
        """Close the port and the raw log; safe to call twice."""
        self._closed = True
        port, self._port = self._port, None
        if port is not None:
            with suppress(*_LOST):
                port.close()
        with self._lock:
            if self._log is not None:
                self._log.close()
                self._log = None

    # --- the wire

    def _open(self) -> None:
        settings = self._settings
        require_lasting(settings.address, self.where)
        try:
            port = serial.serial_for_url(
                settings.address,
                baudrate=settings.baudrate,
                bytesize=settings.bytesize,
                parity=settings.parity,
                stopbits=settings.stopbits,
                timeout=0.05,
                write_timeout=settings.timeout,
                do_not_open=True,
            )
            if "://" not in settings.address:
                port.exclusive = True
            port.open()
        except (*_LOST, ValueError, KeyError) as error:
            raise LinkError(
                "BEN-SER-001",
                f"the test port cannot be opened ({shown(str(error), 200)})",
                where=self.where,
                expected="a free serial port",
                todo="check cable, adapter and address, and that no other program holds the port",
            ) from error
        self._port = port
        self._log = self.raw_log.open("ab")
        threading.Thread(target=self._read, args=(port,), name="test port", daemon=True).start()

    def _write(self, data: bytes) -> None:
        self._raise_if_lost()
        port = self._port
        try:
            if port is None:
                raise OSError("closed")
            port.write(data)
        except _LOST as error:
            self._lost = self._lost or str(error)
            self._raise_if_lost()

    def _arrived(self, nonce: str) -> tuple[bool, str, bytes] | None:
        self._raise_if_lost()
        return self._waiting[nonce]

    def _raise_if_lost(self) -> None:
        if self._lost or self._port is None:
            raise LinkError(
                "BEN-SER-002",
                f"the test port went away ({shown(self._lost or 'closed', 200)})",
                where=self.where,
                expected="a link that stays for the whole run",
                todo="check the cable and the adapter; the trial is void",
            )

    def _read(self, port: Any) -> None:
        buffer = b""
        skipping = False
        while not self._closed:
            try:
                data = port.read(min(max(port.in_waiting, 1), LINE))
            except _LOST as error:
                if not self._closed:
                    self._lost = str(error) or type(error).__name__
                return
            if not data:
                continue
            self._keep(data)
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                if not skipping:
                    self._take(line[:LINE].rstrip(b"\r"))
                skipping = False
            if len(buffer) > LINE:
                if not skipping:
                    self._unfenced.append(buffer[:200])
                buffer, skipping, self.truncated = b"", True, True

    def _keep(self, data: bytes) -> None:
        with self._lock:
            room = LOG_CAP - self._logged
            if len(data) > room:
                data, self.truncated = data[: max(room, 0)], True
            if data and self._log is not None:
                self._log.write(data)
                self._log.flush()
                self._logged += len(data)

    def _take(self, line: bytes) -> None:
        if (answer := _ANSWER.match(line)) is not None:
            nonce = answer[1].decode()
            if nonce in self._waiting:
                self._waiting[nonce] = (answer[2] == b"ok", (answer[3] or b"").decode(), answer[4] or b"{}")
                return
        elif (event := _EVENT.match(line)) is not None:
            data = _object(event[3] or b"{}")
            if data is not None:
                self._log_event(int(event[1]), event[2].decode(), data)
                return
        if line:
            with self._lock:
                self._unfenced.append(line)

    def _log_event(self, ms: int, name: str, data: Mapping[str, Any]) -> None:
        with self._lock:
            if ms < self._last_ms or (name == "boot" and self._last_ms > 0):
                self._boot += 1
            self._last_ms = ms
            self._events.append(_Received(name, data, ms, self._boot, self._clock.now()))

    # --- answers and times

    def _content(self, verb: str, ok: bool, code: str, raw: bytes) -> dict[str, Any]:
        content = _object(raw)
        if content is None:
            raise DeviceError(
                "DUT-CON-003",
                f"the answer to {verb!r} cannot be read: {shown(raw, 120)}",
                where=self.where,
                expected="one JSON object",
                todo="look at raw.log; ask the supplier for the test build's protocol",
            )
        if not ok:
            refused = RefusedError(
                "DUT-CON-002",
                f"the device refused {verb!r}: {code} {shown(str(content.get('text', '')), 200)}".rstrip(),
                where=self.where,
                expected="ok",
            )
            refused.reason = code
            raise refused
        return content

    def _silent(self, verb: str, timeout: float) -> DeviceError:
        return DeviceError(
            "DUT-CON-001",
            f"the device did not answer {verb!r}",
            where=self.where,
            expected=f"an answer within {timeout:g} s on a link that is open",
            todo="check that the device is powered and has started; look at raw.log",
        )

    def _anchor(self, status: Mapping[str, Any], sent: int, received: int) -> None:
        """Learn at which bench time the device's uptime was zero, in this boot."""
        uptime = status.get("uptime_ms")
        if isinstance(uptime, int) and 0 <= uptime < 10**13:
            with self._lock:
                if uptime < self._last_ms:
                    self._boot += 1
                self._last_ms = uptime
                self._origin[self._boot] = (sent + received) // 2 - uptime * 1_000_000
                self.round_trip = (received - sent) / 1e9

    def _time_of(self, event: _Received) -> int:
        origin = self._origin.get(event.boot)
        return event.at if origin is None else origin + event.ms * 1_000_000


def shown(text: str | bytes, limit: int = 120) -> str:
    """Return device text for people: control characters, lone surrogates and bidirectional marks as escapes."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    cut = text[:limit]
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in cut)
    return safe + ("..." if len(text) > limit else "")


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(raw.decode("utf-8", "backslashreplace"))
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None

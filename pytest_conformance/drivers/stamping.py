"""A serial port that is read in a process of its own: what arrives is stamped there, however busy this process is."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections import deque
from typing import Any

import serial

from pytest_conformance.drivers.stamping_process import (
    ASK_LATENESS,
    ASK_LINES,
    DATA,
    HEADER,
    LATENESS,
    LINES,
    LOST,
    OPENED,
    WRITE,
    WRITTEN,
)

STARTS_WITHIN = 30.0
"""Wall seconds that the process may take until the port is open."""
ANSWERS_WITHIN = 5.0
PATIENCE = 0.05
"""Seconds for which `read` waits for bytes, as a pyserial port with that timeout does."""


class StampedPort:
    """What `SerialLine` needs of a pyserial port, with the monotonic time (ns) of what came and of what was sent.

    The reading process shares the host's monotonic clock, and sees a byte within some 0.1 ms. It ends with this one.
    Raises serial.SerialException when the port cannot be opened or went away.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.arrived = 0
        """When the bytes that `read` gave last came."""
        self.sent = 0
        """When the last `write` began to leave."""
        self._came: deque[tuple[int, bytes]] = deque()
        self._said: dict[bytes, deque[tuple[int, bytes]]] = {
            kind: deque() for kind in (OPENED, WRITTEN, LATENESS, LINES)
        }
        self._lost = ""
        self._changed = threading.Condition()
        command = [sys.executable, "-m", "pytest_conformance.drivers.stamping_process", json.dumps(settings)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
        threading.Thread(target=self._listen, name="stamped port", daemon=True).start()
        try:
            self._take(OPENED, STARTS_WITHIN)
        except BaseException:
            self.close()
            raise

    @property
    def in_waiting(self) -> int:
        """Bytes that came and were not read."""
        with self._changed:
            if not self._came and self._lost:
                raise serial.SerialException(self._lost)
            return sum(len(data) for _, data in self._came)

    @property
    def cts(self) -> bool:
        """The CTS line; SerialException where there is none."""
        said = self._ask(ASK_LINES, LINES)[1]
        if said == b"?":
            raise serial.SerialException("the port has no modem lines")
        return said == b"1"

    def read(self, size: int = 1) -> bytes:
        """Return at most `size` bytes that came together, and keep when in `arrived`; b"" when none come in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._came or self._lost, PATIENCE)
            if not self._came:
                if self._lost:
                    raise serial.SerialException(self._lost)
                return b""
            self.arrived, data = self._came.popleft()
            if len(data) > size:
                self._came.appendleft((self.arrived, data[size:]))
            return data[:size]

    def write(self, data: bytes) -> int:
        """Send `data`; returns when it left, and keeps when in `sent`."""
        self.sent = self._ask(WRITE, WRITTEN, data)[0]
        return len(data)

    def lateness(self) -> float:
        """Return the worst scheduling delay in seconds that the process suffered since this was asked last."""
        return self._ask(ASK_LATENESS, LATENESS)[0] / 1e9

    def close(self) -> None:
        """End the process; safe to call twice."""
        for stream in (self._process.stdin,):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, command: bytes, answer: bytes, body: bytes = b"") -> tuple[int, bytes]:
        stream = self._process.stdin
        if stream is None or self._lost:
            raise serial.SerialException(self._lost or "the port is closed")
        try:
            stream.write(HEADER.pack(command, 0, len(body)) + body)
            stream.flush()
        except (OSError, ValueError) as error:
            raise serial.SerialException(f"the process that reads the port is gone ({error})") from error
        return self._take(answer, ANSWERS_WITHIN)

    def _take(self, kind: bytes, timeout: float) -> tuple[int, bytes]:
        with self._changed:
            self._changed.wait_for(lambda: self._said[kind] or self._lost, timeout)
            if self._said[kind]:
                return self._said[kind].popleft()
            raise serial.SerialException(self._lost or "the process that reads the port does not answer")

    def _listen(self) -> None:
        stream = self._process.stdout
        while stream is not None and len(header := stream.read(HEADER.size)) == HEADER.size:
            kind, at, size = HEADER.unpack(header)
            body = stream.read(size)
            with self._changed:
                if kind == DATA:
                    self._came.append((at, body))
                elif kind == LOST:
                    self._lost = body.decode("utf-8", "replace") or "the port went away"
                else:
                    self._said[kind].append((at, body))
                self._changed.notify_all()
        with self._changed:
            self._lost = self._lost or "the process that reads the port ended"
            self._changed.notify_all()
        if stream is not None:
            stream.close()

"""The process that reads a serial port and stamps what arrives: started by `stamping`, imports nothing heavy.

python -m pytest_conformance.drivers.stamping_process SETTINGS-AS-JSON; frames on standard output, commands on input.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import sys
import threading
import time
import warnings
from typing import Any

HEADER = struct.Struct("<cqI")
"""Kind of a frame or command, monotonic ns, and number of bytes that follow."""
OPENED, DATA, WRITTEN, LATENESS, LINES, LOST = (bytes([each]) for each in b"odwlnx")
WRITE, ASK_LATENESS, ASK_LINES = (bytes([each]) for each in b"WLN")
TICK = 0.005
"""Seconds between two wakings of the canary."""


class Canary:
    """Sleeps and wakes, and notes by how much it woke late: how long this host keeps a process waiting."""

    def __init__(self) -> None:
        self._worst = 0
        self._lock = threading.Lock()

    def run(self) -> None:
        with contextlib.suppress(OSError, AttributeError):  # to feel what the rest of the bench feels
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        tick = threading.Event()
        while True:
            due = time.monotonic_ns() + int(TICK * 1e9)
            tick.wait(TICK)
            late = time.monotonic_ns() - due
            with self._lock:
                self._worst = max(self._worst, late)

    def take(self) -> int:
        """Return the worst lateness in ns since the last call."""
        with self._lock:
            worst, self._worst = self._worst, 0
        return worst


class Stamping:
    """Bytes from the port to the pipe with the time at which they came; commands from the pipe to the port."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._port: Any = None
        self._lock = threading.Lock()
        self._canary = Canary()

    def run(self) -> None:
        _ahead_of_others()
        try:
            self._port = open_port(self._settings)
        except Exception as error:  # whatever it is, the parent names it
            self._tell(LOST, time.monotonic_ns(), str(error).encode("utf-8", "replace")[:2000])
            return
        self._tell(OPENED, time.monotonic_ns())
        threading.Thread(target=self._canary.run, daemon=True).start()
        threading.Thread(target=self._obey, daemon=True).start()
        try:
            while True:
                data = self._port.read(1)
                at = time.monotonic_ns()
                while data and b"\n" not in data and (waiting := self._port.in_waiting):  # what came with it
                    data += self._port.read(min(waiting, 4096))
                if data:
                    self._tell(DATA, at, data)
        except Exception as error:
            self._tell(LOST, time.monotonic_ns(), str(error).encode("utf-8", "replace")[:2000])

    def _obey(self) -> None:
        commands = sys.stdin.buffer
        while len(header := commands.read(HEADER.size)) == HEADER.size:
            kind, _, size = HEADER.unpack(header)
            body = commands.read(size)
            if kind == WRITE:
                self._write(body)
            elif kind == ASK_LATENESS:
                self._tell(LATENESS, self._canary.take())
            elif kind == ASK_LINES:
                self._tell(LINES, 0, self._lines())
        os._exit(0)  # the parent is gone, or wants this to end

    def _write(self, body: bytes) -> None:
        try:
            at = time.monotonic_ns()
            self._port.write(body)
        except Exception as error:
            self._tell(LOST, time.monotonic_ns(), str(error).encode("utf-8", "replace")[:2000])
        else:
            self._tell(WRITTEN, at)

    def _lines(self) -> bytes:
        try:
            return b"1" if self._port.cts else b"0"
        except Exception:  # a port without modem lines says so in many ways
            return b"?"

    def _tell(self, kind: bytes, at: int, body: bytes = b"") -> None:
        with self._lock:
            try:
                sys.stdout.buffer.write(HEADER.pack(kind, at, len(body)) + body)
                sys.stdout.buffer.flush()
            except OSError:
                os._exit(0)


def _ahead_of_others() -> None:
    """Ask the system to wake this process before others; where that is not allowed, it waits its turn like them.

    It mostly sleeps, so that nobody is kept waiting by it.
    """
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def open_port(settings: dict[str, Any]) -> Any:
    """Open the port that `settings` describe, as pyserial takes them; `exclusive` and `write_timeout` apart."""
    import serial

    settings = dict(settings)
    address, timeout = settings.pop("address"), settings.pop("write_timeout")
    port = serial.serial_for_url(address, timeout=0.05, do_not_open=True, **settings)
    if "://" not in address:
        port.exclusive = True
        port.write_timeout = timeout  # RFC 2217 knows none
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pyserial 3.5 names its threads the old way
        port.open()
    return port


if __name__ == "__main__":
    Stamping(json.loads(sys.argv[1])).run()

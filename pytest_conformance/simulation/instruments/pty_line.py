"""A serial port of a simulated instrument as a pseudo-terminal: bytes and break only, no modem lines, no parity."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import tty
from collections.abc import Callable

LINE = 4096
"""Longest line in bytes; what is longer is thrown away up to the next line end."""


class PtyLine:
    """Hands each line that the client sends to `on_line`, in one thread; `send` writes bytes to the client."""

    def __init__(self, name: str, on_line: Callable[[str], None]) -> None:
        self._name = name
        self._on_line = on_line
        self._lock = threading.Lock()
        self._master = -1
        self._slave = -1
        self._wake = (-1, -1)

    def open(self) -> str:
        """Open the pair; return the path of the client's side."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self._wake = os.pipe()
        threading.Thread(target=self._run, name=f"{self._name} pty", daemon=True).start()
        return os.ttyname(self._slave)

    def close(self) -> None:
        """Hang up, as if the cable were pulled; safe to call twice."""
        with self._lock:
            if self._slave < 0:
                return
            os.close(self._slave)
            self._slave = -1
            os.close(self._wake[1])

    def send(self, data: bytes) -> None:
        """Write `data` to the client; lost when the line is closed."""
        with self._lock, contextlib.suppress(OSError):
            if self._slave >= 0:
                os.write(self._master, data)

    def _run(self) -> None:
        buffer = b""
        while True:
            ready, _, _ = select.select([self._master, self._wake[0]], [], [])
            if self._wake[0] in ready:
                break
            try:
                buffer += os.read(self._master, 4096)
            except OSError:
                break
            *lines, buffer = buffer.split(b"\n")
            buffer = buffer[-LINE:]
            for line in lines:
                if text := line.decode("utf-8", "replace").strip():
                    self._on_line(text)
        with self._lock:
            os.close(self._master)
            os.close(self._wake[0])

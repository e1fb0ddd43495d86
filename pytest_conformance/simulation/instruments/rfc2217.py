"""A serial port of a simulated instrument over RFC 2217: sees baud rate, parity, DTR and RTS, drives CTS."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from pytest_conformance.simulation.instruments.tcp import TcpDoor

LINE = 4096
"""Longest line in bytes that the instrument takes."""


@dataclass(frozen=True)
class Format:
    """How characters are framed on the line."""

    baudrate: int = 115200
    bytesize: int = 8
    parity: str = "N"
    stopbits: float = 1


class _Port:
    """What pyserial's PortManager expects of a serial port; `on_change` is told of each setting."""

    timeout = None
    rtscts = xonxoff = break_condition = False
    dsr = True
    ri = cd = False

    def __init__(self, form: Format, on_change: Callable[[str, Any], None]) -> None:
        self.baudrate, self.bytesize, self.parity, self.stopbits = 9600, form.bytesize, form.parity, form.stopbits
        self.cts = self.dtr = self.rts = False
        self._on_change = on_change

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if "_on_change" in self.__dict__ and name in ("baudrate", "bytesize", "parity", "stopbits", "dtr", "rts"):
            self._on_change(name, value)

    def reset_input_buffer(self) -> None: ...

    def reset_output_buffer(self) -> None: ...

    def get_settings(self) -> dict[str, Any]:
        return {}

    def form(self) -> Format:
        return Format(self.baudrate, self.bytesize, self.parity, self.stopbits)


class Rfc2217Line:
    """Serves one client at a time. When the client's framing differs from `form`, both sides read rubbish."""

    def __init__(self, name: str, form: Format, on_line: Callable[[str], None]) -> None:
        self._form = form
        self._on_line = on_line
        self._door = TcpDoor(name, self._converse)
        self._lock = threading.RLock()
        self._port: _Port | None = None
        self._manager: Any = None
        self._connection: socket.socket | None = None
        self._cts = False
        self.changes: list[tuple[str, Any]] = []
        """Settings and lines that clients changed, in order: ("baudrate", 115200), ("dtr", True), ..."""

    def open(self) -> str:
        """Begin to listen; return the URL for pyserial."""
        return f"rfc2217://127.0.0.1:{self._door.open()}"

    def close(self) -> None:
        self._door.close()

    def send(self, data: bytes) -> None:
        """Write `data` to the client that is connected, if any."""
        with self._lock:
            if self._connection is None or self._manager is None or self._port is None:
                return
            seen = data if self._port.form() == self._form else _rubbish(data)
            self._write(b"".join(self._manager.escape(seen)))

    def set_cts(self, on: bool) -> None:
        """Drive the CTS line; the client is told."""
        with self._lock:
            self._cts = on
            if self._port is not None:
                self._port.cts = on
                self._manager.check_modem_lines()

    def _write(self, data: bytes) -> None:
        connection = self._connection
        if connection is not None:
            try:
                connection.sendall(data)
            except OSError:
                self._connection = None

    def _converse(self, connection: socket.socket) -> None:
        import serial.rfc2217

        with self._lock:
            if self._connection is not None:
                return
            port = self._port = _Port(self._form, lambda name, value: self.changes.append((name, value)))
            port.cts = self._cts
            self._connection = connection
            self._manager = serial.rfc2217.PortManager(cast(Any, port), cast(Any, SimpleNamespace(write=self._write)))
        buffer = b""
        try:
            while data := connection.recv(4096):
                with self._lock:
                    received = b"".join(self._manager.filter(data))
                    same = port.form() == self._form
                buffer = self._take(buffer + (received if same else _rubbish(received)))
        finally:
            with self._lock:
                self._connection = self._port = self._manager = None

    def _take(self, buffer: bytes) -> bytes:
        *lines, rest = buffer.split(b"\n")
        for line in lines:
            if text := line.decode("utf-8", "replace").strip():
                self._on_line(text)
        return rest[-LINE:]


def _rubbish(data: bytes) -> bytes:
    """Return what a receiver with another framing makes of `data`: other bytes, among them no line end."""
    return bytes((byte * 37 + 11) & 0xFF | 0x80 for byte in data)

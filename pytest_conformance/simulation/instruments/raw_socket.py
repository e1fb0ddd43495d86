"""The raw socket door of a SCPI instrument: program messages as lines over TCP."""

from __future__ import annotations

import socket
import threading

from pytest_conformance.simulation.instruments.scpi import ScpiModel
from pytest_conformance.simulation.instruments.tcp import TcpDoor

LINE = 65536
"""Longest program message in bytes; a longer one ends the connection."""


class RawSocketDoor:
    """Serves `model` on a port of its own. `latency` wall seconds pass before each answer."""

    def __init__(self, name: str, model: ScpiModel) -> None:
        self._model = model
        self._door = TcpDoor(f"{name} socket", self._converse)
        self._closed = threading.Event()
        self.latency = 0.0

    def open(self) -> str:
        """Begin to listen; return the VISA resource name."""
        return f"TCPIP::127.0.0.1::{self._door.open()}::SOCKET"

    def close(self) -> None:
        self._closed.set()
        self._door.close()

    def _converse(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            while line := lines.readline(LINE):
                if not line.endswith(b"\n"):
                    return
                answer = self._model.execute(line.decode("latin-1").strip())
                if self.latency and self._closed.wait(self.latency):
                    return
                if answer is not None:
                    connection.sendall(answer.encode("latin-1") + b"\n")

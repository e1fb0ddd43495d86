r"""Driver `door-switch`: a magnetic switch behind a small TCP server that answers `ID?` and `DOOR?` line by line."""

from __future__ import annotations

import socket

from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.roles import Identity
from pytest_conformance.drivers.settings import DriverSettings
from pytest_conformance.errors import InstrumentError, LinkError
from pytest_conformance.quantities import Duration


class DoorSettings(DriverSettings):
    """Settings of `door-switch`."""

    address: str
    """HOST:PORT of the server."""
    timeout: Duration = 1.0
    """How long an answer may take."""


class DoorSwitch:
    """Tells whether the door is shut."""

    Settings = DoorSettings
    door = "tcp"

    def __init__(self, connection: socket.socket, where: str) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")
        self._where = where

    @classmethod
    def open(cls, settings: DoorSettings, context: DriverContext) -> DoorSwitch:
        """Connect; LinkError LAB-DOR-001 when nobody is there."""
        where = f"{context.role} at {settings.address}"
        host, _, port = settings.address.rpartition(":")
        try:
            connection = socket.create_connection((host, int(port)), settings.timeout)
        except OSError as error:
            raise LinkError(
                "LAB-DOR-001", str(error), where=where, todo="check the switch's power and cable"
            ) from error
        return cls(connection, where)

    def identity(self) -> Identity:
        """Ask the switch who it is."""
        manufacturer, model, serial, firmware = self._ask("ID?").split(",")
        return Identity(manufacturer, model, serial, firmware)

    def closed(self) -> bool:
        """Ask whether the door is shut."""
        answer = self._ask("DOOR?")
        if answer not in ("OPEN", "CLOSED"):
            raise InstrumentError(
                "LAB-DOR-002", f"the switch says {answer!r}", where=self._where, expected="OPEN, CLOSED"
            )
        return answer == "CLOSED"

    def close(self) -> None:
        """Release the link; safe to call twice."""
        self._connection.close()

    def _ask(self, question: str) -> str:
        try:
            self._connection.sendall(question.encode() + b"\n")
            line = self._lines.readline(200)
        except OSError as error:
            raise LinkError("LAB-DOR-003", str(error), where=self._where) from error
        if not line.endswith(b"\n"):
            raise LinkError("LAB-DOR-003", "the switch hung up", where=self._where)
        return line.decode("ascii", "backslashreplace").strip()

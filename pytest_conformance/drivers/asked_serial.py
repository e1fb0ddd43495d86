"""What serial instruments have in common that speak only when they are asked: opening, identity, closing."""

from __future__ import annotations

from typing import Any, Self

from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.roles import Identity
from pytest_conformance.drivers.serial_line import OnSerialLine, SerialLine, SerialSettings, identify
from pytest_conformance.errors import BenchError


class AskedInstrument(OnSerialLine):
    """A serial instrument that is asked `ID?` first of all, each time its port is opened."""

    def __init__(self, settings: SerialSettings, context: DriverContext) -> None:
        self._expect = settings.expect_idn
        self._line = SerialLine(settings, f"{context.role} at {settings.address}")
        self.door = self._line.door

    @classmethod
    def open(cls, settings: Any, context: DriverContext) -> Self:
        """Open the port and check who is there; raises LinkError or InstrumentError."""
        instrument = cls(settings, context)
        try:
            instrument._begin()
        except BaseException:
            instrument.close()
            raise
        return instrument

    def identity(self) -> Identity:
        """Ask the instrument who it is; InstrumentError BEN-INS-103 when it is not the expected one."""
        return identify(self._line, self._expect)

    def check(self) -> list[str]:
        """Return findings: an instrument that does not answer."""
        try:
            self.identity()
        except BenchError as error:
            return [str(error)]
        return []

    def close(self) -> None:
        """Close the port; safe to call twice."""
        self._line.close()

    def _begin(self) -> None:
        self._line.open()
        self._line.drain()
        self.identity()

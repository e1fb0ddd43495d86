"""Driver `serial-rangefinder`: the distance from the device's camera to what stands before it."""

from __future__ import annotations

import re

from pytest_conformance.drivers.asked_serial import AskedInstrument
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.readings import shown
from pytest_conformance.drivers.serial_line import SerialSettings
from pytest_conformance.errors import InstrumentError
from pytest_conformance.quantities import Millimetres

_RANGE = re.compile(r"RANGE (\d{1,6}(?:\.\d)?) ([0-9A-F]{2})", re.ASCII)


class RangefinderSettings(SerialSettings):
    """Settings of `serial-rangefinder`."""

    nearest: Millimetres = 50.0
    farthest: Millimetres = 10_000.0


class SerialRangefinder(AskedInstrument):
    """Measures a distance. Line `RANGE?`; answers `RANGE mm checksum`, or `RANGE NONE` when nothing stands there.

    The checksum is the sum of the characters of `RANGE mm`, modulo 256, two hexadecimal digits.
    """

    Settings = RangefinderSettings

    def __init__(self, settings: RangefinderSettings, context: DriverContext) -> None:
        super().__init__(settings, context)
        self._settings = settings
        self._owed = False
        """Whether an answer may still come late: it is thrown away before the next question, which takes 50 ms."""

    def millimetres(self) -> float:
        """Measure the distance, mm.

        Raises InstrumentError BEN-INS-160 when nothing stands there or it is out of range, BEN-INS-161 for an answer
        that is none, or damaged.
        """
        if self._owed:
            self._line.drain()
        self._owed = True
        answer = self._line.ask("RANGE?", lambda given: given.startswith("RANGE "))
        self._owed = False
        found = _RANGE.fullmatch(answer)
        own = self._settings
        if answer == "RANGE NONE" or (found and not own.nearest <= float(found[1]) <= own.farthest):
            raise InstrumentError(
                "BEN-INS-160",
                f"the distance cannot be measured: {shown(answer)}",
                where=self._line.where,
                expected=f"something at {own.nearest:g} to {own.farthest:g} mm",
                todo="see what stands before the device, and clean the rangefinder's window",
            )
        if found is None or sum(f"RANGE {found[1]}".encode("ascii")) % 256 != int(found[2], 16):
            raise InstrumentError(
                "BEN-INS-161",
                f"the rangefinder says {shown(answer)}",
                where=self._line.where,
                expected="RANGE, millimetres, and their checksum",
                todo="check the cable, and the rangefinder's firmware",
            )
        return float(found[1])

"""Driver `serial-label-reader`: a barcode reader before which the samples' printed labels lie."""

from __future__ import annotations

import re

from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.readings import shown
from pytest_conformance.drivers.roles import Identity
from pytest_conformance.drivers.serial_line import OnSerialLine, SerialLine, SerialSettings, identify
from pytest_conformance.errors import BenchError, InstrumentError, OperatorError

LONGEST = 4296
"""Bytes: what the largest QR code holds (ISO/IEC 18004, version 40-L, alphanumeric)."""
_LABEL = re.compile(r"LABEL (\d{1,5}) (\d{1,5})", re.ASCII)


class LabelReaderSettings(SerialSettings):
    """Settings of `serial-label-reader`."""


class SerialLabelReader(OnSerialLine):
    """Reads labels. Their text is the device maker's and may hold anything: it is returned as it is.

    Line `TRIG n`; answers `NOREAD n` or `LABEL n length`, then exactly so many bytes and a line end.
    """

    Settings = LabelReaderSettings

    def __init__(self, settings: LabelReaderSettings, context: DriverContext) -> None:
        self._settings = settings
        self._line = SerialLine(settings, f"{context.role} at {settings.address}")
        self.door = self._line.door

    @classmethod
    def open(cls, settings: LabelReaderSettings, context: DriverContext) -> SerialLabelReader:
        """Open the port and check who is there; raises LinkError or InstrumentError."""
        reader = cls(settings, context)
        try:
            reader._begin()
        except BaseException:
            reader.close()
            raise
        return reader

    def identity(self) -> Identity:
        """Ask the reader who it is; InstrumentError BEN-INS-103 when it is not the expected one."""
        return identify(self._line, self._settings.expect_idn)

    def _begin(self) -> None:
        self._line.open()
        self._line.drain()
        self.identity()

    def read(self, sample: int) -> str:
        """Return the label of sample number `sample` (1 and up); bytes that are no UTF-8 come as lone surrogates.

        Raises OperatorError OPR-LBL-001 when there is no label to read, InstrumentError when the reader fails.
        """
        self._line.drain()
        answer = self._line.ask(
            f"TRIG {sample}", lambda given: given == f"NOREAD {sample}" or given.startswith(f"LABEL {sample} ")
        )
        if answer.startswith("NOREAD"):
            raise OperatorError(
                "OPR-LBL-001",
                f"no label of sample {sample} can be read",
                where=self._line.where,
                expected=f"the label of sample {sample} before the reader",
                todo="put the sample, with its label clean and in view, before the reader",
            )
        found = _LABEL.fullmatch(answer)
        if found is None or int(found[2]) > LONGEST:
            raise InstrumentError(
                "BEN-INS-122",
                f"the reader says {shown(answer)}",
                where=self._line.where,
                expected=f"LABEL {sample} and a length up to {LONGEST}",
                todo="check the reader's firmware",
            )
        return self._line.read_exactly(int(found[2])).decode("utf-8", "surrogateescape")

    def check(self) -> list[str]:
        """Return findings: a reader that does not answer."""
        try:
            self.identity()
        except BenchError as error:
            return [str(error)]
        return []

    def close(self) -> None:
        """Close the port; safe to call twice."""
        self._line.close()

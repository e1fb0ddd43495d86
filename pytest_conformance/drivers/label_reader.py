"""Driver `serial-label-reader`: a barcode reader before which the samples' printed labels lie."""

from __future__ import annotations

import re

from pytest_conformance.drivers.asked_serial import AskedInstrument
from pytest_conformance.drivers.readings import shown
from pytest_conformance.drivers.serial_line import SerialSettings
from pytest_conformance.errors import InstrumentError, OperatorError

LONGEST = 4296
"""Bytes: what the largest QR code holds (ISO/IEC 18004, version 40-L, alphanumeric)."""
_LABEL = re.compile(r"LABEL (\d{1,5}) (\d{1,5})", re.ASCII)


class LabelReaderSettings(SerialSettings):
    """Settings of `serial-label-reader`."""


class SerialLabelReader(AskedInstrument):
    """Reads labels. Their text is the device maker's and may hold anything: it is returned as it is.

    Line `TRIG n`; answers `NOREAD n` or `LABEL n length`, then exactly so many bytes and a line end.
    """

    Settings = LabelReaderSettings

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

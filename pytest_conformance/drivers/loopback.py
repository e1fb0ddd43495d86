"""Driver `serial-loopback`: a photodiode and an output with a known delay between them, to calibrate what is timed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_conformance.drivers.contact import ContactSettings, SerialContact
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.readings import shown
from pytest_conformance.drivers.roles import Edge, Loop
from pytest_conformance.errors import InstrumentError

_LOOP = re.compile(r"LOOP (\d{1,19}) (\d{1,19})", re.ASCII)


@dataclass(frozen=True)
class _BoxLoop:
    """Light and answer in microseconds of the box."""

    light: int
    out: int


class SerialLoopback(SerialContact):
    """Sees light as the contact box sees the bolt, with the same lines, and answers it after a known delay.

    Further lines to the box: `DELAY us` or `DELAY -`, answered alike, and `PULSE`, answered `PULSED us`; from it,
    unasked, `LOOP light_us out_us`. Its output is wired in parallel with the bolt's contact.
    """

    def __init__(self, settings: ContactSettings, context: DriverContext) -> None:
        super().__init__(settings, context)
        self._loops: list[_BoxLoop] = []

    def light(self, since: int) -> Sequence[Edge]:
        """Return changes of the light at or after bench time `since` (ns): `closed` is light. Raises as `edges`."""
        return self.edges(since)

    def answer_after(self, seconds: float | None) -> None:
        """Answer each light with the output after `seconds` (0 to 10 s); None: not at all."""
        wanted = "-" if seconds is None else str(round(seconds * 1e6))
        self._line.ask(f"DELAY {wanted}", lambda given: given == f"DELAY {wanted}")

    def pulse(self) -> int:
        """Switch the output for a moment and return when (bench ns)."""
        answer = self._line.ask("PULSE", lambda given: given.startswith("PULSED "))
        stamp = answer.removeprefix("PULSED ")
        if not re.fullmatch(r"[0-9]{1,19}", stamp):
            raise self._unreadable(answer)
        self._synchronise()
        return self._time.bench(int(stamp))

    def loops(self, since: int) -> Sequence[Loop]:
        """Return the loops whose light came at or after bench time `since`, oldest first; raises as `edges`."""
        self.edges(since)
        found = (Loop(self._time.bench(each.light), (each.out - each.light) / 1e6) for each in self._loops)
        return [each for each in found if each.at >= since]

    def _take(self, line: str) -> None:
        found = _LOOP.fullmatch(line)
        if found is None:
            super()._take(line)
        elif int(found[2]) < int(found[1]):
            raise InstrumentError(
                "BEN-INS-122", f"the box says {shown(line)}", where=self._line.where, expected="light before its answer"
            )
        else:
            self._loops.append(_BoxLoop(int(found[1]), int(found[2])))

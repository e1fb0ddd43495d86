"""Driver `serial-mover`: a turntable whose holders are brought before the device."""

from __future__ import annotations

import re

from pytest_conformance.clock import SECOND
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.readings import shown
from pytest_conformance.drivers.roles import Identity
from pytest_conformance.drivers.serial_line import OnSerialLine, SerialLine, SerialSettings, identify
from pytest_conformance.errors import BenchError, InstrumentError, UsageError
from pytest_conformance.quantities import Duration

_POSITION = re.compile(r"POS (\d{1,5}) (READY|MOVING|STALLED|STOPPED)", re.ASCII)
_nothing = type(None)
"""Looking at the table asks it: nothing else can be on its way."""
_HOLDERS = re.compile(r"HOLDERS (\d{1,5})", re.ASCII)


class MoverSettings(SerialSettings):
    """Settings of `serial-mover`."""

    travel: Duration = 20.0
    """How long one movement may take, bench time."""


class SerialMover(OnSerialLine):
    """Moves and waits until the table confirms the position. Lines: `GOTO n`, `HOME`, `STOP`, `POS?`, `HOLDERS?`."""

    Settings = MoverSettings

    def __init__(self, settings: MoverSettings, context: DriverContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._line = SerialLine(settings, f"{context.role} at {settings.address}")
        self._last: int | None = None
        self.door = self._line.door

    @classmethod
    def open(cls, settings: MoverSettings, context: DriverContext) -> SerialMover:
        """Open the port and check who is there; raises LinkError or InstrumentError. Nothing moves."""
        mover = cls(settings, context)
        try:
            mover._begin()
        except BaseException:
            mover.close()
            raise
        return mover

    def identity(self) -> Identity:
        """Ask the table who it is; InstrumentError BEN-INS-103 when it is not the expected one."""
        return identify(self._line, self._settings.expect_idn)

    def _begin(self) -> None:
        self._line.open()
        self._line.drain()
        self.identity()

    def holders(self) -> int:
        """Ask how many holders can carry something; they are numbered from 1, and 0 is the empty place."""
        answer = self._line.ask("HOLDERS?", lambda given: given.startswith("HOLDERS "))
        found = _HOLDERS.fullmatch(answer)
        if found is None:
            raise self._unreadable(answer)
        return int(found[1])

    def goto(self, holder: int) -> None:
        """Bring `holder` before the device and wait until the table confirms it; 0 is the empty place.

        Raises UsageError USE-MOV-001 for a holder that does not exist, InstrumentError BEN-INS-130 when the table
        stalls (it is stopped first) and BEN-INS-131 when it refuses, BEN-INS-132 when the position is not confirmed.
        """
        if self._last is None:
            self._last = self.holders()
        if not 0 <= holder <= self._last:
            raise UsageError(
                "USE-MOV-001", f"there is no holder {holder}", where=self._line.where, expected=f"0 to {self._last}"
            )
        self._command(f"GOTO {holder}")
        self._arrive(holder)

    def home(self) -> None:
        """Bring the empty place before the device, after a stall too, and wait until the table confirms it."""
        self._command("HOME")
        self._arrive(0)

    def stop(self) -> None:
        """Stop at once."""
        self._command("STOP")

    def position(self) -> int:
        """Ask which holder stands before the device; InstrumentError BEN-INS-132 while the table moves or is stuck."""
        place, state = self._look()
        if state != "READY":
            raise self._unconfirmed(f"the table is {state.lower()}", "a table at rest")
        return place

    def check(self) -> list[str]:
        """Return findings: a table that is stuck or moves by itself."""
        try:
            place, state = self._look()
        except BenchError as error:
            return [str(error)]
        return [] if state == "READY" else [f"the table is {state.lower()} at {place}"]

    def close(self) -> None:
        """Close the port; safe to call twice. The table stays where it is."""
        self._line.close()

    def _arrive(self, holder: int) -> None:
        began = self._clock.now()
        seen = self._clock.wait_for(self._at_rest, self._settings.travel, fence=_nothing)
        if seen is None:
            self.stop()
            raise self._unconfirmed(
                f"no rest after {(self._clock.now() - began) / SECOND:.1f} s on the way to {holder}",
                f"a movement within {self._settings.travel:g} s",
            )
        place, state = seen
        if state == "STALLED":
            self.stop()
            raise InstrumentError(
                "BEN-INS-130",
                f"the table stalled on the way to holder {holder}",
                where=self._line.where,
                expected=f"holder {holder} before the device",
                todo="look for what blocks the table; then send it home",
            )
        if (place, state) != (holder, "READY"):
            raise self._unconfirmed(f"the table is {state.lower()} at holder {place}", f"holder {holder}")

    def _at_rest(self) -> tuple[int, str] | None:
        place, state = self._look()
        return None if state == "MOVING" else (place, state)

    def _look(self) -> tuple[int, str]:
        answer = self._line.ask("POS?", lambda given: given.startswith("POS "))
        found = _POSITION.fullmatch(answer)
        if found is None:
            raise self._unreadable(answer)
        return int(found[1]), found[2]

    def _command(self, line: str) -> None:
        answer = self._line.ask(line, lambda given: given == "OK" or given.startswith("ERR"))
        if answer == "OK":
            return
        raise InstrumentError(
            "BEN-INS-130" if answer == "ERR STALL" else "BEN-INS-131",
            f"the table refused {line!r}: {shown(answer)}",
            where=self._line.where,
            expected="OK",
            todo="look for what blocks the table, then send it home" if answer == "ERR STALL" else "check the table",
        )

    def _unconfirmed(self, what: str, expected: str) -> InstrumentError:
        return InstrumentError(
            "BEN-INS-132",
            what,
            where=self._line.where,
            expected=expected,
            todo="void the trial; look at the table",
        )

    def _unreadable(self, line: str) -> InstrumentError:
        return InstrumentError(
            "BEN-INS-122",
            f"the table says {shown(line)}",
            where=self._line.where,
            expected="a line of its protocol",
            todo="check baud rate and parity, and the table's firmware",
        )

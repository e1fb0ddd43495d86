"""The conversation with a SCPI instrument: identity, queries that survive timeouts, checked settings."""

from __future__ import annotations

import contextlib
import fnmatch
import math
import threading
from collections.abc import Callable

from pytest_conformance.clock import SECOND, Clock
from pytest_conformance.drivers import readings
from pytest_conformance.drivers.context import DriverContext, always
from pytest_conformance.drivers.readings import shown
from pytest_conformance.drivers.roles import Identity
from pytest_conformance.drivers.settings import DriverSettings
from pytest_conformance.drivers.visa_link import NoAnswerError, VisaLink
from pytest_conformance.errors import BenchError, InstrumentError, LinkError
from pytest_conformance.quantities import Duration

QUEUE = 64
"""Errors that are read from an instrument's queue at most."""
RETRY_AFTER = (0.05, 0.15)
"""Seconds of backoff between tries to open a link."""


class ScpiSettings(DriverSettings):
    """Settings of every SCPI driver."""

    address: str
    """VISA resource name."""
    timeout: Duration = 2.0
    """How long a query may take."""
    expect_idn: str = ""
    """What *IDN? must answer; `*` and `?` stand for any text and any character."""


class ScpiSession:
    """A SCPI instrument at the end of a VISA link, with the rules of the bench:

    A query that times out is followed by a device clear (or a new connection), a check by `*IDN?` that question and
    answer are in step, and one retry; so a late answer is never taken for the next one. After each setting the
    error queue is read. Not more than one conversation at a time; safe to call from the safe-state thread.
    """

    def __init__(
        self, link: VisaLink, clock: Clock, *, expect_idn: str = "", permit: Callable[[], None] = always
    ) -> None:
        self._link = link
        self._permit = permit
        self._clock = clock
        self._expect_idn = expect_idn
        self._lock = threading.RLock()
        self._in_doubt = False
        self._idn = ""
        self.found_errors: tuple[str, ...] = ()
        """What the error queue held when the session was opened."""
        self.last_talk = clock.now()
        """Bench time of the last answer, ns."""

    @classmethod
    def begin(cls, settings: ScpiSettings, context: DriverContext, address: str = "") -> ScpiSession:
        """Open the link of `settings`, check who is there and empty the error queue.

        Raises LinkError when nobody is there, InstrumentError BEN-INS-103 for another instrument and BEN-INS-108
        when the error queue fills again.
        """
        address = address or settings.address
        link = VisaLink(address, settings.timeout, f"{context.role} at {address}")
        session = cls(link, context.clock, expect_idn=settings.expect_idn, permit=context.permit)
        try:
            session._start()
        except BaseException:
            session.close()
            raise
        return session

    @property
    def door(self) -> str:
        return self._link.door

    @property
    def address(self) -> str:
        return self._link.address

    @property
    def where(self) -> str:
        return self._link.where

    def ask(self, query: str) -> str:
        """Return the answer to `query`; InstrumentError BEN-INS-101 when there is none even after a retry."""
        self._permit()
        with self._lock:
            for _ in range(2):
                if self._in_doubt:
                    self._resynchronise()
                self._in_doubt = True
                try:
                    answer = self._link.query(query)
                except NoAnswerError:
                    continue
                self._in_doubt = False
                self.last_talk = self._clock.now()
                return answer
        raise self._silent(query)

    def number(
        self, query: str, *, unit: str = "", low: float = -math.inf, high: float = math.inf, what: str = ""
    ) -> float:
        """Return the answer to `query` as a number in `unit`; InstrumentError when it is none (see `readings`)."""
        return readings.number(self.ask(query), what=what or query, where=self.where, unit=unit, low=low, high=high)

    def boolean(self, query: str) -> bool:
        """Return the answer to `query`, which must be 0 or 1 (or OFF or ON)."""
        answer = self.ask(query).upper()
        if answer not in ("0", "1", "OFF", "ON"):
            raise InstrumentError(
                "BEN-INS-104",
                f"{query}: the answer {shown(answer)} is no truth value",
                where=self.where,
                expected="0 or 1",
            )
        return answer in ("1", "ON")

    def tell(self, command: str) -> None:
        """Send a setting and read the error queue; InstrumentError BEN-INS-102 lists what was in it."""
        self._permit()
        with self._lock:
            if self._in_doubt:
                self._resynchronise()
            self._link.write(command)
            errors = self.read_errors()
        if errors:
            raise InstrumentError(
                "BEN-INS-102",
                f"the instrument refused {command!r}: {', '.join(shown(each) for each in errors[:5])}"
                + (f" and {len(errors) - 5} more" if len(errors) > 5 else ""),
                where=self.where,
                expected="an empty error queue",
                todo="check the instrument's range, its options and its front panel",
            )

    def read_errors(self) -> tuple[str, ...]:
        """Read the error queue until it is empty, at most 64 entries."""
        errors: list[str] = []
        for _ in range(QUEUE):
            answer = self.ask("SYST:ERR?")
            if answer.lstrip("+").split(",")[0].strip() == "0":
                break
            errors.append(answer)
        return tuple(errors)

    def identity(self) -> Identity:
        """Ask who is there; InstrumentError BEN-INS-103 when it is no longer the one that was opened."""
        answer = self.ask("*IDN?")
        if self._idn and answer != self._idn:
            raise self._stranger(answer, self._idn)
        return self._parsed(answer)

    def close(self) -> None:
        self._link.close()

    def _start(self) -> None:
        self._open_patiently()
        self._idn = self.ask("*IDN?")
        self._parsed(self._idn)
        if self._expect_idn and not fnmatch.fnmatchcase(self._idn, self._expect_idn):
            raise self._stranger(self._idn, self._expect_idn)
        self.found_errors = self.read_errors()
        if self.found_errors:
            self._link.write("*CLS")
            if again := self.read_errors():
                raise InstrumentError(
                    "BEN-INS-108",
                    f"the error queue fills again after it was cleared: {', '.join(map(shown, again[:5]))}",
                    where=self.where,
                    expected="an empty error queue",
                    todo="look at the instrument's front panel; switch it off and on",
                )

    def _open_patiently(self) -> None:
        with self._clock.realtime():
            for pause in RETRY_AFTER:
                with contextlib.suppress(LinkError):
                    self._link.open()
                    return
                self._clock.sleep(pause)
            self._link.open()

    def _resynchronise(self) -> None:
        """Get question and answer into step: clear, then `*IDN?`; a link that stays out of step is opened anew."""
        for attempt in range(2):
            if attempt:
                self._link.open()
            else:
                self._link.clear()
            try:
                answer = self._link.query("*IDN?")
            except NoAnswerError:
                continue
            if not self._idn or answer == self._idn:
                self._in_doubt = False
                self.last_talk = self._clock.now()
                return
        raise InstrumentError(
            "BEN-INS-107",
            "question and answer are out of step, and neither a device clear nor a new connection mends it",
            where=self.where,
            expected=f"*IDN? answered {shown(self._idn)}" if self._idn else "an answer to *IDN?",
            todo="switch the instrument off and on",
        )

    def _parsed(self, answer: str) -> Identity:
        parts = [each.strip() for each in answer.split(",")]
        if len(parts) != 4 or len(answer) > 400:
            raise InstrumentError(
                "BEN-INS-109",
                f"*IDN? answered {shown(answer)}",
                where=self.where,
                expected="manufacturer, model, serial number and firmware, with commas between",
                todo="check that the address belongs to a SCPI instrument",
            )
        return Identity(*parts)

    def _stranger(self, answer: str, expected: str) -> InstrumentError:
        return InstrumentError(
            "BEN-INS-103",
            f"another instrument answers: {shown(answer, 120)}",
            where=self.where,
            expected=shown(expected, 120),
            todo="connect the right instrument, or correct expect_idn and its calibration in the bench file",
        )

    def _silent(self, query: str) -> InstrumentError:
        return InstrumentError(
            "BEN-INS-101",
            f"no answer to {query!r}, even after a device clear and a second try",
            where=self.where,
            expected="an answer within the timeout",
            todo="check the instrument; raise its timeout in the bench file if it is only slow",
        )


class ScpiDriver:
    """What the SCPI drivers share: identity, door, findings for the doctor, closing. Not an instrument by itself."""

    def __init__(self, session: ScpiSession, context: DriverContext) -> None:
        self._session = session
        self._clock = context.clock
        self.door = session.door

    def identity(self) -> Identity:
        """Ask the instrument who it is; InstrumentError BEN-INS-103 when it changed since it was opened."""
        return self._session.identity()

    def check(self) -> list[str]:
        """Return what a person should know about this instrument's state; an empty list when all is well."""
        found = [f"error queue was not empty: {shown(each)}" for each in self._session.found_errors]
        try:
            found += [f"error queue: {shown(each)}" for each in self._session.read_errors()]
        except BenchError as error:
            found.append(str(error))
        return found

    def close(self) -> None:
        """Release the link; safe to call twice."""
        self._session.close()

    def _silent_for(self) -> float:
        """Return the seconds of bench time since the instrument last answered."""
        return (self._clock.now() - self._session.last_talk) / SECOND

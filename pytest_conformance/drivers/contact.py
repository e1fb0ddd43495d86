"""Driver `serial-contact`: a box that stamps the edges of the bolt's contact with its own microsecond clock."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from itertools import count
from typing import Self

from pytest_conformance.clock import SECOND
from pytest_conformance.drivers.box_time import MICROSECOND, BoxTime, Exchange, fastest
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.readings import shown
from pytest_conformance.drivers.roles import Edge, Identity
from pytest_conformance.drivers.serial_line import OnSerialLine, SerialLine, SerialSettings, identify
from pytest_conformance.errors import BenchError, InstrumentError
from pytest_conformance.quantities import Duration

PINGS = 8
"""Exchanges of one synchronisation; the fastest counts."""
_EDGE = re.compile(r"EDGE (CLOSED|OPEN) (\d{1,19}) (\d{1,19})", re.ASCII)
_STATE = re.compile(r"STATE (CLOSED|OPEN) (\d{1,19}) (\d{1,19})", re.ASCII)


class ContactSettings(SerialSettings):
    """Settings of `serial-contact`."""

    resync: Duration = 10.0
    """Bench time after which the box's clock is compared again."""
    stamped: bool = True
    canary: Duration = 0.02
    """Scheduling delay of the host beyond which a timed trial is void."""
    inverted: bool = False
    """The contact is open when the bolt is thrown."""


class SerialContact(OnSerialLine):
    """Knows each edge of the contact in bench time.

    Lines to the box: `ID?`, `PING n`, `STATE?`; from it: `PONG n us`, `STATE CLOSED|OPEN us edges`, and unasked
    `EDGE CLOSED|OPEN us number`. Edges are numbered, so that a lost one is noticed.
    """

    Settings = ContactSettings

    def __init__(self, settings: ContactSettings, context: DriverContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._line = SerialLine(settings, f"{context.role} at {settings.address}", self._take)
        self._tags = count(1)
        self._time = BoxTime()
        self._edges: list[tuple[int, bool]] = []
        self._counted = 0
        self._problem: InstrumentError | None = None
        self.door = self._line.door
        self.canary = float(settings.canary)
        self.echoes: list[float] = []
        """Round trips (s) of the last comparison of clocks."""

    @classmethod
    def open(cls, settings: ContactSettings, context: DriverContext) -> Self:
        """Open the port, check who is there and compare clocks; raises LinkError or InstrumentError."""
        contact = cls(settings, context)
        try:
            contact._begin()
        except BaseException:
            contact.close()
            raise
        return contact

    @property
    def uncertainty(self) -> float:
        """Standard uncertainty of an edge's bench time, seconds: delay of the exchanges, resolution, wander."""
        return self._time.uncertainty()

    def identity(self) -> Identity:
        """Ask the box who it is; InstrumentError BEN-INS-103 when it is not the expected one."""
        return identify(self._line, self._settings.expect_idn)

    def _begin(self) -> None:
        self._line.open()
        self._line.drain()
        self.identity()
        self._time = BoxTime()
        self._counted = self._state()[1]
        self._edges.clear()
        self._problem = None
        self._synchronise()

    def closed(self) -> bool:
        """Ask whether the contact is closed now (bolt thrown)."""
        closed, _ = self._state()
        self._complain()
        return closed

    def edges(self, since: int) -> Sequence[Edge]:
        """Return the edges at or after bench time `since` (ns), oldest first.

        Raises InstrumentError BEN-INS-120 when the box counted an edge that did not arrive, BEN-INS-121 when it
        was restarted.
        """
        _, counted = self._state()
        if counted != self._counted and self._problem is None:
            self._problem = self._lost_edges(counted)
        if self._clock.now() - self._time.last.received > self._settings.resync * SECOND or self._fresh():
            self._synchronise()
        self._complain()
        found: list[Edge] = []
        for at, closed in reversed(self._edges):
            edge = Edge(self._time.bench(at), closed)
            if edge.at < since:
                break
            found.append(edge)
        return found[::-1]

    def check(self) -> list[str]:
        """Return findings: a slow or jittery link, CTS that contradicts the state, lost edges."""
        found = []
        try:
            closed = self.closed()
            cts = self._line.cts()
            if cts is not None and (cts != self._settings.inverted) != closed:
                found.append(f"CTS says {'closed' if cts else 'open'}, the box says {'closed' if closed else 'open'}")
            if self.uncertainty > 0.005:
                found.append(f"edges are only known to {self.uncertainty * 1e3:.1f} ms; use a faster link")
        except BenchError as error:
            found.append(str(error))
        return found

    def lateness(self) -> float:
        """Return the worst scheduling delay (s) that the stamping process suffered since this was asked last."""
        return self._line.lateness()

    def close(self) -> None:
        """Close the port; safe to call twice."""
        self._line.close()

    def _fresh(self) -> bool:
        """Tell whether there are edges after the last comparison of the clocks."""
        return bool(self._edges) and self._edges[-1][0] > self._time.last.box

    def _synchronise(self) -> None:
        with self._clock.realtime():
            exchanges = [self._ping() for _ in range(PINGS)]
        best = fastest(exchanges)
        self.echoes = [each.delay / 1e9 for each in exchanges]
        if self._time and best.box < self._time.last.box:
            self._problem = self._restarted(best.box, self._time.last.box)
            return
        self._time.keep(best)

    def _ping(self) -> Exchange:
        tag = next(self._tags)
        prefix = f"PONG {tag} "
        answer = self._line.ask(f"PING {tag}", lambda given: given.startswith(prefix))
        ahead = self._clock.now() - time.monotonic_ns()  # bench time is this much ahead of the host's stamps
        sent, received = self._line.sent + ahead, self._line.arrived + ahead
        stamp = answer.removeprefix(prefix)
        if not re.fullmatch(r"[0-9]{1,19}", stamp):
            raise self._unreadable(answer)
        return Exchange(sent, int(stamp), received)

    def _state(self) -> tuple[bool, int]:
        """Return whether the contact is closed, and how many edges the box has counted."""
        answer = self._line.ask("STATE?", lambda given: given.startswith("STATE "))
        found = _STATE.fullmatch(answer)
        if found is None:
            raise self._unreadable(answer)
        if self._time and int(found[2]) < self._time.last.box and self._problem is None:
            self._problem = self._restarted(int(found[2]), self._time.last.box)
        return (found[1] == "CLOSED") != self._settings.inverted, int(found[3])

    def _take(self, line: str) -> None:
        """Note an edge; called for each line that nobody asked for."""
        found = _EDGE.fullmatch(line)
        if found is None:
            if line.startswith("EDGE") and self._problem is None:
                self._problem = self._unreadable(line)
            return
        number = int(found[3])
        if number != self._counted + 1 and self._problem is None:
            self._problem = self._lost_edges(number)
        self._counted = number
        self._edges.append((int(found[2]), (found[1] == "CLOSED") != self._settings.inverted))

    def _complain(self) -> None:
        problem, self._problem = self._problem, None
        if problem is not None:
            raise problem

    def _lost_edges(self, number: int) -> InstrumentError:
        known, self._counted = self._counted, number
        return InstrumentError(
            "BEN-INS-120",
            f"the box counts {number} edges where {known} were known",
            where=self._line.where,
            expected="every edge on the line",
            todo="void the trial; check the cable and the baud rate",
        )

    def _restarted(self, box: int, before: int) -> InstrumentError:
        self._time = BoxTime()
        self._edges.clear()
        self._counted = 0
        self._time.keep(Exchange(self._clock.now(), box, self._clock.now()))
        return InstrumentError(
            "BEN-INS-121",
            f"the box's clock went back from {before / 1e6:.3f} s to {box / 1e6:.3f} s: it was restarted",
            where=self._line.where,
            expected="a box that runs through",
            todo="void the trial; check the box's power",
        )

    def _unreadable(self, line: str) -> InstrumentError:
        return InstrumentError(
            "BEN-INS-122",
            f"the box says {shown(line)}",
            where=self._line.where,
            expected=f"a line of its protocol, times in units of {MICROSECOND} ns",
            todo="check baud rate and parity, and the box's firmware",
        )

"""Driver `terminal-operator`: a person at a terminal who is asked to do something and says that it is done."""

from __future__ import annotations

import contextlib
import os
import select
import termios
from typing import TypeVar

from pytest_conformance.clock import SECOND, Clock
from pytest_conformance.drivers.asking import Asking, Question, RefusedEntryError
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.readings import shown
from pytest_conformance.drivers.roles import Identity
from pytest_conformance.drivers.settings import DriverSettings
from pytest_conformance.errors import LinkError
from pytest_conformance.quantities import Duration

LONGEST = 200
"""Bytes of an answer that are kept; nobody is asked for more than a value."""
T = TypeVar("T")


class TerminalOperatorSettings(DriverSettings):
    """Settings of `terminal-operator`."""

    address: str = "/dev/tty"
    """The terminal: by default the one that the run was started from, whatever pytest does with its output."""
    timeout: Duration = 300.0
    """How long a person may take."""
    reminder: Duration = 60.0
    """How often they are reminded meanwhile."""


class TerminalOperator(Asking):
    """Asks on a terminal, a line for an answer; what is no answer is asked again (I06)."""

    Settings = TerminalOperatorSettings

    def __init__(self, settings: TerminalOperatorSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._fd = -1
        self._typed = b""
        self.door = "terminal"

    @classmethod
    def open(cls, settings: TerminalOperatorSettings, context: DriverContext) -> TerminalOperator:
        """Open the terminal; LinkError BEN-LNK-141 when there is none."""
        operator = cls(settings, context.clock)
        try:
            operator._fd = os.open(settings.address, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
            termios.tcgetattr(operator._fd)
        except (OSError, termios.error) as error:
            operator.close()
            raise LinkError(
                "BEN-LNK-141",
                f"there is no terminal to ask a person on ({shown(str(error), 120)})",
                where=f"{context.role} at {settings.address}",
                expected="a terminal",
                todo="start the run from a terminal, or name one as the role's address",
            ) from error
        return operator

    def identity(self) -> Identity:
        """Return the terminal: who sits there is not known to it."""
        return Identity("", "terminal", os.ttyname(self._fd), "")

    def tell(self, text: str) -> None:
        """Show `text`, with no answer expected; LinkError BEN-LNK-142 when the terminal is gone."""
        try:
            os.write(self._fd, f"\r\n{text}\r\n".encode())
        except OSError as error:
            raise self._gone(str(error)) from error

    def _settled(self, question: Question[T]) -> T:
        """Show the question until a line answers it; what was typed before does not count, and time is the wall's.

        Raises OperatorError OPR-ASK-001 when nobody answers in time, LinkError BEN-LNK-142 when the terminal is gone.
        """
        self._typed = b""
        with contextlib.suppress(termios.error):
            termios.tcflush(self._fd, termios.TCIFLUSH)
        whole = f"{question.text}\r\n  {question.how} > "
        again, until = whole, self._clock.now() + round(self._settings.timeout * SECOND)
        with self._clock.realtime():
            while (left := (until - self._clock.now()) / SECOND) > 0:
                self.tell(again)
                line = self._clock.wait_for(self._line, min(left, self._settings.reminder))
                if line is None:
                    again = f"Still waiting. {whole}"
                    continue
                try:
                    return self._take(question, line)
                except RefusedEntryError as error:
                    again = f"{error}. {whole}"
        self.tell("No answer: void.")
        raise self._unanswered(question, self._settings.address, self._settings.timeout)

    def check(self) -> list[str]:
        """Return findings: none, for a terminal that is gone says so when it is written to."""
        return []

    def close(self) -> None:
        """Let the terminal go; safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _line(self) -> str | None:
        """Return the line that was typed, with its end; None while there is none."""
        if not select.select([self._fd], [], [], 0.0)[0]:
            return None
        try:
            read = os.read(self._fd, LONGEST)
        except OSError as error:
            raise self._gone(str(error)) from error
        if not read:
            raise self._gone("end of file")
        self._typed = (self._typed + read)[-LONGEST:]
        line, end, _ = self._typed.replace(b"\r", b"\n").partition(b"\n")
        if not end:
            return None
        self._typed = b""
        return line.decode("utf-8", "replace") + "\n"

    def _gone(self, why: str) -> LinkError:
        return LinkError(
            "BEN-LNK-142",
            f"the terminal went away ({shown(why, 120)})",
            where=self._settings.address,
            expected="a terminal that stays for the whole run",
            todo="start the run in a terminal multiplexer",
        )

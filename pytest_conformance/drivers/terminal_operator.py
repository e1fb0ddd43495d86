"""Driver `terminal-operator`: a person at a terminal who is asked to do something and says that it is done."""

from __future__ import annotations

import contextlib
import os
import select
import termios

from pytest_conformance.clock import SECOND, Clock
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.readings import shown
from pytest_conformance.drivers.roles import Identity
from pytest_conformance.drivers.settings import DriverSettings
from pytest_conformance.errors import LinkError, OperatorError
from pytest_conformance.quantities import Duration

LONGEST = 200
"""Bytes of an answer that are kept; nobody is asked for more than a letter."""
SKIP = "s"


class TerminalOperatorSettings(DriverSettings):
    """Settings of `terminal-operator`."""

    address: str = "/dev/tty"
    """The terminal: by default the one that the run was started from, whatever pytest does with its output."""
    timeout: Duration = 300.0
    """How long a person may take."""
    reminder: Duration = 60.0
    """How often they are reminded meanwhile."""


class TerminalOperator:
    """Asks on a terminal and takes `Enter` for done and `s` for skip; anything else is asked again (I06)."""

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

    def ask(self, text: str) -> bool:
        """Ask for `text` to be done: True when it was, False when the person skips it.

        What was typed before the question does not count. Time runs as on the wall meanwhile. Raises OperatorError
        OPR-ASK-001 when nobody answers in time, after reminders (I01); LinkError BEN-LNK-142 when the terminal is gone.
        """
        self._typed = b""
        with contextlib.suppress(termios.error):
            termios.tcflush(self._fd, termios.TCIFLUSH)
        question = f"{text}\r\n  [Enter] done   [{SKIP}] skip > "
        again, until = question, self._clock.now() + round(self._settings.timeout * SECOND)
        with self._clock.realtime():
            while (left := (until - self._clock.now()) / SECOND) > 0:
                self.tell(again)
                answer = self._clock.wait_for(self._line, min(left, self._settings.reminder))
                if answer is None:
                    again = f"Still waiting. {question}"
                elif answer.strip().lower() in ("\n", "", SKIP):
                    return answer.strip().lower() != SKIP
                else:
                    again = f"{shown(answer.strip(), 40)} is no answer. {question}"
        self.tell("No answer: void.")
        raise OperatorError(
            "OPR-ASK-001",
            f"nobody answered: {text}",
            where=self._settings.address,
            expected=f"Enter or {SKIP} within {self._settings.timeout:g} s",
            todo="stay at the terminal, or give the role operator a longer timeout",
        )

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

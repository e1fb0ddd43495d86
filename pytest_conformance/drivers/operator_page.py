"""Driver `page-operator`: people who answer on a page of this host, each logged in, from any number of browsers."""

from __future__ import annotations

import fnmatch
import hmac
import os
import threading
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from pydantic import Field

from pytest_conformance.clock import SECOND, Clock
from pytest_conformance.drivers.asking import Asking, Question, RefusedEntryError
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.operator_http import Form, PageServer, Said
from pytest_conformance.drivers.roles import Identity
from pytest_conformance.drivers.settings import DriverSettings
from pytest_conformance.errors import LinkError, UsageError
from pytest_conformance.quantities import Duration

T = TypeVar("T")
ENV = "env:"


class PageOperatorSettings(DriverSettings):
    """Settings of `page-operator`."""

    address: str = "127.0.0.1:8420"
    """HOST:PORT at which the page is served; port 0 takes a free one, which the record names."""
    logins: dict[str, str]
    """Who may log in: name to `env:NAME`, the environment variable that holds the PIN."""
    methods: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """For which clauses (patterns) a person is authorised; who is not listed is for all."""
    session: Duration = 1800.0
    """How long a log-in lasts."""
    timeout: Duration = 300.0
    """How long a person may take."""
    reminder: Duration = 60.0
    """How often they are reminded meanwhile."""


@dataclass
class _Asked:
    """One question on the page: its number, and whose answer it has."""

    number: int
    question: Question[Any]
    answer: str | None = None
    person: str = ""
    value: Any = None
    reminders: int = 0


class PageOperator(Asking):
    """Puts one question at a time on the page; the first valid answer counts, and a later, other one is a conflict.

    A question stays until it is answered, whatever becomes of browsers and connections (case I02). Who is not
    authorised for the running clauses may answer only by overriding that with a reason: the run is not accredited
    then (I04).
    """

    Settings = PageOperatorSettings
    door = "page"

    def __init__(self, settings: PageOperatorSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.RLock()
        self._numbers = count(1)
        self._asked: _Asked | None = None
        self._told = ""
        self._pins = {name: _pin(name, where) for name, where in settings.logins.items()}
        self._server = PageServer(self, settings.session)

    @classmethod
    def open(cls, settings: PageOperatorSettings, context: DriverContext) -> PageOperator:
        """Serve the page; LinkError BEN-LNK-145 when its port is not free, UsageError USE-OPR-001 without a PIN."""
        operator = cls(settings, context.clock)
        host, _, port = settings.address.rpartition(":")
        if not host or not port.isdecimal():
            raise UsageError("USE-OPR-002", f"address {settings.address!r} is not HOST:PORT", where=context.role)
        try:
            operator._server.open(host, int(port))
        except OSError as error:
            raise LinkError(
                "BEN-LNK-145",
                f"the operators' page cannot be served ({error})",
                where=f"{context.role} at {settings.address}",
                expected="a free port",
                todo="end what uses it, or name another port",
            ) from error
        return operator

    def identity(self) -> Identity:
        """Return where the page is."""
        return Identity("", "page", self._server.url, "")

    def tell(self, text: str) -> None:
        """Show `text` on the page, with no answer expected."""
        self._told = text

    def check(self) -> list[str]:
        """Return findings: none, for who is there is not known before they log in."""
        return []

    def close(self) -> None:
        """Stop serving; safe to call twice."""
        self._server.close()

    # --- what the page asks of us, from its own threads

    def knows(self, person: str, pin: str) -> bool:
        """Tell whether `pin` is the person's."""
        wanted = self._pins.get(person)
        return wanted is not None and hmac.compare_digest(wanted.encode(), pin.encode())

    def authorised(self, person: str) -> bool:
        """Tell whether the person may operate for the clauses of the running test."""
        patterns = self._settings.methods.get(person)
        fits = (any(fnmatch.fnmatchcase(each, one) for one in patterns or ()) for each in self.clauses)
        return patterns is None or all(fits)

    def form(self, person: str) -> Form:
        """Return what the page shows to `person`."""
        with self._lock:
            asked = self._asked
            if asked is None:
                return Form(0, self._told or "Nothing is asked.", "", "")
            said = f"{asked.person} answered: {asked.answer}." if asked.answer is not None else ""
            waits = "Still waiting. " if asked.reminders and not said else ""
            override = "" if self.authorised(person) else ", ".join(self.clauses)
            return Form(asked.number, waits + asked.question.text, "" if said else asked.question.how, said, override)

    def answered(self, person: str, number: int, line: str, override: str) -> Said:
        """Take an answer of `person` to question `number`, and return what to tell them."""
        with self._lock:
            asked = self._asked
            if asked is None or asked.number != number:
                return Said(False, "That question is no longer asked.")
            if asked.answer is not None:
                return self._second(asked, person, line)
            more = {"person": person}
            if not self.authorised(person):
                if not override.strip():
                    clauses = ", ".join(self.clauses)
                    self.journal(
                        "operator", {"prompt": asked.question.text, "refused": f"not authorised: {clauses}", **more}
                    )
                    return Said(False, f"{person} is not authorised for {clauses}: log in as somebody who is.")
                more["override"] = override.strip()[:200]
            try:
                asked.value = self._take(asked.question, line, **more)
            except RefusedEntryError as error:
                return Said(False, str(error))
            asked.answer, asked.person = asked.question.word(asked.value), person
            return Said(True, f"{asked.answer}: recorded.")

    def _second(self, asked: _Asked, person: str, line: str) -> Said:
        """A second answer: the first one counts, a different one is recorded as a conflict (case I03)."""
        try:
            word = asked.question.word(asked.question.take(line))
        except RefusedEntryError:
            word = line.strip()[:200]
        first = f"{asked.person} answered {asked.answer!r} first"
        if word == asked.answer:
            return Said(True, f"{first}: the same.")
        said = {"prompt": asked.question.text, "answer": word, "person": person, "conflict": first}
        self.journal("operator", said)
        return Said(False, f"Conflict: {first}, and that counts. Your {word!r} is recorded beside it.")

    def _settled(self, question: Question[T]) -> T:
        """Put the question on the page until somebody answers it; it stays there until the next one.

        Raises OperatorError OPR-ASK-001 when nobody answers in time.
        """
        asked = _Asked(next(self._numbers), question)
        with self._lock:
            self._asked = asked
        until = self._clock.now() + round(self._settings.timeout * SECOND)
        with self._clock.realtime():
            while (left := (until - self._clock.now()) / SECOND) > 0:
                if self._clock.wait_for(lambda: asked.answer is not None, min(left, self._settings.reminder)):
                    value: T = asked.value
                    return value
                asked.reminders += 1
        with self._lock:
            if asked.answer is not None:
                late: T = asked.value
                return late
            self._asked = None
        raise self._unanswered(question, self._server.url, self._settings.timeout)


def _pin(name: str, where: str) -> str:
    pin = os.environ.get(where.removeprefix(ENV), "") if where.startswith(ENV) else ""
    if not pin:
        raise UsageError(
            "USE-OPR-001",
            f"there is no PIN of operator {name!r}",
            where="logins",
            expected="env:NAME, and the PIN in that environment variable",
            todo="set the variable where the run is started; the PIN itself is in no file",
        )
    return pin

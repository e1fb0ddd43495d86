"""What drivers of the role `operator` share: questions, values that are typed in, what is journalled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pytest_conformance.drivers.readings import shown
from pytest_conformance.errors import OperatorError

T = TypeVar("T")
SKIP = "s"
NO_ANSWER = "none in time"


class RefusedEntryError(ValueError):
    """What was typed is no answer; the text says why, for the person who typed it."""


@dataclass(frozen=True)
class Question(Generic[T]):
    """What is asked, how to answer, and what a typed line means: `take` returns a value or raises RefusedEntryError."""

    text: str
    how: str
    take: Callable[[str], T]
    word: Callable[[T], str] = field(default=str)
    """What the record calls an answer."""


def deed(text: str) -> Question[bool]:
    """Return the question whether `text` was done: an empty line says so, `s` skips it, anything else is no answer."""

    def take(line: str) -> bool:
        typed = line.strip().lower()
        if typed not in ("", SKIP):
            raise RefusedEntryError(f"{shown(line.strip(), 40)} is no answer")
        return typed != SKIP

    return Question(text, f"[Enter] done   [{SKIP}] skip", take, lambda done: "done" if done else "skip")


def value(name: str, unit: str, lower: float, upper: float) -> Question[float]:
    """Return the question for a value in `unit`; decimal commas, other digits, other units and what is not plausible
    are no answer (case I06)."""
    from pytest_conformance.quantities import QuantityError, quantity

    def take(line: str) -> float:
        try:
            number = quantity(line, unit)
        except QuantityError as error:
            raise RefusedEntryError(str(error)) from error
        if not lower <= number <= upper:
            raise RefusedEntryError(f"{number:g} {unit} is not plausible: {lower:g} to {upper:g} {unit} is expected")
        return number

    return Question(
        f"{name}, {lower:g} to {upper:g} {unit}", f"a number and {unit}", take, lambda said: f"{said:g} {unit}"
    )


class Asking:
    """Asks, and tells the record everything that was asked and answered, the refused entries included.

    `journal` takes the type and the data of an event; a run sets it, and nobody hears of it before. `clauses` are those
    of the running test.
    """

    journal: Callable[[str, Mapping[str, Any]], object] = staticmethod(lambda kind, data: None)
    clauses: tuple[str, ...] = ()

    def ask(self, text: str) -> bool:
        """Ask for `text` to be done: True when it was, False when the person skips it.

        Raises OperatorError OPR-ASK-001 when nobody answers in time, after reminders (I01).
        """
        return self._settled(deed(text))

    def enter(self, name: str, unit: str, lower: float, upper: float) -> float:
        """Ask for the value of `name` in `unit`, from `lower` to `upper`, until one is typed; raises as `ask`."""
        return self._settled(value(name, unit, lower, upper))

    def _settled(self, question: Question[T]) -> T:
        """Put the question until it has its answer."""
        raise NotImplementedError

    def _take(self, question: Question[T], line: str, **more: str) -> T:
        """Return what `line` means, and journal it; RefusedEntryError, journalled as well, for what is no answer."""
        try:
            meant = question.take(line)
        except RefusedEntryError as error:
            said = {"prompt": question.text, "answer": line.strip()[:200], "refused": str(error), **more}
            self.journal("operator", said)
            raise
        self.journal("operator", {"prompt": question.text, "answer": question.word(meant), **more})
        return meant

    def _unanswered(self, question: Question[Any], where: str, seconds: float) -> OperatorError:
        """Journal that nobody answered; return the error to raise. Silence is never a yes."""
        self.journal("operator", {"prompt": question.text, "answer": NO_ANSWER})
        return OperatorError(
            "OPR-ASK-001",
            f"nobody answered: {question.text}",
            where=where,
            expected=f"{question.how} within {seconds:g} s",
            todo="stay at the bench, or give the role operator a longer timeout",
        )

"""Visit everything that a bench file lists, one by one: who answers, what it complains of, how to mend what is missing.

Nothing is switched on. What the machine itself can do is in `machine`.
"""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from pytest_conformance.errors import BenchError, ConformanceError, LinkError, UsageError

if TYPE_CHECKING:
    from pytest_conformance.bench.assembly import Bench
    from pytest_conformance.bench.file import RoleEntry
    from pytest_conformance.drivers.roles import Identity

DEADLINE = 30.0
"""Wall seconds after which a role that neither answers nor fails is left behind."""
SOON = 30
"""Days before the end of a calibration from which it is mentioned."""

T = TypeVar("T")


@dataclass(frozen=True)
class Trouble:
    """Why something was not reached, and what to do: the parts of a `ConformanceError`.

    `refused` is True when the bench file is at fault (a UsageError), not what stands on the bench.
    """

    code: str
    what: str
    where: str
    expected: str
    todo: str
    refused: bool = False


@dataclass(frozen=True)
class Visit:
    """What came of going to one role or channel. `seconds` of wall time; `calibration_days` None without one."""

    name: str
    kind: Literal["role", "channel"]
    driver: str
    address: str
    id: str
    place: str
    """`file:line:column` of its entry."""
    reached: bool
    seconds: float
    door: str = ""
    identity: Identity | None = None
    calibration_days: int | None = None
    findings: tuple[str, ...] = ()
    """What a person should know although it was reached."""
    trouble: Trouble | None = field(default=None)


def visit_all(bench: Bench, today: datetime.date, deadline: float = DEADLINE) -> Iterator[Visit]:
    """Go to each role, then to each channel of `bench`, each for at most `deadline` seconds; none stops the next."""
    for name, entry in bench.file.roles.items():
        yield visit(entry, "role", lambda name=name: bench.role(name), today, deadline)  # type: ignore[misc]
    for name, entry in bench.file.channels.items():
        yield visit(entry, "channel", lambda name=name: bench.channel(name), today, deadline)  # type: ignore[misc]


def visit(
    entry: RoleEntry, kind: Literal["role", "channel"], reach: Callable[[], Any], today: datetime.date, deadline: float
) -> Visit:
    """Open what `entry` names with `reach()`, ask who it is and what it finds; whatever goes wrong is in the answer."""
    days = entry.calibration.days_left(today) if entry.calibration is not None else None
    began = time.monotonic()
    asked = _Asked(lambda: _ask(reach()))
    asked.join(deadline)
    seconds = time.monotonic() - began
    door, identity, trouble = "", None, None
    findings: tuple[str, ...] = ()
    if asked.is_alive():
        trouble = _hanging(entry, deadline)
    elif asked.failure is not None:
        trouble = _trouble(asked.failure, entry)
    elif asked.answer is not None:
        door, identity, findings = asked.answer
    return Visit(
        entry.name,
        kind,
        entry.driver,
        entry.address,
        entry.id,
        entry.where,
        trouble is None,
        seconds,
        door,
        identity,
        days,
        (*_calibration(days), *findings),
        trouble,
    )


class _Asked(threading.Thread, Generic[T]):
    """A question in a thread of its own: one that never ends is left behind."""

    def __init__(self, question: Callable[[], T]) -> None:
        super().__init__(name="doctor", daemon=True)
        self._question = question
        self.answer: T | None = None
        self.failure: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = self._question()
        except BaseException as error:  # the thread's only way out: the caller reports it
            self.failure = error


def _ask(driver: Any) -> tuple[str, Identity | None, tuple[str, ...]]:
    identity = driver.identity() if hasattr(driver, "identity") else None
    findings = tuple(str(each) for each in driver.check()) if hasattr(driver, "check") else ()
    return str(getattr(driver, "door", "?")), identity, findings


def _calibration(days: int | None) -> tuple[str, ...]:
    if days is None or days > SOON:
        return ()
    if days < 0:
        return (f"its calibration ended {-days} days ago: have it calibrated before it is used for a verdict",)
    return (f"its calibration ends in {days} days",)


def _hanging(entry: RoleEntry, deadline: float) -> Trouble:
    error = LinkError(
        "BEN-DOC-001",
        f"{entry.name} neither answered nor failed",
        where=f"{entry.name} at {entry.address or entry.driver}",
        expected=f"an answer within {deadline:g} s",
        todo="switch it off and on, check its cable, and see that nothing else holds its link",
    )
    return _trouble(error, entry)


def _trouble(error: BaseException, entry: RoleEntry) -> Trouble:
    if not isinstance(error, ConformanceError):
        error = BenchError(
            "BEN-DOC-002",
            f"driver {entry.driver!r} failed: {type(error).__name__}: {error}",
            where=f"{entry.name} at {entry.address or entry.driver}",
            expected="an answer, or an error of the bench's own",
            todo="check the instrument, then the driver",
        )
    return Trouble(error.code, error.what, error.where, error.expected, error.todo, isinstance(error, UsageError))

"""The error tree: every error says what happened, where, what was expected, what to do next, with a stable code.

Split by who must act. Anything below `ConformanceError` that leaves a test is never a verdict on the device:
its `cause` becomes the cause of an `INCONCLUSIVE` verdict (architecture, section 6).
"""

from __future__ import annotations

from typing import ClassVar, Literal

CauseName = Literal["dut", "bench", "operator", "environment", "method", "aborted"]


class ConformanceError(Exception):
    """Root of all errors that the bench raises on purpose.

    `code` is stable and documented (`BEN-SER-003`). `where` names the instrument, file or channel. `expected`
    and `todo` complete the message: what should have been, and what the reader can do next.
    """

    cause: ClassVar[CauseName] = "bench"

    def __init__(self, code: str, what: str, *, where: str = "", expected: str = "", todo: str = "") -> None:
        super().__init__(code, what, where, expected, todo)
        self.code = code
        self.what = what
        self.where = where
        self.expected = expected
        self.todo = todo

    def __str__(self) -> str:
        parts = [f"{self.code}: {self.what}"]
        if self.where:
            parts.append(f"where: {self.where}")
        if self.expected:
            parts.append(f"expected: {self.expected}")
        if self.todo:
            parts.append(f"to do: {self.todo}")
        return "; ".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.code, self.what, self.where, self.expected, self.todo))


def _rebuild(
    kind: type[ConformanceError], code: str, what: str, where: str, expected: str, todo: str
) -> ConformanceError:
    return kind(code, what, where=where, expected=expected, todo=todo)


class BenchError(ConformanceError):
    """An instrument, link, calibration, lease or store of the bench failed: the lab must mend it."""


class InstrumentError(BenchError):
    """An instrument answered wrongly, late or not at all (`BEN-INS-...`)."""


class LinkError(BenchError):
    """A wire, socket or port between bench and instrument or device broke (`BEN-LNK-...`, `BEN-SER-...`)."""


class CalibrationError(BenchError):
    """A calibration is missing, expired or does not cover the range (`BEN-CAL-...`)."""


class LeaseError(BenchError):
    """The bench is held by someone else (`BEN-LSE-...`)."""


class StorageError(BenchError):
    """The record cannot be written or read back (`BEN-STO-...`)."""


class SimulationError(BenchError):
    """The simulated bench did not start or went away (`BEN-SIM-...`)."""


class SurroundingsError(ConformanceError):
    """Light, temperature or radio outside what the method allows (`ENV-...`)."""

    cause: ClassVar[CauseName] = "environment"


class OperatorError(ConformanceError):
    """A person did not do, or could not do, what the method asks (`OPR-...`)."""

    cause: ClassVar[CauseName] = "operator"


class MethodError(ConformanceError):
    """The method cannot conclude: no plan, no limit, too few trials, a role or door missing (`MET-...`)."""

    cause: ClassVar[CauseName] = "method"


class DeviceError(ConformanceError):
    """The device did not cooperate and the clause does not say what that means (`DUT-...`).

    For example: it never booted although the bench is healthy. `INCONCLUSIVE(dut)`.
    """

    cause: ClassVar[CauseName] = "dut"


class AbortedError(ConformanceError):
    """The run was stopped before this could be judged (`ABO-...`)."""

    cause: ClassVar[CauseName] = "aborted"


class UsageError(ConformanceError):
    """An option or file given by the user is wrong (`USE-...`): the run is refused, exit code 11."""

    cause: ClassVar[CauseName] = "method"


def bench_error_behind(error: BaseException) -> ConformanceError | None:
    """Return the conformance error that `error` is or wraps by cause, context or group; None when there is none.

    Looks through `__cause__`, unsuppressed `__context__` and exception groups, so that an `AssertionError`
    raised from (or while handling) a bench error is still known for what it is.
    """
    seen: set[int] = set()
    queue: list[BaseException] = [error]
    while queue:
        current = queue.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, ConformanceError):
            return current
        if isinstance(current, BaseExceptionGroup):
            queue.extend(current.exceptions)
        if current.__cause__ is not None:
            queue.append(current.__cause__)
        elif current.__context__ is not None and not current.__suppress_context__:
            queue.append(current.__context__)
    return None

"""From a test's outcome to its contribution: FAIL only for a plain failed assertion, INCONCLUSIVE for all else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_conformance.errors import ConformanceError, bench_error_behind
from pytest_conformance.verdicts import (
    Cause,
    Contribution,
    DecisionRule,
    Limit,
    Measurement,
    Verdict,
    judge,
)

REASON_LENGTH = 400
"""Characters of a reason that the record keeps; pytest's full explanation is in the views."""


class InconclusiveError(Exception):
    """Raised in place of an assertion that a bench error lies behind, so that no view takes it for a failure."""


class LimitExceededError(AssertionError):
    """A measured value lies outside its limit under the agreed decision rule."""


class Judgement:
    """What a clause test adds to its verdict: measurements, evidence, and conditional verdicts.

    `require` is how a measured value meets its limit. It raises `LimitExceededError` (FAIL) when the decision rule
    says so, records a conditional verdict, and refuses with a method error inside a guard band that the rule
    leaves undecided.
    """

    def __init__(self, rule: DecisionRule = DecisionRule.SIMPLE) -> None:
        self.rule = rule
        self.measurements: list[Measurement] = []
        self.evidence: list[str] = []
        self.verdict = Verdict.PASS
        self.reason = ""

    def cite(self, *references: str) -> None:
        """Name evidence ("sha256:...") that this judgement rests on."""
        self.evidence.extend(reference for reference in references if reference not in self.evidence)

    def report(
        self, name: str, value: float, unit: str, *, uncertainty: float | None = None, n: int | None = None
    ) -> None:
        """Record a value that no limit applies to."""
        self.measurements.append(Measurement(name, value, unit, uncertainty, "", n))

    def require(
        self, name: str, value: float, limit: Limit, *, uncertainty: float = 0.0, n: int | None = None
    ) -> Verdict:
        """Compare `value` (with expanded uncertainty, k = 2, both in the limit's unit) with `limit`.

        Returns the verdict when it is a pass of some kind. Raises LimitExceededError for FAIL, and MethodError for a
        value that the rule cannot decide or that is not a finite number.
        """
        from pytest_conformance.errors import InstrumentError, MethodError

        self.measurements.append(Measurement(name, value, limit.unit, uncertainty, str(limit), n))
        try:
            verdict = judge(value, uncertainty, limit, self.rule)
        except ValueError as error:
            raise InstrumentError("BEN-INS-090", f"{name}: {error}", expected="a finite reading") from error
        said = f"{name} is {value:g} {limit.unit} (U = {uncertainty:g} {limit.unit}), limit {limit}"
        if verdict is Verdict.FAIL:
            raise LimitExceededError(said)
        if verdict is Verdict.INCONCLUSIVE:
            raise MethodError(
                "MET-LIM-001", f"{said}: inside the guard band", todo="measure again with less uncertainty"
            )
        if verdict.gravity > self.verdict.gravity:
            self.verdict, self.reason = verdict, said
        return verdict


def contribution(
    test: str, phase: str, error: BaseException | None, judgement: Judgement | None
) -> Contribution | None:
    """Return what one phase ("setup", "call", "teardown") of a test says; None when it says nothing.

    Only a completed call without a bench error behind its assertion may give FAIL or PASS; an assertion in
    setup or teardown is a fault of the bench's own code.
    """
    measurements = tuple(judgement.measurements) if judgement else ()
    evidence = tuple(judgement.evidence) if judgement else ()
    if error is None:
        if phase != "call":
            return None
        verdict = judgement.verdict if judgement else Verdict.PASS
        reason = judgement.reason if judgement else ""
        cause = Cause.DUT if verdict is not Verdict.PASS else None
        return Contribution(verdict, test, cause, reason, "", measurements, evidence)
    behind = bench_error_behind(error)
    if behind is not None:
        said, code, cause = _one_line(str(behind)), behind.code, Cause(behind.cause)
        return Contribution(Verdict.INCONCLUSIVE, test, cause, said, code, measurements, evidence)
    if phase == "call" and isinstance(error, AssertionError):
        reason = _one_line(str(error)) or "assertion failed"
        return Contribution(Verdict.FAIL, test, Cause.DUT, reason, "", measurements, evidence)
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return Contribution(Verdict.INCONCLUSIVE, test, Cause.ABORTED, "the run was stopped", "ABO-RUN-001")
    said = _one_line(f"{type(error).__name__} in {phase}: {error}")
    return Contribution(Verdict.INCONCLUSIVE, test, Cause.BENCH, said, "BEN-INT-001", measurements, evidence)


def settled(error: BaseException, fault: ConformanceError | None) -> BaseException:
    """Return what a test says that ended with `error`: the bench's `fault` when there is one, else what lies behind."""
    if fault is not None:
        made = InconclusiveError(str(fault))
        made.__cause__ = fault
        return made
    return disguised(error) or error


def disguised(error: BaseException) -> BaseException | None:
    """Return the error to raise instead of an assertion with a bench error behind it; None to leave it alone."""
    if isinstance(error, AssertionError):
        behind = bench_error_behind(error)
        if behind is not None:
            return InconclusiveError(str(behind))
    return None


def to_json(contribution: Contribution) -> dict[str, Any]:
    """Return plain data that survives the way between parallel workers and the journal."""
    return {
        "verdict": contribution.verdict.value,
        "test": contribution.test,
        "cause": contribution.cause.value if contribution.cause else None,
        "reason": contribution.reason,
        "code": contribution.code,
        "measurements": [vars(each) for each in contribution.measurements],
        "evidence": list(contribution.evidence),
    }


def from_json(data: Mapping[str, Any]) -> Contribution:
    """Return the contribution that `to_json` wrote."""
    return Contribution(
        Verdict(data["verdict"]),
        data["test"],
        Cause(data["cause"]) if data["cause"] else None,
        data["reason"],
        data["code"],
        tuple(Measurement(**each) for each in data["measurements"]),
        tuple(data["evidence"]),
    )


def _one_line(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()  # a lone surrogate would kill a parallel worker
    head = text.split("\nassert ", 1)[0] if not text.startswith("assert ") else text
    line = " ".join(head.split())
    return line if len(line) <= REASON_LENGTH else line[: REASON_LENGTH - 1] + "…"


def is_bench_fault(error: BaseException) -> bool:
    """Tell whether `error` is, or hides, a fault that is not the device's."""
    behind = bench_error_behind(error)
    return isinstance(behind, ConformanceError) and behind.cause != "dut"


def worker_lost(test: str, said: str) -> Contribution:
    """Return what a test says whose parallel worker died: INCONCLUSIVE(bench), never FAIL (case F07)."""
    reason = _one_line(f"the parallel worker that ran this test died: {said}")
    return Contribution(Verdict.INCONCLUSIVE, test, Cause.BENCH, reason, "BEN-WRK-001")

"""The verdict lattice: verdicts, causes, contributions, and the fold that only worsens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum


class Verdict(Enum):
    """What is said of a clause; names and meaning from the architecture page, section 6."""

    PASS = "PASS"
    CONDITIONAL_PASS = "CONDITIONAL_PASS"
    INCONCLUSIVE = "INCONCLUSIVE"
    CONDITIONAL_FAIL = "CONDITIONAL_FAIL"
    FAIL = "FAIL"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    NOT_TESTED = "NOT_TESTED"

    @property
    def gravity(self) -> int:
        """0 (PASS) to 4 (FAIL); -1 for the two that no test can give."""
        return _GRAVITY.index(self) if self in _GRAVITY else -1


_GRAVITY = (
    Verdict.PASS,
    Verdict.CONDITIONAL_PASS,
    Verdict.INCONCLUSIVE,
    Verdict.CONDITIONAL_FAIL,
    Verdict.FAIL,
)


class Cause(Enum):
    """Who or what a verdict other than PASS comes from."""

    DUT = "dut"
    BENCH = "bench"
    OPERATOR = "operator"
    ENVIRONMENT = "environment"
    METHOD = "method"
    ABORTED = "aborted"


@dataclass(frozen=True)
class Measurement:
    """One measured value beside its limit.

    `value`, `uncertainty` (expanded, k = 2, same unit) and `n` (number of trials behind the value) are plain
    numbers; `limit` is the text of the comparison, for example "<= 15 s".
    """

    name: str
    value: float
    unit: str
    uncertainty: float | None = None
    limit: str = ""
    n: int | None = None


@dataclass(frozen=True)
class Contribution:
    """What one test says of one clause."""

    verdict: Verdict
    test: str
    cause: Cause | None = None
    reason: str = ""
    code: str = ""
    measurements: tuple[Measurement, ...] = ()
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClauseVerdict:
    """The fold over all contributions to one clause; none is lost."""

    verdict: Verdict
    cause: Cause | None = None
    reason: str = ""
    contributions: tuple[Contribution, ...] = field(default=())


def fold(contributions: Iterable[Contribution]) -> ClauseVerdict:
    """Fold contributions into the gravest verdict, with the cause and reason of the first that has it.

    Raises ValueError when there is none, or when one is NOT_APPLICABLE (computed from the declaration, never
    contributed). NOT_TESTED contributions count only when nothing else was said.
    """
    said = tuple(contributions)
    if not said:
        raise ValueError("no contribution to fold; use Verdict.NOT_TESTED for a clause that nothing judged")
    if any(c.verdict is Verdict.NOT_APPLICABLE for c in said):
        raise ValueError("NOT_APPLICABLE is computed from the declaration, not contributed by a test")
    worst = max(said, key=lambda c: c.verdict.gravity)
    return ClauseVerdict(worst.verdict, worst.cause, worst.reason, said)

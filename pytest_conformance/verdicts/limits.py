"""Limits, expanded uncertainty and decision rules (ISO/IEC Guide 98-4, ILAC-G8:09/2019)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from pytest_conformance.verdicts.lattice import Verdict


class DecisionRule(Enum):
    """How the uncertainty zone around a limit is used; agreed before the first test."""

    SIMPLE = "simple"
    """Simple acceptance: the value decides, whatever its uncertainty."""
    GUARDED = "guarded"
    """Guard band w = U: within U of the limit nothing is accepted; inside the band the verdict is INCONCLUSIVE."""
    CONDITIONAL = "conditional"
    """Non-binary: inside the guard band a conditional pass (inner side) or conditional fail (outer side)."""


@dataclass(frozen=True)
class Limit:
    """A one- or two-sided limit in `unit`; at least one side is finite.

    Raises ValueError for NaN, for lower > upper and for a limit without a side.
    """

    unit: str
    lower: float = -math.inf
    upper: float = math.inf

    def __post_init__(self) -> None:
        if math.isnan(self.lower) or math.isnan(self.upper):
            raise ValueError("a limit must be a number, not NaN")
        if self.lower > self.upper:
            raise ValueError(f"lower limit {self.lower} is above upper limit {self.upper}")
        if math.isinf(self.lower) and math.isinf(self.upper):
            raise ValueError("a limit needs a finite lower or upper side")

    def __str__(self) -> str:
        unit = "" if self.unit == "1" else f" {self.unit}"
        if math.isinf(self.lower):
            return f"<= {self.upper:g}{unit}"
        if math.isinf(self.upper):
            return f">= {self.lower:g}{unit}"
        return f"{self.lower:g} to {self.upper:g}{unit}"


def judge(value: float, uncertainty: float, limit: Limit, rule: DecisionRule) -> Verdict:
    """Judge `value` with expanded uncertainty `uncertainty` (same unit, >= 0) against `limit`.

    A value exactly on the limit is inside. Raises ValueError when the value or its uncertainty is not finite or
    the uncertainty is negative: such a reading must never meet a limit (fault case B15).
    """
    if not (math.isfinite(value) and math.isfinite(uncertainty)) or uncertainty < 0:
        raise ValueError(f"not a measurement: value {value}, uncertainty {uncertainty}")
    margin = min(value - limit.lower, limit.upper - value)
    if rule is DecisionRule.SIMPLE:
        return Verdict.PASS if margin >= 0 else Verdict.FAIL
    if margin >= uncertainty:
        return Verdict.PASS
    if margin < -uncertainty:
        return Verdict.FAIL
    if rule is DecisionRule.GUARDED:
        return Verdict.INCONCLUSIVE
    return Verdict.CONDITIONAL_PASS if margin >= 0 else Verdict.CONDITIONAL_FAIL

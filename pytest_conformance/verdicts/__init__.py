"""Verdicts, limits, uncertainty and decision rules. Pure: no pytest, no devices, no clock."""

from pytest_conformance.verdicts.lattice import (
    Cause,
    ClauseVerdict,
    Contribution,
    Measurement,
    Verdict,
    fold,
)
from pytest_conformance.verdicts.limits import DecisionRule, Limit, judge

__all__ = [
    "Cause",
    "ClauseVerdict",
    "Contribution",
    "DecisionRule",
    "Limit",
    "Measurement",
    "Verdict",
    "fold",
    "judge",
]

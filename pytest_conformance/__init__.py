"""pytest-conformance: a test bench that measures whether devices obey the rules on faces and personal data.

What a suite imports: `clause` marks a test with the clauses that it judges. Everything else a suite needs
comes as fixtures. Nothing heavy is imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_conformance.errors import (
        BenchError,
        ConformanceError,
        DeviceError,
        MethodError,
        OperatorError,
        SurroundingsError,
        UsageError,
    )
    from pytest_conformance.marks import clause
    from pytest_conformance.verdicts import DecisionRule, Limit, Measurement, Verdict

__version__ = "0.1.0"

__all__ = [
    "BenchError",
    "ConformanceError",
    "DecisionRule",
    "DeviceError",
    "Limit",
    "Measurement",
    "MethodError",
    "OperatorError",
    "SurroundingsError",
    "UsageError",
    "Verdict",
    "clause",
]

_HOMES = {
    "DecisionRule": "pytest_conformance.verdicts",
    "Limit": "pytest_conformance.verdicts",
    "Measurement": "pytest_conformance.verdicts",
    "Verdict": "pytest_conformance.verdicts",
    "clause": "pytest_conformance.marks",
}


def __getattr__(name: str) -> Any:
    if name in __all__:
        from importlib import import_module

        return getattr(import_module(_HOMES.get(name, "pytest_conformance.errors")), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Traffic analysis: from captured packets to a verdict with evidence. Pure: no sockets, no pytest, no clock.

The result of an inspection is reached through `inspect(captures, context)`.
"""

from pytest_conformance.analysis.traffic.context import (
    Canary,
    Context,
    DeclaredEndpoint,
    Event,
    FaceTemplate,
    Policy,
    Position,
)
from pytest_conformance.analysis.traffic.inspection import Accounted, Inspection, inspect
from pytest_conformance.analysis.traffic.model import (
    Accounting,
    Check,
    Endpoint,
    FlowReport,
    Match,
    TlsInfo,
    Transfer,
    TransferredObject,
    ValidityCheck,
)

__all__ = [
    "Accounted",
    "Accounting",
    "Canary",
    "Check",
    "Context",
    "DeclaredEndpoint",
    "Endpoint",
    "Event",
    "FaceTemplate",
    "FlowReport",
    "Inspection",
    "Match",
    "Policy",
    "Position",
    "TlsInfo",
    "Transfer",
    "TransferredObject",
    "ValidityCheck",
    "inspect",
]

"""What the supplier claims: features, ICS, IXIT and the facts that tests need, with static checks.

Reading a declaration loads pydantic; importing this package for its names alone does too, so do it where it is used.
"""

from pytest_conformance.declaration.checks import Finding, check, require_sound
from pytest_conformance.declaration.files import find_declaration, load_declaration
from pytest_conformance.declaration.ixit import TABLES, Row
from pytest_conformance.declaration.model import Declaration, Sent
from pytest_conformance.declaration.sections import (
    Account,
    Consent,
    Credential,
    Endpoint,
    Function,
    Indicator,
    Interface,
    Lockout,
    PersonalData,
    Precision,
    Sample,
    Sensor,
    Timing,
    Way,
    Withdrawal,
)

__all__ = [
    "TABLES",
    "Account",
    "Consent",
    "Credential",
    "Declaration",
    "Endpoint",
    "Finding",
    "Function",
    "Indicator",
    "Interface",
    "Lockout",
    "PersonalData",
    "Precision",
    "Row",
    "Sample",
    "Sensor",
    "Sent",
    "Timing",
    "Way",
    "Withdrawal",
    "check",
    "find_declaration",
    "load_declaration",
    "require_sound",
]

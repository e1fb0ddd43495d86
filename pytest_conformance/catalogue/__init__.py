"""What must hold: documents, clauses, conditions, applicability, derived verdicts and the coverage matrix.

Importing this package reads no file and loads neither pydantic nor a YAML parser.
"""

from pytest_conformance.catalogue.applicability import Applicability, State, Support, applicability
from pytest_conformance.catalogue.collection import Catalogue
from pytest_conformance.catalogue.derivation import NO_TEST, derive, derive_all
from pytest_conformance.catalogue.expressions import Expression, ExpressionError, Truth, Value, evaluate, parse
from pytest_conformance.catalogue.features import Feature, check_features, load_features
from pytest_conformance.catalogue.loading import load_catalogue
from pytest_conformance.catalogue.matrix import DocumentCounts, Matrix, MatrixRow, matrix
from pytest_conformance.catalogue.model import (
    PRODUCT_KINDS,
    Clause,
    Derivation,
    Document,
    Obligation,
    Severity,
    Status,
    Strength,
    Testable,
    TextStatus,
)

__all__ = [
    "NO_TEST",
    "PRODUCT_KINDS",
    "Applicability",
    "Catalogue",
    "Clause",
    "Derivation",
    "Document",
    "DocumentCounts",
    "Expression",
    "ExpressionError",
    "Feature",
    "Matrix",
    "MatrixRow",
    "Obligation",
    "Severity",
    "State",
    "Status",
    "Strength",
    "Support",
    "Testable",
    "TextStatus",
    "Truth",
    "Value",
    "applicability",
    "check_features",
    "derive",
    "derive_all",
    "evaluate",
    "load_catalogue",
    "load_features",
    "matrix",
    "parse",
]


def __getattr__(name: str) -> object:
    """Reach `catalogue_schema` only when it is asked for: it needs pydantic."""
    if name == "catalogue_schema":
        from pytest_conformance.catalogue.schema import catalogue_schema

        return catalogue_schema
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

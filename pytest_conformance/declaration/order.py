"""The order that a run belongs to: schema `conformance-order/1`. Who asked for it, of which model, and who tests it.

Only number and model are needed to run. What a report of a laboratory must say beyond that is listed as missing there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from pytest_conformance.errors import UsageError
from pytest_conformance.yamlfile import load
from pytest_conformance.yamlfile.model import Date, FileModel, Part, Positive, Text

SCHEMA = "conformance-order/1"


class Party(Part):
    """The customer: name and address as they stand in the report."""

    name: Text
    address: Text | None = None


class Laboratory(Part):
    """The laboratory: name as in its certificate, address, and where the test took place."""

    name: Text
    address: Text | None = None
    location: Text | None = None


class Received(Part):
    """The samples as they came: how many, in which condition, on which day."""

    count: Positive | None = None
    condition: Text | None = None
    received: Date | None = None


class Order(FileModel):
    """An order. Frozen; `digest` is the SHA-256 of the file that was read."""

    format: Literal["conformance-order/1"] = Field(alias="schema")
    number: Text
    model: Text
    """The model to be tested: a run with another one is refused."""
    type: Text | None = None
    """The type of test order: commissioned, surveillance, type test, ..."""
    customer: Party | None = None
    laboratory: Laboratory | None = None
    samples: Received = Received()
    prevails: Literal["en", "zh"] | None = None
    """Which language of the report prevails."""
    deviations: Text | None = None
    """Additions to, deviations from and exclusions of the methods; "none" is written out."""


def load_order(path: Path) -> Order:
    """Read and check the order at `path`; FileError lists everything wrong with file, line and column."""
    return load(path, Order)


def require_ordered(order: Order, model: str, declared_at: str) -> None:
    """Raise UsageError USE-ORD-001 when `model`, as the declaration calls it, is not the ordered one (case C04)."""
    if model != order.model:
        raise UsageError(
            "USE-ORD-001",
            f"order {order.number} is of model {order.model!r}, and the declaration is of {model!r}",
            where=f"{order.document.name}, {declared_at}",
            expected=f"a declaration of {order.model!r}",
            todo="test the sample that was ordered, or have the order changed: a report may only name what was tested",
        )

"""What only the laboratory knows of a report. Schema `conformance-laboratory/1`; what is left out keeps it a draft."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field

from pytest_conformance.yamlfile import Fault, load
from pytest_conformance.yamlfile.model import Date, FileModel, Part, Positive, Text

Language = Literal["zh", "en", "both"]
View = Literal["front", "back", "side", "name-plate", "set-up", "inside"]


class Body(Part):
    """The laboratory, as its certificate names it."""

    name: Text | None = None
    address: Text | None = None
    contact: Text | None = None


class Customer(Part):
    """Who ordered the test."""

    name: Text | None = None
    address: Text | None = None
    contact: Text | None = None


class Signed(Part):
    """One of the three who answer for the report, and when."""

    person: Text
    date: Date


class Sample(Part):
    """The sample as it was received."""

    received: Date | None = None
    count: Positive | None = None
    condition: Text | None = None
    serial: Text | None = None
    hardware: Text | None = None
    configuration: Text | None = None


class Photograph(Part):
    """A photograph of the sample or the set-up: a file beside this one."""

    file: Text
    shows: View


class Replaced(Part):
    """The report that this one replaces, and why."""

    number: Text
    reason: Text


class Laboratory(FileModel):
    """The laboratory's part of one report."""

    format: Literal["conformance-laboratory/1"] = Field(alias="schema")
    number: Text
    """The report's number: no other report of the laboratory has it."""
    order: Literal["commissioned", "supervision", "type", "self-test"] | None = None
    prevails: Literal["zh", "en"] | None = None
    """Which language prevails where a report is in both."""
    laboratory: Body = Body()
    customer: Customer = Customer()
    manufacturer: Text | None = None
    location: Text | None = None
    sample: Sample = Sample()
    photographs: tuple[Photograph, ...] = ()
    environment: Text | None = None
    supply: Text | None = None
    personnel: tuple[Text, ...] = ()
    deviations: Text | None = None
    """Additions to the method, deviations from it, exclusions: "none" where there were none."""
    opinions: Text | None = None
    personal_data: Text | None = None
    prepared: Signed | None = None
    reviewed: Signed | None = None
    approved: Signed | None = None
    issued: Date | None = None
    replaces: Replaced | None = None

    def contradictions(self) -> Iterable[Fault]:
        """Return what the dates and persons say against each other."""
        dates = [each.date for each in (self.prepared, self.reviewed, self.approved) if each is not None]
        if dates != sorted(dates):
            yield Fault(("approved",), "prepared, reviewed and approved are not in this order of days", "USE-LAB-001")
        if self.issued is not None and self.approved is not None and self.issued < self.approved.date:
            yield Fault(("issued",), "issued before it was approved", "USE-LAB-001")
        if self.approved is not None and self.prepared is not None and self.approved.person == self.prepared.person:
            yield Fault(("approved", "person"), "who prepared a report does not approve it", "USE-LAB-001")


def load_laboratory(path: Path) -> Laboratory:
    """Read and check the file at `path`; FileError lists everything wrong with file, line and column."""
    return load(path, Laboratory)

"""What a rule is: documents, clauses, how far their text is known, and how one clause follows from others.

Plain values only. Files are read in `source`, checked in `schema`, put together in `loading`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pytest_conformance.catalogue.expressions import Expression

PRODUCT_KINDS = ("lock", "camera", "wearable", "speaker", "learning_tablet", "terminal")
"""The kinds of device that a clause may apply to; also the values of the feature `product`."""


class TextStatus(Enum):
    """How the wording of a clause is known; a report never says "conforms" without it for `unconfirmed` rows."""

    VERBATIM = "verbatim"
    SEEN = "seen"
    PARAPHRASE = "paraphrase"
    MEMORY = "memory"
    UNSURE = "unsure"

    @property
    def unconfirmed(self) -> bool:
        """True when nobody compared the row with a text: a verdict on it must carry a mark."""
        return self in (TextStatus.MEMORY, TextStatus.UNSURE)


class Obligation(Enum):
    """What the document asks: a duty, a ban, a recommendation, or nothing (`info`)."""

    MUST = "must"
    MUST_NOT = "must_not"
    SHOULD = "should"
    INFO = "info"


class Testable(Enum):
    """How the clause is judged: by measuring, by inspecting, on a declaration, or on papers about an organisation."""

    __test__ = False

    MEASURED = "measured"
    INSPECTED = "inspected"
    DECLARED = "declared"
    ORGANISATIONAL = "organisational"


class Severity(Enum):
    """How bad a breach is. Two scales are in use: critical/major/minor and critical/high/medium/low."""

    CRITICAL = "critical"
    MAJOR = "major"
    HIGH = "high"
    MEDIUM = "medium"
    MINOR = "minor"
    LOW = "low"


class Status(Enum):
    """Support status of a provision in an ICS: mandatory or recommended, C when conditional."""

    M = "M"
    MC = "MC"
    R = "R"
    RC = "RC"
    INFO = "info"

    @property
    def recommended(self) -> bool:
        """True for R and RC: the supplier may declare such a provision unsupported."""
        return self in (Status.R, Status.RC)


class Strength(Enum):
    """How much of a clause follows from the clauses it names."""

    EXACT = "exact"
    """All of it: the verdict of the sources is the verdict of the clause."""
    PART = "part"
    """Part of it: a failure of a source is a failure here; a pass leaves the rest open."""
    RELATED = "related"
    """Nothing: the same subject or the same method elsewhere; a cross-reference for the reader."""


@dataclass(frozen=True)
class Derivation:
    """How a clause follows from `sources` (clause ids). `remainder` says what they leave open."""

    sources: tuple[str, ...]
    strength: Strength
    remainder: str = ""


@dataclass(frozen=True)
class Document:
    """One regulation, standard, notice or draft. Dates stay text: some are ranges, some only remembered."""

    id: str
    title_zh: str
    title_en: str
    issuer: str
    number: str
    issued: str
    effective: str
    status: str
    sources_seen: tuple[str, ...]
    superseded_on: str = ""
    """The day (ISO 8601) from which another edition is in force, `superseded_by`; "" while this one is."""
    superseded_by: str = ""
    notes: tuple[str, ...] = ()
    tables: Mapping[str, Any] = field(default_factory=dict)
    """The document's further tables as plain data: `categories`, `products`, `standards`, `ixit_tables`, ..."""


@dataclass(frozen=True)
class Clause:
    """One row of the catalogue.

    `condition` is the text of the file; `rule` is the expression that states it (None when it always holds or
    when only prose can state it: then `prose` is true). `scope` is a further expression that comes from the
    parts of the document in which the clause stands.
    """

    id: str
    document: str
    text_zh: str
    text_en: str
    text_status: TextStatus
    obligation: Obligation
    applies_to: tuple[str, ...]
    condition: str
    testable: Testable
    method: str
    observables: tuple[str, ...]
    severity: Severity
    article: str = ""
    provision: str = ""
    title_en: str = ""
    status: Status | None = None
    text_note: str = ""
    ixit: tuple[str, ...] = ()
    maps_to: tuple[str, ...] = ()
    parts: tuple[int, ...] = ()
    assessments: tuple[str, ...] = ()
    decision_tree: tuple[str, ...] = ()
    decision_tree_outcomes: str = ""
    annex_b_status: str = ""
    condition_ref: tuple[str, ...] = ()
    test_units: tuple[str, ...] = ()
    v2_1_1_ref: str = ""
    chapter: str = ""
    """Heading under which reports gather clauses: an article, a section or a schedule."""
    rule: Expression | None = None
    scope: Expression | None = None
    prose: bool = False
    derivation: Derivation | None = None

    @property
    def derived_from(self) -> tuple[str, ...]:
        """Ids of the clauses whose verdicts this one takes over, wholly or in part."""
        if self.derivation is None or self.derivation.strength is Strength.RELATED:
            return ()
        return self.derivation.sources

    @property
    def exact(self) -> bool:
        """True when the verdict follows wholly from `derived_from`."""
        return self.derivation is not None and self.derivation.strength is Strength.EXACT

"""The strict shape of catalogue files: documents with their clauses, features, and the two overlays.

Imports pydantic: reached only when a file is read for the first time or a JSON Schema is asked for.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pytest_conformance.catalogue.model import Obligation, Severity, Status, Strength, Testable, TextStatus

ClauseId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._()+-]*$", max_length=80)]
Kind = Literal["lock", "camera", "wearable", "speaker", "learning_tablet", "terminal"]
Text = Annotated[str, Field(min_length=1, max_length=4000)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Observable = Literal[
    "device_ui",
    "companion_app",
    "network_capture",
    "device_storage",
    "serial_log",
    "camera_frames",
    "timing",
    "document",
    "operator",
]
Loose = Field(strict=False)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class DocumentRow(_Strict):
    """The head of a document file. Dates are text: some are ranges, some only remembered."""

    id: ClauseId
    title_zh: Text
    title_en: Text
    issuer: Text
    number: Text
    issued: Text
    effective: Text | None = None
    status: Text
    superseded_on: Annotated[Text, Field(pattern=r"^\d{4}-\d\d-\d\d$")] | None = None
    superseded_by: Text | None = None
    sources_seen: Annotated[list[Text], Field(min_length=1)]


class ClauseRow(_Strict):
    """One clause. A null or missing `condition` means `always`."""

    id: ClauseId
    article: Text | None = None
    provision: Text | None = None
    title_en: Text | None = None
    text_zh: Text
    text_en: Text
    text_status: Annotated[TextStatus, Loose]
    text_note: Text | None = None
    obligation: Annotated[Obligation, Loose]
    status: Annotated[Status, Loose] | None = None
    annex_b_status: Text | None = None
    applies_to: Annotated[list[Kind], Field(min_length=1)]
    condition: Text | None = None
    condition_ref: list[Text] = []
    parts: list[Annotated[int, Field(ge=1, le=9)]] = []
    testable: Annotated[Testable, Loose]
    method: Text
    observables: list[Observable]
    severity: Annotated[Severity, Loose]
    ixit: list[Text] = []
    maps_to: list[ClauseId] = []
    assessments: list[Literal["conceptual", "functional_completeness", "functional_sufficiency"]] = []
    decision_tree: list[Text] = []
    decision_tree_outcomes: Literal["seen", "derived", "unsure"] | None = None
    test_units: list[Text] = []
    v2_1_1_ref: Text | None = None


class Total(_Strict):
    """A count that a notice or the press gave, with how it is known."""

    count: int | None
    known: Text
    share_pct: float | int | None = None


class ViolationType(_Strict):
    """A type of violation in an enforcement notice, and the clauses that it breaks."""

    code: Text
    wording_zh: Text
    en: Text
    clause: ClauseId
    linked: list[ClauseId]
    known: Text | None = None


class Product(_Strict):
    """A product profile after an enforcement notice; most attributions are synthetic and say so."""

    id: Text
    category: Kind
    product_type: Text
    violations: list[Text]
    attribution: Text


class LaterNotice(_Strict):
    """A later notice of the same authority."""

    date: Text
    what: Text
    smart_terminals: Text


class Standard(_Strict):
    """A standard that a reference document lists."""

    number: Text
    title_zh: Text
    kind: Text
    topic: Text
    seen: Text


class Bilingual(_Strict):
    """One meaning in English and Chinese."""

    en: Text
    zh: Text


class IxitTable(_Strict):
    """One IXIT pro forma table: what a row of it is, and its fields."""

    n: int
    name: Text
    v1_name: Text | None = None
    rows: Text
    fields: list[Text]
    note: Text | None = None


class DocumentFile(_Strict):
    """A catalogue file: one document, its clauses, and the further tables that it brings."""

    document: DocumentRow
    clauses: Annotated[list[ClauseRow], Field(min_length=1)]
    notes: list[Text] = []
    categories: dict[str, Text] = {}
    totals: dict[str, Total | int] = {}
    violation_types: list[ViolationType] = []
    products_note: Text | None = None
    products: list[Product] = []
    later_notices: list[LaterNotice] = []
    standards: list[Standard] = []
    conditions: dict[str, Bilingual] = {}
    ixit_tables: list[IxitTable] = []


class FeatureRow(_Strict):
    """One feature that a supplier declares. `values` belong to a choice, `unit` to a number.

    `annex_b` is the letter of EN 303 645, table B.1, that it answers; inverted: the letter holds where it is false.
    """

    type: Literal["bool", "number", "choice"]
    en: Text
    zh: Text
    values: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]] = []
    unit: Text | None = None
    annex_b: Annotated[str, Field(pattern=r"^(C[0-9]{1,2}|F[a-z]{1,2})$")] | None = None
    annex_b_inverted: bool = False


class FeatureFile(_Strict):
    """`features.yaml`: the vocabulary of declarations."""

    features: dict[Name, FeatureRow]


class Stated(_Strict):
    """A condition in prose, stated as an expression, or marked as one that only prose can state."""

    condition: Text
    expression: Text | None = None
    prose: Literal[True] | None = None
    note: Text | None = None

    def model_post_init(self, context: Any) -> None:
        if (self.expression is None) == (self.prose is None):
            raise ValueError("give either `expression` or `prose: true`")


class ExpressionFile(_Strict):
    """`expressions.yaml`: prose conditions as expressions, and the scope of the parts of a document."""

    conditions: list[Stated] = []
    parts: dict[ClauseId, dict[Annotated[str, Field(pattern=r"^[1-9]$")], Text]] = {}


class DerivationRow(_Strict):
    """How a clause follows from others, where its method alone does not tell."""

    strength: Annotated[Strength, Loose]
    sources: list[ClauseId] = []
    why: Text


class DerivationFile(_Strict):
    """`derivations.yaml`: by clause id, what follows from what."""

    derivations: dict[ClauseId, DerivationRow] = {}


class HeadingFile(_Strict):
    """`headings.yaml`: words for the numbers of articles and sections, by document."""

    headings: dict[ClauseId, dict[str, Text]] = {}


def catalogue_schema() -> dict[str, Any]:
    """Return the JSON Schema of a catalogue document file."""
    return DocumentFile.model_json_schema()

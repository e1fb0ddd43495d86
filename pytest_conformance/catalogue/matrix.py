"""The coverage matrix: documents x clauses, whether each applies, what judges it, and where the holes are.

Data only; `reports.matrix_table` draws it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pytest_conformance.catalogue.applicability import Applicability, State, Support
from pytest_conformance.catalogue.collection import Catalogue
from pytest_conformance.catalogue.expressions import Value
from pytest_conformance.catalogue.model import Clause, Strength

SCHEMA = "conformance-matrix/1"


@dataclass(frozen=True)
class MatrixRow:
    """One clause of the matrix.

    `state` and `why` are None and empty when no device was given. `hole` is empty, or why nothing judges the
    clause although it applies: "no-test", "part-only" (only part of it follows from other clauses), or
    "source-untested" (it follows from clauses that nothing judges).
    """

    clause: Clause
    state: State | None
    why: str
    tests: tuple[str, ...]
    hole: str

    @property
    def derived(self) -> bool:
        """True when the verdict comes from other clauses, wholly or in part."""
        return not self.tests and bool(self.clause.derived_from)

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON can hold it."""
        clause = self.clause
        derivation = clause.derivation
        return {
            "id": clause.id,
            "chapter": clause.chapter,
            "text_en": clause.text_en,
            "text_zh": clause.text_zh,
            "obligation": clause.obligation.value,
            "severity": clause.severity.value,
            "judged": clause.testable.value,
            "text_status": clause.text_status.value,
            "condition": clause.condition,
            "state": self.state.value if self.state else None,
            "why": self.why,
            "tests": list(self.tests),
            "derived_from": list(clause.derived_from),
            "exact": clause.exact,
            "related": list(derivation.sources) if derivation and derivation.strength is Strength.RELATED else [],
            "hole": self.hole or None,
        }


@dataclass(frozen=True)
class DocumentCounts:
    """Counts of clauses: by state (`undecided`: unknown or prose), and among those not ruled out by what judges them.

    `tested` have a test, `derived` follow wholly from judged clauses, `holes` have neither. `unconfirmed` are
    those, of all, whose text is only remembered or unsure.
    """

    clauses: int
    applicable: int
    not_applicable: int
    undecided: int
    informative: int
    tested: int
    derived: int
    holes: int
    unconfirmed: int


@dataclass(frozen=True)
class Matrix:
    """Rows by document id, in catalogue order. `product` is the kind of the device, or empty without one."""

    product: str
    titles: Mapping[str, tuple[str, str]]
    """English and Chinese title by document id."""
    rows: Mapping[str, tuple[MatrixRow, ...]]

    def counts(self, document: str | None = None) -> DocumentCounts:
        """Return the counts of one document, or of all; KeyError for a document that the matrix does not hold."""
        chosen = self.rows.values() if document is None else [self.rows[document]]
        return _count([row for rows in chosen for row in rows])

    def holes(self) -> list[MatrixRow]:
        """Return the rows that apply (for certain, or when no device is given) and that nothing judges."""
        return [row for rows in self.rows.values() for row in rows if row.hole]

    def to_json(self) -> dict[str, Any]:
        """Return the matrix as JSON can hold it, with counts by document and in total."""
        return {
            "schema": SCHEMA,
            "product": self.product or None,
            "totals": asdict(self.counts()),
            "documents": [
                {
                    "id": document,
                    "title_en": self.titles[document][0],
                    "title_zh": self.titles[document][1],
                    "counts": asdict(self.counts(document)),
                    "clauses": [row.to_json() for row in rows],
                }
                for document, rows in self.rows.items()
            ],
        }


def matrix(
    catalogue: Catalogue,
    features: Mapping[str, Value] | None,
    tests: Mapping[str, Iterable[str]],
    ics: Mapping[str, Support | str] | None = None,
) -> Matrix:
    """Return the coverage of `catalogue` by `tests` (node ids by clause id) for a device with `features`.

    Without features nothing is ruled out. Raises UsageError USE-CAT-001 when a test names an unknown clause.
    """
    by_clause = {catalogue.clause(clause_id).id: tuple(names) for clause_id, names in tests.items()}
    by_clause = {clause_id: names for clause_id, names in by_clause.items() if names}
    judged = _judged(catalogue, by_clause)
    rows: dict[str, list[MatrixRow]] = {document: [] for document in catalogue.documents}
    for clause in catalogue.clauses.values():
        found = None if features is None else catalogue.applicability(clause.id, features, ics)
        names = by_clause.get(clause.id, ())
        hole = "" if names or not _claims(clause, found) else _hole(clause, judged)
        rows[clause.document].append(
            MatrixRow(clause, found.state if found else None, found.why if found else "", names, hole)
        )
    titles = {document.id: (document.title_en, document.title_zh) for document in catalogue.documents.values()}
    product = str(features.get("product", "")) if features else ""
    return Matrix(product, titles, {document: tuple(each) for document, each in rows.items()})


def _judged(catalogue: Catalogue, tests: Collection[str]) -> frozenset[str]:
    """Return the ids of clauses that have a test, or follow wholly, in any number of steps, from such clauses."""
    judged = set(tests)
    grown = True
    while grown:
        fresh = {
            clause.id
            for clause in catalogue.clauses.values()
            if clause.id not in judged and clause.exact and judged.issuperset(clause.derived_from)
        }
        judged |= fresh
        grown = bool(fresh)
    return frozenset(judged)


def _claims(clause: Clause, found: Applicability | None) -> bool:
    return clause.obligation.value != "info" if found is None else found.counts


def _hole(clause: Clause, judged: Collection[str]) -> str:
    if not clause.derived_from or not any(source in judged for source in clause.derived_from):
        return "source-untested" if clause.exact else "no-test"
    if clause.exact:
        return "" if all(source in judged for source in clause.derived_from) else "source-untested"
    return "part-only"


def _count(rows: list[MatrixRow]) -> DocumentCounts:
    states = [row.state for row in rows]
    open_rows = [row for row in rows if row.state not in (State.NOT_APPLICABLE, State.INFORMATIVE)]
    return DocumentCounts(
        clauses=len(rows),
        applicable=states.count(State.APPLICABLE),
        not_applicable=states.count(State.NOT_APPLICABLE),
        undecided=states.count(State.UNKNOWN) + states.count(State.PROSE),
        informative=sum(row.clause.obligation.value == "info" for row in rows),
        tested=sum(bool(row.tests) for row in open_rows),
        derived=sum(not row.tests and row.clause.exact and not row.hole for row in open_rows),
        holes=sum(bool(row.hole) for row in rows),
        unconfirmed=sum(row.clause.text_status.unconfirmed for row in rows),
    )

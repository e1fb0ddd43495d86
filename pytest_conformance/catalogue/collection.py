"""The Catalogue: all documents and clauses that are loaded, and the questions that others put to it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pytest_conformance.catalogue.applicability import Applicability, Support, applicability
from pytest_conformance.catalogue.derivation import derive, derive_all
from pytest_conformance.catalogue.expressions import Value
from pytest_conformance.catalogue.features import Feature
from pytest_conformance.catalogue.model import Clause, Document
from pytest_conformance.errors import UsageError
from pytest_conformance.verdicts import ClauseVerdict


@dataclass(frozen=True)
class Catalogue:
    """Documents and clauses by id, in the order of the files, and the vocabulary of features."""

    documents: Mapping[str, Document]
    clauses: Mapping[str, Clause]
    features: Mapping[str, Feature] = field(default_factory=dict)

    def clause(self, clause_id: str) -> Clause:
        """Return the clause `clause_id`; raises UsageError USE-CAT-001 with the nearest ids."""
        if clause_id not in self.clauses:
            raise _unknown("USE-CAT-001", "clause", clause_id, self.nearest(clause_id))
        return self.clauses[clause_id]

    def document(self, document_id: str) -> Document:
        """Return the document `document_id`; raises UsageError USE-CAT-010 with the nearest ids."""
        if document_id not in self.documents:
            raise _unknown("USE-CAT-010", "document", document_id, _near(document_id, self.documents))
        return self.documents[document_id]

    def clauses_of(self, document_id: str) -> tuple[Clause, ...]:
        """Return the clauses of a document, in the order of its file."""
        self.document(document_id)
        return tuple(clause for clause in self.clauses.values() if clause.document == document_id)

    def nearest(self, clause_id: str) -> list[str]:
        """Return up to five ids that `clause_id` may have been meant to be, the likeliest first."""
        return _near(clause_id, self.clauses)

    def applicability(
        self, clause_id: str, features: Mapping[str, Value], ics: Mapping[str, Support | str] | None = None
    ) -> Applicability:
        """Tell whether the clause applies to a device with `features` and `ics`, and why."""
        return applicability(self.clause(clause_id), features, ics)

    def derive(self, clause_id: str, verdicts: Mapping[str, ClauseVerdict]) -> ClauseVerdict | None:
        """Return the verdict on one clause that follows directly from `verdicts`, or None."""
        return derive(self.clause(clause_id), verdicts)

    def derive_all(
        self, verdicts: Mapping[str, ClauseVerdict], only: Iterable[str] | None = None
    ) -> dict[str, ClauseVerdict]:
        """Return the derived verdicts on all clauses (or `only` some) that nothing judged; follows chains."""
        return derive_all(self.clauses, verdicts, only)


def _near(name: str, known: Iterable[str]) -> list[str]:
    spelled = {each.casefold(): each for each in known}
    asked = name[:100].casefold()
    below = [each for folded, each in spelled.items() if asked and folded.startswith(asked)]
    like = [spelled[folded] for folded in difflib.get_close_matches(asked, spelled, 5, 0.6)]
    return list(dict.fromkeys((*below[:3], *like)))[:5]


def _unknown(code: str, kind: str, name: str, near: list[str]) -> UsageError:
    return UsageError(
        code,
        f"no document has the {kind} {name!r}" if kind == "clause" else f"the catalogue has no document {name!r}",
        expected=f"one of the nearest: {', '.join(near)}" if near else f"a {kind} of the catalogue",
        todo="`conformance matrix` lists them all",
    )

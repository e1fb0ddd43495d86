"""The plan (clauses x applicability x tests) as it is journalled first, and the exit code that judges it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.record import PlannedClause
from pytest_conformance.verdicts import Cause, ClauseVerdict, Contribution, Verdict, fold

if TYPE_CHECKING:
    from pytest_conformance.catalogue import Applicability, Catalogue, Clause
    from pytest_conformance.declaration import Declaration

REFUSED = 11
"""Exit code: refused to start."""
UNDECIDED = 10
"""Exit code: something planned is inconclusive or was not tested."""
NO_TEST = "no-test"
DESELECTED = "deselected"


@dataclass(frozen=True)
class Planned:
    """One clause of the plan: whether it applies and why, and the selected tests that judge it."""

    clause: Clause
    applicability: Applicability
    tests: tuple[str, ...]
    deselected: bool = False

    @property
    def applies(self) -> bool:
        return self.applicability.applies

    @property
    def reason(self) -> str:
        """Why it does not apply, or why no test judges it."""
        if not self.applies:
            return self.applicability.why
        if self.tests:
            return ""
        return DESELECTED if self.deselected else NO_TEST

    def row(self) -> PlannedClause:
        """Return the row for the journal, with all that a view needs."""
        clause = self.clause
        return PlannedClause(
            clause.id,
            clause.document,
            self.applies,
            self.reason,
            clause.title_en or clause.text_en,
            clause.text_zh,
            clause.chapter,
            clause.text_status.value,
            clause.severity.value,
            clause.testable.value,
            self.tests,
        )


def make_plan(
    catalogue: Catalogue,
    declaration: Declaration,
    selected: Mapping[str, Sequence[str]],
    deselected: Iterable[str] = (),
) -> dict[str, Planned]:
    """Return the plan for `declaration`: `selected` maps clause ids to the selected tests that judge them."""
    left_out = frozenset(deselected) - frozenset(selected)
    return {
        clause_id: Planned(
            clause,
            catalogue.applicability(clause_id, declaration.features, declaration.ics),
            tuple(selected.get(clause_id, ())),
            clause_id in left_out,
        )
        for clause_id, clause in catalogue.clauses.items()
    }


def conclude(
    plan: Mapping[str, Planned], said: Iterable[tuple[Sequence[str], Contribution]]
) -> dict[str, ClauseVerdict]:
    """Fold what the tests said into a verdict for each clause of the plan; nothing is derived here."""
    heard: dict[str, list[Contribution]] = {}
    for clause_ids, contribution in said:
        for clause_id in clause_ids:
            heard.setdefault(clause_id, []).append(contribution)
    return {clause_id: _verdict(row, heard.get(clause_id, [])) for clause_id, row in plan.items()}


def _verdict(row: Planned, said: Sequence[Contribution]) -> ClauseVerdict:
    if not row.applies:
        return ClauseVerdict(Verdict.NOT_APPLICABLE, None, row.reason)
    if said:
        return fold(said)
    if row.tests:
        return ClauseVerdict(
            Verdict.NOT_TESTED, Cause.ABORTED, "selected, but no verdict came: skipped, or the run ended before"
        )
    return ClauseVerdict(Verdict.NOT_TESTED, None, row.reason)


def exit_code(plan: Mapping[str, Planned], verdicts: Mapping[str, ClauseVerdict], *, require_all: bool) -> int:
    """Judge the plan: 0, 1 or 10, over the applicable clauses for which a selected test exists.

    With `require_all`, a clause that applies for certain and has no test counts as not tested.
    """
    seen = {
        verdicts[clause_id].verdict
        for clause_id, row in plan.items()
        if row.applies and (row.tests or (require_all and row.applicability.counts))
    }
    if seen & {Verdict.FAIL, Verdict.CONDITIONAL_FAIL}:
        return 1
    if seen & {Verdict.INCONCLUSIVE, Verdict.NOT_TESTED}:
        return UNDECIDED
    return 0

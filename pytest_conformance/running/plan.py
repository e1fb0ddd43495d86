"""The plan (clauses x applicability x tests) and its end: a verdict for each clause, and the exit code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_conformance.verdicts import Cause, ClauseVerdict, Contribution, Verdict, fold

if TYPE_CHECKING:
    from pytest_conformance.catalogue import Applicability, Catalogue, Clause
    from pytest_conformance.declaration import Declaration

REFUSED = 11
"""Exit code: refused to start."""
INCONCLUSIVE = 10
"""Exit code: something planned is inconclusive or was not tested."""


@dataclass(frozen=True)
class Planned:
    """One clause of the plan: whether it applies and why, and the selected tests that judge it."""

    clause: Clause
    applicability: Applicability
    tests: tuple[str, ...]

    @property
    def applies(self) -> bool:
        return self.applicability.applies


@dataclass
class Plan:
    """All clauses of the catalogue against one declaration; `deselected` clauses have tests that were not selected."""

    rows: Mapping[str, Planned]
    deselected: frozenset[str] = frozenset()
    contributions: dict[str, list[Contribution]] = field(default_factory=dict)

    def add(self, clause_ids: Iterable[str], said: Contribution) -> None:
        """Keep what a test said of its clauses; contributions to clauses that do not apply are kept as well."""
        for clause_id in clause_ids:
            self.contributions.setdefault(clause_id, []).append(said)

    def verdict(self, clause_id: str) -> ClauseVerdict:
        """Return the verdict that the contributions to `clause_id` fold into, without derivation."""
        row = self.rows[clause_id]
        if not row.applies:
            return ClauseVerdict(Verdict.NOT_APPLICABLE, None, row.applicability.why)
        said = self.contributions.get(clause_id, [])
        if said:
            return fold(said)
        if row.tests:
            return ClauseVerdict(Verdict.NOT_TESTED, Cause.ABORTED, "selected, but the run ended before it")
        if clause_id in self.deselected:
            return ClauseVerdict(Verdict.NOT_TESTED, None, "deselected")
        return ClauseVerdict(Verdict.NOT_TESTED, None, "no-test")

    def verdicts(self, catalogue: Catalogue) -> dict[str, ClauseVerdict]:
        """Return a verdict for each clause; those without a test of their own derive theirs where rows say so."""
        found = {clause_id: self.verdict(clause_id) for clause_id in self.rows}
        for clause_id in self.rows:
            if found[clause_id].verdict is Verdict.NOT_TESTED and not self.rows[clause_id].tests:
                derived = catalogue.derive(clause_id, found)
                if derived is not None:
                    found[clause_id] = derived
        return found


def make_plan(
    catalogue: Catalogue,
    declaration: Declaration,
    selected: Mapping[str, Sequence[str]],
    deselected: Iterable[str] = (),
) -> Plan:
    """Return the plan for `declaration`: `selected` maps clause ids to the selected tests that judge them."""
    rows = {
        clause_id: Planned(
            clause,
            catalogue.applicability(clause_id, declaration.features, declaration.ics),
            tuple(selected.get(clause_id, ())),
        )
        for clause_id, clause in catalogue.clauses.items()
    }
    return Plan(rows, frozenset(deselected) - frozenset(selected))


def exit_code(plan: Plan, verdicts: Mapping[str, ClauseVerdict], *, require_all: bool) -> int:
    """Judge the plan: 0, 1 or 10, over the applicable clauses for which a selected test exists.

    With `require_all`, an applicable clause without any test counts as not tested.
    """
    seen = {
        verdicts[clause_id].verdict
        for clause_id, row in plan.rows.items()
        if row.applies and (row.tests or (require_all and row.applicability.counts))
    }
    if seen & {Verdict.FAIL, Verdict.CONDITIONAL_FAIL}:
        return 1
    if seen & {Verdict.INCONCLUSIVE, Verdict.NOT_TESTED}:
        return INCONCLUSIVE
    return 0

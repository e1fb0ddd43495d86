"""Static checks of a declaration, before anything is powered: what contradicts itself, the catalogue or the ICS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pytest_conformance.declaration.consistency import Found, contradictions
from pytest_conformance.declaration.model import Declaration
from pytest_conformance.yamlfile.compose import Path
from pytest_conformance.yamlfile.document import Fault
from pytest_conformance.yamlfile.problems import nearest

if TYPE_CHECKING:
    from pytest_conformance.catalogue import Catalogue, Clause, Feature

PLACEHOLDERS = frozenset({"-", "--", "?", "n/a", "na", "none", "tbd", "tba", "todo", "xxx", "..."})
"""Words that stand where a reason should: provision 5.0-1 of EN 303 645 asks for a reason."""


@dataclass(frozen=True)
class Finding:
    """Something that a static check found. An error stops the run before power; a warning is shown and recorded."""

    severity: Literal["error", "warning"]
    code: str
    path: Path
    place: str
    """`file:line:column`."""
    message: str
    meant: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f"; did you mean {self.meant!r}?" if self.meant else "")


def check(declaration: Declaration, catalogue: Catalogue | None = None) -> list[Finding]:
    """Return everything that is wrong with `declaration` by itself and, when it is given, against `catalogue`."""
    found = [*contradictions(declaration), *_features(declaration, _vocabulary()), *_reasons(declaration)]
    if catalogue is not None:
        found += _statement(declaration, catalogue)
    return [
        Finding(
            each.severity,
            each.code,
            each.path,
            declaration.place(each.path, on_key=each.on_key),
            each.message,
            each.meant,
        )
        for each in found
    ]


def require_sound(declaration: Declaration, catalogue: Catalogue | None = None) -> list[Finding]:
    """Return the warnings on `declaration`; FileError (UsageError) lists the errors with their places, if any."""
    findings = check(declaration, catalogue)
    if errors := [finding for finding in findings if finding.severity == "error"]:
        faults = [Fault(error.path, error.message, error.code, error.meant) for error in errors]
        raise declaration.document.error(faults)
    return findings


def _vocabulary() -> Mapping[str, Feature]:
    from pytest_conformance.catalogue.features import load_features

    return load_features()


def _features(declaration: Declaration, vocabulary: Mapping[str, Feature]) -> Iterator[Found]:
    for name, value in declaration.features.items():
        path: Path = ("features", name)
        feature = vocabulary.get(name)
        if feature is None:
            near = nearest(name, vocabulary)
            yield Found("USE-DEC-001", path, f"the catalogue has no feature {name!r}", meant=near, on_key=True)
        elif problem := feature.problem(value):
            yield Found("USE-DEC-001", path, problem)
    for name in vocabulary:
        if name not in declaration.features:
            message = f"feature {name!r} is not answered: clauses that depend on it stay open"
            yield Found("USE-DEC-002", ("features",), message, severity="warning")


def _reasons(declaration: Declaration) -> Iterator[Found]:
    for clause, answer in declaration.statement.items():
        reason = (answer.reason or "").strip().casefold()
        if answer.support != "yes" and (not reason or reason in PLACEHOLDERS):
            message = f"{clause} is answered {answer.support!r} without a reason (EN 303 645, 5.0-1 asks for one)"
            yield Found("USE-DEC-020", ("ics", clause), message, severity="warning")


def _statement(declaration: Declaration, catalogue: Catalogue) -> Iterator[Found]:
    """Compare the ICS with the status of each provision and with the conditions that the features fulfil."""
    for clause_id, answer in declaration.statement.items():
        path: Path = ("ics", clause_id)
        clause = catalogue.clauses.get(clause_id)
        if clause is None:
            near = nearest(clause_id, catalogue.clauses)
            yield Found("USE-DEC-021", path, f"the catalogue has no provision {clause_id!r}", meant=near, on_key=True)
        else:
            yield from _provision(path, clause, answer.support, _holds(declaration, catalogue, clause))
    for clause in _unanswered(declaration, catalogue.clauses):
        message = f"provision {clause.id} is not answered"
        yield Found("USE-DEC-025", ("ics",), message, severity="warning")


def _provision(path: Path, clause: Clause, support: str, holds: bool | None) -> Iterator[Found]:
    if clause.status is None:
        yield Found("USE-DEC-021", path, f"{clause.id} is no provision of a standard with an ICS", on_key=True)
    elif support == "no" and not clause.status.recommended and holds is not False:
        yield Found("USE-DEC-022", path, f"mandatory provision {clause.id} is declared unsupported")
    elif support == "not_applicable" and holds:
        message = f"{clause.id} is declared not applicable, but it applies: {clause.condition or 'always'}"
        yield Found("USE-DEC-023", path, message)
    elif support == "yes" and holds is False:
        message = (
            f"{clause.id} is declared supported, but by the features its condition does not hold: {clause.condition}"
        )
        yield Found("USE-DEC-024", path, message)


def _holds(declaration: Declaration, catalogue: Catalogue, clause: Clause) -> bool | None:
    """Tell whether the declared features make `clause` apply; None when they leave it open."""
    from pytest_conformance.catalogue.applicability import State, applicability

    state = applicability(clause, declaration.features).state
    return {State.APPLICABLE: True, State.NOT_APPLICABLE: False}.get(state)


def _unanswered(declaration: Declaration, clauses: Mapping[str, Clause]) -> Iterator[Clause]:
    begun = {clauses[clause_id].document for clause_id in declaration.statement if clause_id in clauses}
    for clause in clauses.values():
        if clause.status is not None and clause.document in begun and clause.id not in declaration.statement:
            yield clause

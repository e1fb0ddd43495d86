"""Verdicts that follow from other clauses: reading "As CN-FRT-5.a and CN-FRT-6.a", and deriving.

Pure. Which clause follows from which is settled once, when the catalogue is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from pytest_conformance.catalogue.model import Clause, Derivation, Obligation, Strength
from pytest_conformance.errors import UsageError
from pytest_conformance.verdicts import Cause, ClauseVerdict, Contribution, Verdict, fold

NO_TEST = "no-test"
"""Reason of a NOT_TESTED verdict on a clause for which no test exists."""

_SEPARATOR = re.compile(r"(?:\s*,\s*and\s+|\s*,\s*|\s+and\s+)")
_REFERENCE = re.compile(r"[A-Za-z0-9.()-]{1,80}")
_FULL = re.compile(r"[A-Z][A-Za-z0-9]+-.*[0-9A-Za-z)]")
_SHORT = re.compile(r"-?[0-9]+(?:[.-][0-9A-Za-z.-]+)?")


def read_method(clause_id: str, method: str, ids: Collection[str]) -> Derivation | None:
    """Read a method of the form "As X[, Y and Z][rest]"; None for any other method.

    X, Y, Z are clause ids or shorthand for them ("-2", "14.b", "5.8-2" after a full id). Without a rest the
    derivation is exact. A rest after a comma, colon or semicolon adds to the test: part. Any other rest ("on a
    child profile") carries the method elsewhere: related. Raises UsageError USE-CAT-005 for an id that no
    document has.
    """
    if not method.startswith("As "):
        return None
    sources: list[str] = []
    base, position = clause_id, len("As ")
    while True:
        separator = _SEPARATOR.match(method, position) if sources else None
        start = separator.end() if separator else position
        match = _REFERENCE.match(method, start) if separator or not sources else None
        reference = match.group().rstrip(".") if match else ""
        if not (_FULL.fullmatch(reference) or (reference != "" and _SHORT.fullmatch(reference))):
            break
        if sources and reference.isdigit():
            break
        base = _resolve(clause_id, reference, base, ids)
        sources.append(base)
        position = start + len(reference)
    if not sources:
        return None
    rest = method[position:]
    remainder = rest.strip(" .,;:")
    if not remainder:
        return Derivation(tuple(sources), Strength.EXACT)
    adds = rest.lstrip().startswith((",", ";", ":"))
    return Derivation(tuple(sources), Strength.PART if adds else Strength.RELATED, remainder)


def _resolve(clause_id: str, reference: str, base: str, ids: Collection[str]) -> str:
    if reference in ids:
        return reference
    tail = reference.lstrip("-")
    cuts = [index + 1 for index, character in enumerate(base) if character == "-"]
    for cut in reversed(cuts):
        if base[:cut] + tail in ids:
            return base[:cut] + tail
    raise UsageError(
        "USE-CAT-005",
        f"the method refers to {reference!r}, which no document has",
        where=clause_id,
        expected="a clause id, or shorthand for one after a full id",
    )


def check_references(clauses: Mapping[str, Clause]) -> None:
    """Raise UsageError: USE-CAT-005 for a reference to no clause, USE-CAT-006 when derivations run in a circle."""
    for clause in clauses.values():
        sources = clause.derivation.sources if clause.derivation else ()
        for source in (*sources, *clause.maps_to):
            if source not in clauses:
                raise UsageError("USE-CAT-005", f"refers to {source!r}, which no document has", where=clause.id)
    try:
        TopologicalSorter({clause.id: clause.derived_from for clause in clauses.values()}).prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise UsageError(
            "USE-CAT-006",
            f"verdicts would derive from each other in a circle: {circle}",
            todo="mark one of them `strength: related` in derivations.yaml",
        ) from None


def derive(clause: Clause, verdicts: Mapping[str, ClauseVerdict]) -> ClauseVerdict | None:
    """Return the verdict on `clause` that follows from `verdicts` on others; None when nothing follows.

    Nothing follows for a clause that has a verdict of its own, that is informative or only related, or whose
    sources are all untested. An exact derivation folds the verdicts of its sources. Where only a part follows,
    or a source is untested or does not apply, what is left over is INCONCLUSIVE(method): a failure still comes
    through, a pass never does.
    """
    own = verdicts.get(clause.id)
    if own is not None and own.verdict is not Verdict.NOT_TESTED:
        return None
    if clause.obligation is Obligation.INFO or not clause.derived_from:
        return None
    judged = {source: verdicts[source] for source in clause.derived_from if _judged(verdicts.get(source))}
    if not judged:
        return None
    said = [_follows(source, verdict) for source, verdict in judged.items()]
    absent = [source for source in clause.derived_from if source not in judged]
    said.extend(_open(source, f"{source} {_absence(verdicts.get(source))}", judged) for source in absent)
    if not clause.exact:
        remainder = clause.derivation.remainder if clause.derivation else ""
        said.append(_open(clause.id, f"not tested: {remainder or 'the rest of the clause'}", judged))
    return fold(said)


def derive_all(
    clauses: Mapping[str, Clause], verdicts: Mapping[str, ClauseVerdict], only: Iterable[str] | None = None
) -> dict[str, ClauseVerdict]:
    """Return derived verdicts for the clauses (or those of `only`) that nothing judged, chains included.

    A clause counts as not judged when `verdicts` lacks it or holds NOT_TESTED with the reason "no-test": a
    test that exists but did not run is not replaced by a derivation.
    """
    known = dict(verdicts)
    derived: dict[str, ClauseVerdict] = {}
    order = TopologicalSorter({clause.id: clause.derived_from for clause in clauses.values()}).static_order()
    wanted = None if only is None else frozenset(only)
    for clause_id in order:
        if not _free(known.get(clause_id)):
            continue
        verdict = derive(clauses[clause_id], known)
        if verdict is not None:
            known[clause_id] = verdict
            if wanted is None or clause_id in wanted:
                derived[clause_id] = verdict
    return derived


def _free(verdict: ClauseVerdict | None) -> bool:
    return verdict is None or (verdict.verdict is Verdict.NOT_TESTED and verdict.reason == NO_TEST)


def _judged(verdict: ClauseVerdict | None) -> bool:
    return verdict is not None and verdict.verdict.gravity >= 0


def _absence(verdict: ClauseVerdict | None) -> str:
    applies = verdict is None or verdict.verdict is not Verdict.NOT_APPLICABLE
    return "was not tested" if applies else "does not apply to this device, so nothing was measured there"


def _follows(source: str, verdict: ClauseVerdict) -> Contribution:
    reason = f"follows from {source}" + (f": {verdict.reason}" if verdict.reason else "")
    measurements = tuple(each for said in verdict.contributions for each in said.measurements)
    evidence = tuple(dict.fromkeys(each for said in verdict.contributions for each in said.evidence))
    return Contribution(verdict.verdict, f"derived:{source}", verdict.cause, reason, "", measurements, evidence)


def _open(name: str, what: str, judged: Iterable[str]) -> Contribution:
    reason = f"only part of it follows from {', '.join(judged)}; {what}"
    return Contribution(Verdict.INCONCLUSIVE, f"derived:{name}", Cause.METHOD, reason, "MET-CAT-001")

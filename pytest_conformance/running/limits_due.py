"""Limits that clauses need before they can be judged (case I13): asked before a test runs, and before a run starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pytest_conformance.errors import MethodError

if TYPE_CHECKING:
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile


def is_limit(name: str) -> bool:
    """Tell whether profiles or declarations can give a limit called `name`."""
    from pytest_conformance.declaration.profile import Limits
    from pytest_conformance.declaration.sections import Timing

    return name in Limits.model_fields or name in Timing.model_fields


def missing(name: str, clauses: tuple[str, ...], profile: Profile, declaration: Declaration) -> MethodError | None:
    """Return MethodError MET-LIM-002 when neither the profile nor the declaration gives limit `name`."""
    if getattr(profile.limits, name, None) is not None or getattr(declaration.timing, name, None) is not None:
        return None
    return MethodError(
        "MET-LIM-002",
        f"{', '.join(clauses)} cannot be judged: there is no limit {name!r}",
        where=f"profile {profile.name} {profile.version}, declaration of {declaration.model}",
        expected=f"`{name}` under `limits:` of the profile, or under `timing:` of the declaration",
        todo="agree on it with the customer before anything is measured, and write it down",
    )


def of_method(due: Mapping[str, str], profile: Profile, declaration: Declaration) -> Iterator[MethodError]:
    """Yield what an accredited run lacks: limits of `due` (clause to the name of its limit), a decision rule."""
    for clause, name in due.items():
        found = missing(name, (clause,), profile, declaration)
        if found is not None:
            yield found
    if "rule" not in profile.model_fields_set:
        yield MethodError(
            "MET-LIM-003",
            f"profile {profile.name!r} agrees on no decision rule",
            where=str(profile.document.name),
            expected="decision_rule: simple, guarded or conditional",
            todo="agree with the customer how uncertainty is used, and write it into the profile",
        )

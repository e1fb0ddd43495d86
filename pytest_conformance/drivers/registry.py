"""Find drivers by their entry points, so that a laboratory or vendor adds its own without a patch."""

from __future__ import annotations

import difflib
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pytest_conformance.errors import UsageError

DRIVERS = "pytest_conformance.drivers"
DEVICES = "pytest_conformance.devices"


def names(group: str = DRIVERS) -> list[str]:
    """Return the names of everything installed in `group`, sorted."""
    return sorted({each.name for each in entry_points(group=group)})


def load(name: str, *, group: str = DRIVERS, where: str = "") -> Any:
    """Return the class that entry point `name` of `group` names.

    Raises UsageError USE-DRV-001 for an unknown name (with near ones), and USE-DRV-002 when its package cannot
    be imported, with the reason.
    """
    found = _find(name, group)
    what = group.rsplit(".", 1)[1].rstrip("s")
    if found is None:
        known = names(group)
        near = difflib.get_close_matches(name, known, 3) or known
        raise UsageError(
            "USE-DRV-001",
            f"no {what} is named {name!r}",
            where=where,
            expected=f"did you mean {', '.join(map(repr, near))}?" if near else "an installed entry point",
            todo=f"correct the name, or install the package that provides it (entry-point group {group})",
        )
    try:
        return found.load()
    except Exception as error:
        raise UsageError(
            "USE-DRV-002",
            f"the {what} {name!r} cannot be loaded: {type(error).__name__}: {error}",
            where=f"{where} -> {found.value}".strip(" ->"),
            expected="a module that imports",
            todo="mend or reinstall the package that provides it",
        ) from error


def _find(name: str, group: str) -> EntryPoint | None:
    for each in entry_points(group=group):
        if each.name == name:
            return each
    return None

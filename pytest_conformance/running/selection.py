"""Which tests a bench run collects, what they judge, and which of them do not apply to the declared device."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_conformance.resources import shipped
from pytest_conformance.running.limits_due import is_limit

if TYPE_CHECKING:
    from pytest_conformance.catalogue import Catalogue

KIND_FOLDERS = {"lock": "locks", "camera": "cameras", "wearable": "wearables"}
"""Folder of the shipped suites for each kind of device; `common` belongs to all."""


def suite_paths(kind: str, hook: Any = None) -> list[Path]:
    """Return the shipped suites that fit `kind`, and those that plugins add through `pytest_conformance_suites`."""
    root = shipped("suites")
    paths = [root / "common"]
    folder = root / KIND_FOLDERS.get(kind, f"{kind}s")
    if folder.is_dir():
        paths.append(folder)
    if hook is not None:
        for more in hook.pytest_conformance_suites(kind=kind):
            paths.extend(more or ())
    return [path for path in paths if path.exists()]


def clauses_of(item: pytest.Item) -> tuple[str, ...]:
    """Return the ids of the clauses that `item` judges, in the order of its marks, each once."""
    ids = [str(each) for mark in item.iter_markers("clause") for each in mark.args]
    return tuple(dict.fromkeys(ids))


def limit_of(item: pytest.Item) -> str:
    """Return the name of the limit without which `item` cannot judge its clauses; "" when it needs none."""
    return next((str(mark.kwargs["limit"]) for mark in item.iter_markers("clause") if mark.kwargs.get("limit")), "")


def test_name(item_or_nodeid: pytest.Item | str) -> str:
    """Return the node id as a stranger would write it: shipped suites begin with `suites/`, wherever they lie."""
    nodeid = item_or_nodeid if isinstance(item_or_nodeid, str) else item_or_nodeid.nodeid
    path, separator, rest = nodeid.partition("::")
    parts = path.replace("\\", "/").split("/")
    if "suites" in parts:
        path = "/".join(parts[len(parts) - 1 - parts[::-1].index("suites") :])
    return f"{path}{separator}{rest}"


def unknown_clauses(items: Iterable[pytest.Item], catalogue: Catalogue) -> list[str]:
    """Return one line for each clause id that no catalogue document has, with the nearest ids."""
    lines = []
    for item in items:
        for clause_id in clauses_of(item):
            if clause_id not in catalogue.clauses:
                near = ", ".join(catalogue.nearest(clause_id)) or "nothing like it"
                lines.append(f"{test_name(item)}: no document has clause {clause_id!r}; nearest: {near}")
        if (name := limit_of(item)) and not is_limit(name):
            lines.append(f"{test_name(item)}: neither profile nor declaration has a limit {name!r}")
    return lines


def matches(clause_ids: Sequence[str], patterns: str) -> bool:
    """Tell whether any id matches any of the comma-separated shell patterns; no pattern matches everything."""
    wanted = [pattern.strip() for pattern in patterns.split(",") if pattern.strip()]
    return not wanted or any(fnmatch.fnmatchcase(each, pattern) for each in clause_ids for pattern in wanted)

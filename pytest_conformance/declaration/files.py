"""Find and load declarations."""

from __future__ import annotations

from pathlib import Path

from pytest_conformance.declaration.checks import require_sound
from pytest_conformance.declaration.model import Declaration
from pytest_conformance.resources import shipped
from pytest_conformance.yamlfile import load
from pytest_conformance.yamlfile.lookup import find


def find_declaration(name: str, here: Path) -> Path:
    """Return the declaration that `name` means: a path, or NAME.yaml in `here`/fixtures/devices or among the shipped.

    Raises UsageError USE-DUT-001 naming the nearest names.
    """
    return find(name, [here / "fixtures" / "devices", shipped("fixtures") / "devices"], "declaration", "USE-DUT-001")


def load_declaration(path: Path) -> Declaration:
    """Read and check the declaration at `path`, without the catalogue's clauses (see `require_sound`).

    Raises FileError (a UsageError) that lists everything that is wrong with file, line and column.
    """
    declaration = load(path, Declaration)
    require_sound(declaration)
    return declaration

"""Type hints of recorded classes, also where a module imports the names for type checking alone."""

from __future__ import annotations

import ast
import inspect
import sys
import typing
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any


@cache
def hints_of(kind: type) -> dict[str, Any]:
    """Return the resolved annotations of `kind`, extras kept.

    A name that its module imports only under `if TYPE_CHECKING:` is imported now. Raises NameError for a name
    that is found nowhere.
    """
    found: dict[str, Any] = {}
    while True:
        try:
            return typing.get_type_hints(kind, localns=found, include_extras=True)
        except NameError as error:
            name = error.name
            if not name or name in found:
                raise
            found[name] = _imported_for_typing(kind, name)


def _imported_for_typing(kind: type, name: str) -> Any:
    for owner in kind.__mro__:
        module = sys.modules.get(owner.__module__)
        source = _origins(module).get(name) if module is not None else None
        if source is not None:
            return getattr(import_module(source[0]), source[1])
    raise NameError(f"name {name!r} is not defined", name=name)


@cache
def _origins(module: ModuleType) -> dict[str, tuple[str, str]]:
    """Return what a module imports for type checking alone: the name here, the module and the name there."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):
        return {}
    origins: dict[str, tuple[str, str]] = {}
    for block in tree.body:
        if not isinstance(block, ast.If) or "TYPE_CHECKING" not in ast.dump(block.test):
            continue
        for statement in block.body:
            if isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
                for each in statement.names:
                    origins[each.asname or each.name] = statement.module, each.name
    return origins

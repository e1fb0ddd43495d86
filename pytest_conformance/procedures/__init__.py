"""Procedures: stimulate the device once, return an observation that many clauses are judged by."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def modules() -> list[ModuleType]:
    """Return the modules of this room; those with `@procedure` fixtures are registered as pytest plugins."""
    return [import_module(f"{__name__}.{each.name}") for each in iter_modules(__path__)]

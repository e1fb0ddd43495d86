"""Strict YAML 1.2 files: data with places, models with errors that say file, line, column and what was meant.

Models of particular files live in their rooms. `model.py` (`FileModel`, `Part`) imports pydantic, this does not.
"""

from pytest_conformance.yamlfile.compose import Bare, Path, Positions
from pytest_conformance.yamlfile.document import Document, Fault, load, parse, read
from pytest_conformance.yamlfile.problems import FileError, Position, Problem, nearest
from pytest_conformance.yamlfile.scalars import as_written

__all__ = [
    "Bare",
    "Document",
    "Fault",
    "FileError",
    "Path",
    "Position",
    "Positions",
    "Problem",
    "as_written",
    "load",
    "nearest",
    "parse",
    "read",
]

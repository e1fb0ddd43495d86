"""Catalogue folders as plain checked data: YAML read strictly, or the compiled JSON beside it when it is fresh.

Parsing ten thousand lines of YAML takes over a second; the compiled form of the shipped folder takes a few
milliseconds. It carries the digest of each file and is ignored when one differs. Rebuild it with
`python -m pytest_conformance.catalogue`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.errors import UsageError
from pytest_conformance.yamlfile import load

if TYPE_CHECKING:
    from pydantic import BaseModel

SHIPPED = Path(__file__).resolve().parent / "data"
COMPILED = "compiled.json"
FORMAT = "conformance-catalogue/1"

_OVERLAYS = ("features.yaml", "expressions.yaml", "derivations.yaml", "headings.yaml")


def read_folder(folder: Path) -> dict[str, Any]:
    """Return the checked content of `folder`: keys `documents` (list), and one for each overlay.

    Every `*.yaml` below it is a document, save the overlays at its top: `features`, `expressions`, `derivations`
    and `headings`. Raises UsageError: USE-CAT-007
    when there is no such folder, FileError (USE-FIL-...) with file, line and column for a file that is not right.
    """
    if not folder.is_dir():
        raise UsageError("USE-CAT-007", "there is no such catalogue folder", where=str(folder))
    digests = _digests(folder)
    compiled = folder / COMPILED
    if compiled.is_file():
        content: dict[str, Any] = json.loads(compiled.read_bytes())
        if content.get("format") == FORMAT and content.get("digests") == digests:
            return content
    return compile_folder(folder)


def compile_folder(folder: Path) -> dict[str, Any]:
    """Return the content of `folder` read from its YAML, as JSON can hold it."""
    from pytest_conformance.catalogue import schema

    content: dict[str, Any] = {"format": FORMAT, "digests": _digests(folder), "documents": []}
    for path in _documents(folder):
        content["documents"].append(_load(path, schema.DocumentFile))
    shapes: tuple[type[BaseModel], ...] = (
        schema.FeatureFile,
        schema.ExpressionFile,
        schema.DerivationFile,
        schema.HeadingFile,
    )
    for name, shape in zip(_OVERLAYS, shapes, strict=True):
        path = folder / name
        content[name.removesuffix(".yaml")] = _load(path, shape) if path.is_file() else {}
    return content


def write_compiled(folder: Path = SHIPPED) -> Path:
    """Write the compiled form beside the YAML of `folder` and return its path."""
    path = folder / COMPILED
    text = json.dumps(compile_folder(folder), ensure_ascii=False, indent=0, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def _load(path: Path, shape: type[BaseModel]) -> dict[str, Any]:
    return load(path, shape).model_dump(mode="json", exclude_unset=True)


def _documents(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*.yaml")) if not (path.parent == folder and path.name in _OVERLAYS)]


def _digests(folder: Path) -> dict[str, str]:
    paths = sorted(folder.rglob("*.yaml"))
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def rows(content: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (document id, clause row) for all documents of a folder's content."""
    for file in content["documents"]:
        for row in file["clauses"]:
            yield file["document"]["id"], row

"""From folders to one Catalogue: shipped documents, those of entry points, those given by path; cross-checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pytest_conformance.catalogue.chapters import chapter
from pytest_conformance.catalogue.collection import Catalogue
from pytest_conformance.catalogue.derivation import check_references, read_method
from pytest_conformance.catalogue.expressions import Expression, ExpressionError, Junction, parse
from pytest_conformance.catalogue.features import Feature, check_expression, load_features
from pytest_conformance.catalogue.model import (
    Clause,
    Derivation,
    Document,
    Obligation,
    Severity,
    Status,
    Strength,
    Testable,
    TextStatus,
)
from pytest_conformance.catalogue.source import SHIPPED, read_folder, rows
from pytest_conformance.errors import UsageError

GROUP = "pytest_conformance.catalogues"
"""Entry points of this group are callables without arguments that return the folder of a further catalogue."""


def load_catalogue(extra: Iterable[Path] = ()) -> Catalogue:
    """Return the catalogue: shipped documents, those that installed packages add, and those in folders `extra`.

    Raises UsageError (USE-CAT-..., USE-FIL-...) for files that cannot be used; see docs/catalogue.md.
    """
    return _load((*_installed(), *(Path(each).resolve() for each in extra)))


@lru_cache(maxsize=4)
def _load(further: tuple[Path, ...]) -> Catalogue:
    contents = [read_folder(folder) for folder in (SHIPPED, *further)]
    vocabulary = load_features(content["features"] for content in contents[1:])
    documents = _documents(contents)
    known = _Overlays(contents, vocabulary)
    clauses: dict[str, Clause] = {}
    for content in contents:
        for document, row in rows(content):
            if row["id"] in clauses:
                raise UsageError("USE-CAT-004", f"the clause {row['id']!r} is there twice", where=document)
            clauses[row["id"]] = known.clause(document, row)
    for unused in sorted(set(known.derivations) - set(clauses)):
        raise UsageError("USE-CAT-005", f"derivations.yaml speaks of {unused!r}, which no document has")
    clauses = {clause.id: known.derived(clause, clauses) for clause in clauses.values()}
    check_references(clauses)
    return Catalogue(documents, clauses, vocabulary)


def _installed() -> tuple[Path, ...]:
    folders = []
    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        try:
            folders.append(Path(point.load()()).resolve())
        except (ImportError, AttributeError, SyntaxError, TypeError, ValueError, OSError) as error:
            raise UsageError(
                "USE-CAT-007",
                f"the catalogue {point.name!r} cannot be loaded: {error}",
                where=f"entry point {point.value}",
                expected="a callable without arguments that returns a folder",
                todo="mend or uninstall the package that brings it",
            ) from error
    return tuple(folders)


def _documents(contents: list[dict[str, Any]]) -> dict[str, Document]:
    documents: dict[str, Document] = {}
    for content in contents:
        for file in content["documents"]:
            head = file["document"]
            if head["id"] in documents:
                raise UsageError("USE-CAT-004", f"the document {head['id']!r} is there twice")
            tables = {key: value for key, value in file.items() if key not in ("document", "clauses", "notes")}
            documents[head["id"]] = Document(
                **{
                    **head,
                    **{name: head.get(name) or "" for name in ("effective", "superseded_on", "superseded_by")},
                    "sources_seen": tuple(head["sources_seen"]),
                    "notes": tuple(file.get("notes", ())),
                    "tables": tables,
                }
            )
    return documents


class _Overlays:
    """What the overlay files of all folders add to clause rows: expressions, scopes, derivations, headings."""

    def __init__(self, contents: list[dict[str, Any]], vocabulary: Mapping[str, Feature]) -> None:
        self._vocabulary = vocabulary
        self._stated: dict[str, dict[str, Any]] = {}
        self._parts: dict[str, dict[str, str]] = {}
        self._headings: dict[str, dict[str, str]] = {}
        self.derivations: dict[str, dict[str, Any]] = {}
        for content in contents:
            expressions = content["expressions"]
            self._stated |= {stated["condition"]: stated for stated in expressions.get("conditions", ())}
            self._parts |= expressions.get("parts", {})
            self._headings |= content["headings"].get("headings", {})
            self.derivations |= content["derivations"].get("derivations", {})

    def clause(self, document: str, row: Mapping[str, Any]) -> Clause:
        condition = row.get("condition") or "always"
        stated = self._stated.get(condition, {})
        prose = bool(stated.get("prose"))
        number = row.get("article") or row.get("provision") or row["id"]
        lists = {key: tuple(value) for key, value in row.items() if isinstance(value, list)}
        words = {key: value for key, value in row.items() if isinstance(value, str)}
        columns: dict[str, Any] = {**words, **lists}
        return Clause(
            **{
                **columns,
                "document": document,
                "condition": condition,
                "text_status": TextStatus(row["text_status"]),
                "obligation": Obligation(row["obligation"]),
                "testable": Testable(row["testable"]),
                "severity": Severity(row["severity"]),
                "status": Status(row["status"]) if row.get("status") else None,
                "chapter": chapter(number, self._headings.get(document, {})),
                "rule": None if prose else self._expression(stated.get("expression", condition), row["id"]),
                "scope": self._scope(document, row),
                "prose": prose,
            }
        )

    def derived(self, clause: Clause, clauses: Mapping[str, Clause]) -> Clause:
        """Return `clause` with its derivation: the overlay's, else the method's, else that of `maps_to`."""
        graded = self.derivations.get(clause.id)
        if graded is not None:
            strength = Strength(graded["strength"])
            sources = tuple(graded.get("sources", ())) or clause.maps_to
            remainder = "" if strength is Strength.EXACT else graded["why"]
            return replace(clause, derivation=Derivation(sources, strength, remainder))
        derivation = read_method(clause.id, clause.method, clauses)
        if derivation is None and clause.maps_to:
            derivation = Derivation(clause.maps_to, Strength.RELATED)
        return replace(clause, derivation=derivation)

    def _scope(self, document: str, row: Mapping[str, Any]) -> Expression | None:
        parts = self._parts.get(document)
        if not parts or not row.get("parts"):
            return None
        texts = [parts[str(part)] for part in row["parts"] if str(part) in parts]
        operands = tuple(self._expression(text, document) for text in texts)
        return operands[0] if len(operands) == 1 else Junction("or", operands)

    def _expression(self, text: str, where: str) -> Expression:
        try:
            expression = parse(text)
        except ExpressionError as error:
            error.where = where
            raise
        problems = check_expression(expression, self._vocabulary)
        if problems:
            raise UsageError(
                "USE-CAT-009",
                f"the condition {text!r} asks for what is not in the vocabulary: {'; '.join(problems)}",
                where=where,
                expected="features of features.yaml, with values of their type",
            )
        return expression

"""`conformance matrix`: documents x clauses, whether each applies to a device, what judges it, where the holes are."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_conformance.commands import OK
from pytest_conformance.commands.output import add_json, console, print_json
from pytest_conformance.errors import UsageError

if TYPE_CHECKING:
    from pytest_conformance.catalogue import Matrix


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--dut", metavar="D", default="", help="name or path of a declaration: what applies to it")
    parser.add_argument("--clauses", metavar="PATTERN", default="", help="only these, for example 'CN-FRT-*'")
    parser.add_argument("--document", metavar="DOC", default="", help="only this document, clause by clause")
    add_json(parser)


def run(arguments: Namespace) -> int:
    matrix = _matrix(arguments.dut, arguments.document, arguments.clauses)
    if arguments.json:
        print_json(matrix.to_json())
    else:
        from pytest_conformance.reports.matrix_table import print_matrix

        print_matrix(matrix, console(), document=arguments.document, clauses=bool(arguments.clauses))
    return OK


def _matrix(dut: str, document: str, patterns: str) -> Matrix:
    from pytest_conformance.catalogue import load_catalogue, matrix
    from pytest_conformance.commands.collected_tests import tests_by_clause
    from pytest_conformance.declaration import find_declaration, load_declaration, require_sound
    from pytest_conformance.running.selection import KIND_FOLDERS

    catalogue = load_catalogue()
    if document:
        catalogue.document(document)
    if not dut:
        made = matrix(catalogue, None, tests_by_clause(KIND_FOLDERS))
    else:
        declaration = load_declaration(find_declaration(dut, Path.cwd()))
        require_sound(declaration, catalogue)
        tests = tests_by_clause([declaration.kind])
        made = matrix(catalogue, declaration.features, tests, declaration.ics)
    return _only(made, document, patterns) if document or patterns else made


def _only(made: Matrix, document: str, patterns: str) -> Matrix:
    """Return the part of a matrix that was asked for, which is judged as part of the whole."""
    from dataclasses import replace

    from pytest_conformance.running.selection import matches

    rows = {
        name: tuple(row for row in rows if not patterns or matches([row.clause.id], patterns))
        for name, rows in made.rows.items()
        if document in ("", name)
    }
    kept = {name: found for name, found in rows.items() if found}
    if not kept:
        raise UsageError(
            "USE-CLS-002", f"no clause matches {patterns!r}", where=document, todo="`conformance matrix` lists them"
        )
    return replace(made, rows=kept, titles={name: made.titles[name] for name in kept})

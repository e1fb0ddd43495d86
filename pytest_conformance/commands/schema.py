"""`conformance schema [NAME]`: print the JSON Schema of a kind of file, for editors and other programs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from typing import Any

from pytest_conformance.commands import OK
from pytest_conformance.commands.output import add_json, print_json
from pytest_conformance.errors import UsageError

KINDS = {
    "conformance-artefacts/1": "register of presentation artefacts",
    "conformance-bench/1": "bench file",
    "conformance-catalogue/1": "file of the catalogue: a document and its clauses",
    "conformance-declaration/1": "what a supplier declares of a device",
    "conformance-journal/1": "line of a run's journal, by type of event",
    "conformance-order/1": "what a customer ordered, and who tests it",
    "conformance-laboratory/1": "what a laboratory adds to its report",
    "conformance-plan/1": "plan of a campaign: what is shown, its rule, its limits",
    "conformance-profile/1": "sample sizes, windows and limits",
    "conformance-results/1": "results.json of a run",
    "conformance-subjects/1": "register of subjects",
}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", help="for example conformance-bench/1, or just bench")
    add_json(parser)


def run(arguments: Namespace) -> int:
    if arguments.name:
        print_json(_schemas()[_full(arguments.name)]())
    elif arguments.json:
        print_json({name: make() for name, make in _schemas().items()})
    else:
        for name, text in KINDS.items():
            print(f"{name:<28}{text}")
        print("\nconformance schema NAME prints one of them; --json without a name prints all")
    return OK


def _full(name: str) -> str:
    from pytest_conformance.yamlfile.problems import nearest

    short = {each.removeprefix("conformance-").partition("/")[0]: each for each in KINDS}
    if name in KINDS or name in short:
        return short.get(name, name)
    near = nearest(name, [*KINDS, *short])
    raise UsageError(
        "USE-SCH-001",
        f"there is no schema {name!r}" + (f"; did you mean {near!r}?" if near else ""),
        expected=f"one of {', '.join(KINDS)}",
    )


def _schemas() -> dict[str, Callable[[], dict[str, Any]]]:
    """Return how each schema is made, in the order of `KINDS`; nothing is made that nobody asked for."""
    others = {
        "conformance-catalogue/1": _catalogue,
        "conformance-journal/1": _journal,
        "conformance-laboratory/1": _laboratory,
        "conformance-results/1": _results,
    }
    return {name: others.get(name, partial(_file, name)) for name in KINDS}


def _file(name: str) -> dict[str, Any]:
    from pytest_conformance.bench.schemas import schemas

    return schemas()[name]


def _catalogue() -> dict[str, Any]:
    from pytest_conformance.catalogue.schema import catalogue_schema

    return catalogue_schema()


def _laboratory() -> dict[str, Any]:
    from pytest_conformance.reports.laboratory.file import Laboratory

    schema = Laboratory.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:conformance-laboratory:1", **schema}


def _results() -> dict[str, Any]:
    from pytest_conformance.reports import results_schema

    return results_schema()


def _journal() -> dict[str, Any]:
    from pytest_conformance.record import FORMAT, event_schemas

    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": FORMAT,
        "description": "One line of journal.jsonl. Types that begin with x- are free.",
        "anyOf": [
            *event_schemas().values(),
            {
                "type": "object",
                "properties": {"type": {"type": "string", "pattern": "^x-"}},
                "required": ["type", "seq", "utc", "mono_ns", "boot_id", "data", "prev"],
            },
        ],
    }

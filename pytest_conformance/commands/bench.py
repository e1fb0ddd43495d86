"""`conformance bench status|release BENCH`: who holds a bench, whether it is in quarantine, and its release."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from pytest_conformance.commands import OK, UNDECIDED
from pytest_conformance.commands.output import add_json, cell, console, print_json

SCHEMA = "conformance-bench-status/1"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("what", choices=["status", "release"], help="show the bench's state, or end its quarantine")
    parser.add_argument("bench", metavar="BENCH", help="name or path of a bench file")
    parser.add_argument("--person", metavar="NAME", default="", help="who releases it, as `people:` names them")
    parser.add_argument("--reason", metavar="WHY", default="", help="what was found and mended")
    add_json(parser)


def run(arguments: Namespace) -> int:
    from pytest_conformance.bench import quarantine
    from pytest_conformance.bench.file import find_bench, load_bench
    from pytest_conformance.bench.leases import held, state_folder
    from pytest_conformance.errors import UsageError

    file = load_bench(find_bench(arguments.bench, Path.cwd()))
    state = state_folder()
    if arguments.what == "release":
        if not arguments.person or not arguments.reason:
            raise UsageError("USE-BEN-021", "a release needs --person and --reason", todo="name both: both are kept")
        if not file.may(arguments.person, "release"):
            raise UsageError(
                "USE-BEN-022",
                f"{arguments.person} may not release bench {file.name!r}",
                where=file.path,
                expected="a person with `release` under `people:` in the bench file",
            )
        quarantine.release(state, file.name, arguments.person, arguments.reason)
    kept, holders = quarantine.in_force(state, file.name), held(state, file.name)
    code = UNDECIDED if kept is not None else OK
    if arguments.json:
        rows = {"quarantine": asdict(kept) if kept else None, "holders": [asdict(each) for each in holders]}
        print_json({"schema": SCHEMA, "bench": file.name, **rows, "exit_code": code})
        return code
    out = console()
    for holder in holders:
        out.print(cell(f"in use by {holder}"))
    if kept is not None:
        out.print(cell(f"in quarantine since {kept.since}: {kept.reason}", "bold red"))
    elif not holders:
        out.print(cell(f"bench {file.name} is free", "green"))
    return code

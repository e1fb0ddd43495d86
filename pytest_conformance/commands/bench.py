"""`conformance bench status|release|quarantine BENCH`: who holds a bench, what is in quarantine, and its release."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_conformance.commands import OK, UNDECIDED
from pytest_conformance.commands.output import add_json, cell, console, print_json

if TYPE_CHECKING:
    from pytest_conformance.bench.file import BenchFile

SCHEMA = "conformance-bench-status/1"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "what", choices=["status", "release", "quarantine"], help="show the state, end a quarantine, or impose one"
    )
    parser.add_argument("bench", metavar="BENCH", help="name or path of a bench file")
    parser.add_argument("--role", metavar="ROLE", default="", help="the instrument in this role, instead of the bench")
    parser.add_argument("--sample", metavar="ID", default="", help="a sample that is flagged, instead of the bench")
    parser.add_argument("--person", metavar="NAME", default="", help="who releases it, as `people:` names them")
    parser.add_argument("--reason", metavar="WHY", default="", help="what was found and mended")
    add_json(parser)


def run(arguments: Namespace) -> int:
    from pytest_conformance.bench import instruments, quarantine
    from pytest_conformance.bench.file import find_bench, load_bench
    from pytest_conformance.bench.leases import held, state_folder
    from pytest_conformance.running.sample import hazard

    file = load_bench(find_bench(arguments.bench, Path.cwd()))
    state, name = state_folder(), _kept(arguments, file)
    if arguments.what != "status":
        _require_person(arguments, file)
    if arguments.what == "release":
        if arguments.sample and quarantine.in_force(state, hazard(arguments.sample)) is not None:
            quarantine.release(state, hazard(arguments.sample), arguments.person, arguments.reason)
            if quarantine.in_force(state, name) is not None:
                quarantine.release(state, name, arguments.person, arguments.reason)
        else:
            quarantine.release(state, name, arguments.person, arguments.reason)
        if arguments.role:
            instruments.forget(state, file.name, [arguments.role])
    elif arguments.what == "quarantine":
        quarantine.impose(state, name, f"{arguments.person}: {arguments.reason}", "")
    names = (
        [name, hazard(arguments.sample)]
        if arguments.sample
        else [name]
        if arguments.role
        else [name, *(_label(file, each) for each in file.roles)]
    )
    kept = {each: found for each in names if (found := quarantine.in_force(state, each)) is not None}
    holders = held(state, file.name)
    code = UNDECIDED if kept else OK
    if arguments.json:
        first = kept.get(name)
        rows = {
            "quarantine": asdict(first) if first else None,
            "instruments": [asdict(each) for key, each in kept.items() if key != name],
            "holders": [asdict(each) for each in holders],
        }
        print_json({"schema": SCHEMA, "bench": file.name, **rows, "exit_code": code})
        return code
    out = console()
    for holder in holders:
        out.print(cell(f"in use by {holder}"))
    for each, found in kept.items():
        whose = "" if each == file.name else f"{each} is "
        out.print(cell(f"{whose}in quarantine since {found.since}: {found.reason}", "bold red"))
    if not kept and not holders:
        out.print(cell(f"{name if name != file.name else f'bench {name}'} is free", "green"))
    return code


def _kept(arguments: Namespace, file: BenchFile) -> str:
    """Return the name under which what is meant is kept in quarantine."""
    from pytest_conformance.running.sample import flag

    if arguments.role:
        return _label(file, arguments.role)
    return flag(arguments.sample) if arguments.sample else file.name


def _label(file: BenchFile, role: str) -> str:
    from pytest_conformance.bench.instruments import entry_of, label

    return label(entry_of(file, role), file.name)


def _require_person(arguments: Namespace, file: BenchFile) -> None:
    """Ask for a person and a reason; only whom the bench file lets may release."""
    from pytest_conformance.errors import UsageError

    if not arguments.person or not arguments.reason:
        raise UsageError(
            "USE-BEN-021", f"{arguments.what} needs --person and --reason", todo="name both: both are kept"
        )
    if arguments.what == "release" and not file.may(arguments.person, "release"):
        raise UsageError(
            "USE-BEN-022",
            f"{arguments.person} may not release bench {file.name!r}",
            where=file.path,
            expected="a person with `release` under `people:` in the bench file",
        )

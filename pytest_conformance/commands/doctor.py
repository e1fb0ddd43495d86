"""`conformance doctor BENCH`: reach each role and channel, look at the machine, and leave everything off."""

from __future__ import annotations

import datetime
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.commands import OK, REFUSED, UNDECIDED
from pytest_conformance.commands.output import add_json, cell, console, print_json, progress, table

if TYPE_CHECKING:
    from rich.console import Console

    from pytest_conformance.bench.doctor import Visit
    from pytest_conformance.bench.file import BenchFile
    from pytest_conformance.bench.machine import Probe
    from pytest_conformance.bench.safe_state import Outcome

SCHEMA = "conformance-doctor/1"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("bench", metavar="BENCH", help="name or path of a bench file")
    parser.add_argument("--dut", metavar="D", default="", help="device (default: the one that the bench file names)")
    parser.add_argument(
        "--deadline", metavar="S", type=float, default=0.0, help="seconds for each role (default: 30; they end sooner)"
    )
    add_json(parser)


def run(arguments: Namespace) -> int:
    from pytest_conformance.bench.file import find_bench, load_bench
    from pytest_conformance.bench.machine import probe_machine
    from pytest_conformance.reports.allure_html import NODE_MAJOR

    here = Path.cwd()
    file = load_bench(find_bench(arguments.bench, here))
    dut = _device(file, arguments.dut, here)
    visits, outcomes = _visit(file, dut, arguments.deadline)
    probes = probe_machine(here / "runs", oldest_node=NODE_MAJOR)
    code = exit_code(visits, outcomes)
    if arguments.json:
        print_json(_as_json(file, dut, visits, outcomes, probes, code))
    else:
        _print(file, visits, outcomes, probes)
    return code


def exit_code(visits: Sequence[Visit], outcomes: Sequence[Outcome]) -> int:
    """Return 0 when all was reached and left off, 11 when the file is wrong about a role, else 10."""
    if any(each.trouble is not None and each.trouble.refused for each in visits):
        return REFUSED
    good = all(each.reached for each in visits) and all(each.done for each in outcomes)
    return OK if good else UNDECIDED


def _device(file: BenchFile, given: str, here: Path) -> str:
    """Return the name of the device, whose declaration is checked; "" on a lab bench that names none."""
    from pytest_conformance.commands.naming import device_name
    from pytest_conformance.declaration import find_declaration, load_declaration
    from pytest_conformance.errors import UsageError

    dut = given or file.dut or ""
    if dut:
        load_declaration(find_declaration(dut, here))
    elif file.mode == "mock":
        raise UsageError("USE-OPT-003", "no device is named", where=file.path, todo="give --dut, or `dut:` in the file")
    return device_name(dut)


def _visit(file: BenchFile, dut: str, deadline: float) -> tuple[list[Visit], Sequence[Outcome]]:
    from pytest_conformance.bench import Bench
    from pytest_conformance.bench.doctor import DEADLINE, visit_all

    visits: list[Visit] = []
    with tempfile.TemporaryDirectory(prefix="conformance-doctor-", ignore_cleanup_errors=True) as folder:
        bench = Bench.open(file, Path(folder), dut=dut)
        outcomes: Sequence[Outcome] = ()
        try:
            for visit in visit_all(bench, datetime.date.today(), deadline or DEADLINE):
                progress(f"{visit.kind} {visit.name}: {'reached' if visit.reached else 'NOT reached'}")
                visits.append(visit)
        finally:
            outcomes = bench.close()
    return visits, outcomes


def _as_json(
    file: BenchFile,
    dut: str,
    visits: Sequence[Visit],
    outcomes: Sequence[Outcome],
    probes: Sequence[Probe],
    code: int,
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "bench": file.name,
        "mode": file.mode,
        "file": file.path,
        "dut": dut,
        "reached": [asdict(each) for each in visits],
        "left_off": [asdict(each) for each in outcomes],
        "machine": [asdict(each) for each in probes],
        "exit_code": code,
    }


def _print(file: BenchFile, visits: Sequence[Visit], outcomes: Sequence[Outcome], probes: Sequence[Probe]) -> None:
    out = console()
    out.print(_visits_table(file, visits))
    for visit in visits:
        _print_trouble(out, visit)
    machine = table("this machine", "ok", "found", "to do")
    for probe in probes:
        mark = cell("yes", "green") if probe.open else cell("no", "yellow")
        machine.add_row(cell(probe.name), mark, cell(probe.detail), cell(probe.todo))
    out.print(machine)
    for outcome in outcomes:
        if not outcome.done:
            out.print(cell(f"LEFT UNSAFE: {outcome.name}: {outcome.reason}", "bold red"))
    reached = sum(each.reached for each in visits)
    style = "green" if reached == len(visits) else "bold red"
    out.print(cell(f"{reached} of {len(visits)} reached on bench {file.name}; everything is left off", style))


def _visits_table(file: BenchFile, visits: Sequence[Visit]) -> Any:
    rows = table(
        "name", "is a", "reached", "door", "who", "calibrated", "address", title=f"bench {file.name} ({file.path})"
    )
    for visit in visits:
        who = visit.identity
        said = " ".join(each for each in (who.manufacturer, who.model, who.serial, who.firmware) if each) if who else ""
        if visit.reached and not said:
            said = "(link open; the device stays off)"
        days = visit.calibration_days
        left = "" if days is None else f"{days} days left" if days >= 0 else f"EXPIRED {-days} days ago"
        rows.add_row(
            cell(visit.name),
            cell(visit.kind, "dim"),
            cell("yes", "green") if visit.reached else cell("NO", "bold red"),
            cell(visit.door),
            cell(said),
            cell(left, "" if days is None or days >= 0 else "red"),
            cell(visit.address),
        )
    return rows


def _print_trouble(out: Console, visit: Visit) -> None:
    for finding in visit.findings:
        out.print(cell(f"{visit.name}: {finding}", "yellow"))
    trouble = visit.trouble
    if trouble is None:
        return
    out.print(cell(f"{visit.name} at {visit.address or visit.driver}: {trouble.code}: {trouble.what}", "bold red"))
    details = (("in", visit.place), ("where", trouble.where), ("expected", trouble.expected), ("to do", trouble.todo))
    for label, text in details:
        if text:
            out.print(cell(f"    {label}: {text}"))

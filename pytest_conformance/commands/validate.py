"""`conformance validate`: does each clause test catch what breaks its clause, and leave the good device alone?"""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.commands import FAILED, OK, UNDECIDED
from pytest_conformance.commands.killing import GOOD, Cell, Fate, KindTable, Ran, Variant, chosen, judge_variant
from pytest_conformance.commands.output import add_json, cell, console, print_json, progress, table
from pytest_conformance.errors import UsageError

if TYPE_CHECKING:
    from pytest_conformance.commands.validation_runs import Runner, Simulated

SCHEMA = "conformance-validation/1"


@dataclass(frozen=True)
class Plan:
    """What is run for one simulated device."""

    device: Simulated
    variants: dict[str, Variant]
    clauses: str
    fast: bool
    everything: bool
    """False when only some variants were chosen: then no clause is called a survivor."""

    def clauses_for(self, variant: Variant) -> str:
        """Return the pattern for one variant's run; "" for all clauses."""
        from pytest_conformance.running.selection import matches

        if not self.fast:
            return self.clauses
        return ",".join(each for each in variant.breaks if matches([each], self.clauses))

    def clauses_of_good(self) -> str:
        """Return the pattern for the good device: all, or in a fast run of some variants only what these break."""
        if not self.fast or self.everything:
            return self.clauses
        return ",".join(sorted({each for one in self.variants.values() for each in self.clauses_for(one).split(",")}))


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--kind", metavar="K", default="", help="only this kind of device, or this simulated device")
    parser.add_argument("--known-bad", metavar="NAME[,NAME]", default="", help="only these known-bad devices")
    parser.add_argument("--clauses", metavar="PATTERN", default="", help="only these clauses, for example 'CN-FRT-*'")
    parser.add_argument("--fast", action="store_true", help="run of each known-bad device only the clauses it breaks")
    parser.add_argument("--jobs", metavar="N", type=int, default=2, help="runs at the same time (default: 2)")
    parser.add_argument("--profile", metavar="NAME", default="quick", help="sample sizes and windows (default: quick)")
    parser.add_argument("--record", metavar="DIR", type=Path, help="keep the records of all runs there")
    parser.add_argument("--patience", metavar="S", type=float, default=900.0, help="seconds for one run (default: 900)")
    parser.add_argument("--list", action="store_true", help="list the known-bad devices and what they break; run none")
    add_json(parser)


def run(arguments: Namespace) -> int:
    from pytest_conformance.commands.validation_runs import Runner, simulated_devices

    if arguments.jobs < 1:
        raise UsageError("USE-VAL-003", f"--jobs {arguments.jobs}", expected="1 or more")
    plans = _plans(arguments, simulated_devices(Path.cwd()))
    if arguments.list:
        _list(plans, as_json=arguments.json)
        return OK if all(not plan.device.trouble for plan in plans) else UNDECIDED
    with _folder(arguments.record) as folder:
        runner = Runner(folder, arguments.profile, arguments.patience)
        try:
            tables = _run_all(plans, runner, arguments.jobs)
        except BaseException:
            runner.stop()
            raise
    code = exit_code(tables)
    if arguments.json:
        print_json(_as_json(plans, tables, code))
    else:
        _print(tables, code)
    return code


def exit_code(tables: Sequence[KindTable]) -> int:
    """Return 0 only when every kind was run and came out as it must; 10 when runs are missing and nothing is wrong."""
    if tables and all(each.good_enough for each in tables):
        return OK
    wrong = any(
        each.of(Fate.MISSED) or each.of(Fate.FALSE_ALARM) or each.not_passing or (each.complete and each.survivors)
        for each in tables
    )
    return FAILED if wrong else UNDECIDED


def _plans(arguments: Namespace, devices: Sequence[Simulated]) -> list[Plan]:
    """Return what is to be run. Raises UsageError USE-VAL-001 (unknown kind) and USE-VAL-002 (unknown variant)."""
    wanted = [each for each in devices if arguments.kind in ("", each.kind, each.dut)]
    if not wanted:
        known = sorted({name for each in devices for name in (each.kind, each.dut) if name})
        raise UsageError("USE-VAL-001", f"no simulated device is a {arguments.kind!r}", expected=", ".join(known))
    names = [each.strip() for each in arguments.known_bad.split(",") if each.strip()]
    found = {each.dut: chosen(each.table, each.kind) for each in wanted}
    _require_known(names, {name for variants in found.values() for name in variants})
    plans = []
    for device in wanted:
        variants = {name: one for name, one in found[device.dut].items() if not names or name in names}
        if variants or device.trouble or not names:
            everything = not names and not device.adds
            plans.append(Plan(device, variants, arguments.clauses, arguments.fast or device.adds, everything))
    return plans


def _require_known(names: Sequence[str], known: set[str]) -> None:
    from pytest_conformance.yamlfile.problems import nearest

    for name in names:
        if name not in known:
            near = nearest(name, known)
            raise UsageError(
                "USE-VAL-002",
                f"no known-bad device is called {name!r}" + (f"; did you mean {near!r}?" if near else ""),
                todo="`conformance validate --list` names them",
            )


def _run_all(plans: Sequence[Plan], runner: Runner, jobs: int) -> list[KindTable]:
    """Run the good devices first, for they show what is tested; then the known-bad ones."""
    usable = [plan for plan in plans if not plan.device.trouble]
    for plan in plans:
        if plan.device.trouble:
            progress(f"{plan.device.dut} is skipped: {plan.device.trouble}")
    good = _batch(runner, jobs, [(plan.device.dut, GOOD, plan.clauses_of_good()) for plan in usable])
    bad = []
    for plan in usable:
        if good[plan.device.dut, GOOD].trouble:
            continue
        for variant in plan.variants.values():
            pattern = plan.clauses_for(variant)
            if _worth_running(plan, variant, pattern, good[plan.device.dut, GOOD]):
                bad.append((plan.device.dut, variant.name, pattern))
    ran = _batch(runner, jobs, bad)
    return [_table(plan, good, ran) for plan in plans]


def _worth_running(plan: Plan, variant: Variant, pattern: str, good: Ran) -> bool:
    """In a fast run a variant that breaks nothing that is tested at this kind has nothing to show."""
    return not plan.fast or any(each in good.said for each in pattern.split(","))


def _batch(runner: Runner, jobs: int, runs: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str], Ran]:
    done: dict[tuple[str, str], Ran] = {}
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="validate")
    try:
        waiting = {pool.submit(runner.run, *each): each for each in runs}
        for future in as_completed(waiting):
            dut, name, _ = waiting[future]
            ran = done[dut, name] = future.result()
            what = ran.trouble or f"{len(ran.said)} clauses judged"
            progress(f"[{len(done)}/{len(runs)}] {dut} {name or 'as it should be'}: {what} ({ran.seconds:.0f} s)")
    except BaseException:
        runner.stop()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return done


def _table(plan: Plan, good: dict[tuple[str, str], Ran], ran: dict[tuple[str, str], Ran]) -> KindTable:
    device = plan.device
    if device.trouble:
        return KindTable(device.kind, device.dut, Ran(), skipped=device.trouble)
    its_good = good[device.dut, GOOD]
    if its_good.trouble:
        return KindTable(device.kind, device.dut, its_good, judged_all=plan.everything)
    cells: list[Cell] = []
    troubles = {}
    for name, variant in plan.variants.items():
        its = ran.get((device.dut, name), Ran())
        if its.trouble:
            troubles[name] = its.trouble
            continue
        asked = Variant(name, variant.kind, _asked(plan, variant), variant.does)
        cells += judge_variant(asked, its.said, its_good.said)
    return KindTable(device.kind, device.dut, its_good, tuple(cells), troubles, "", plan.everything)


def _asked(plan: Plan, variant: Variant) -> tuple[str, ...]:
    from pytest_conformance.running.selection import matches

    return tuple(each for each in variant.breaks if matches([each], plan.clauses))


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="conformance-validate-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _list(plans: Sequence[Plan], *, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "dut": plan.device.dut,
                "kind": plan.device.kind,
                "skipped": plan.device.trouble,
                "known_bad": [asdict(each) for each in plan.variants.values()],
            }
            for plan in plans
        ]
        print_json({"schema": SCHEMA, "devices": rows})
        return
    out = console()
    for plan in plans:
        title = f"{plan.device.dut} ({plan.device.kind}): {len(plan.variants)} known-bad devices"
        rows_table = table("known-bad", "breaks", "what it does", title=title)
        for each in plan.variants.values():
            rows_table.add_row(cell(each.name), cell(", ".join(each.breaks) or "nothing"), cell(each.does))
        out.print(rows_table)
        if plan.device.trouble:
            out.print(cell(f"{plan.device.dut} cannot be used: {plan.device.trouble}", "bold red"))


def _as_json(plans: Sequence[Plan], tables: Sequence[KindTable], code: int) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "exit_code": code,
        "kinds": [_kind_json(plan, each) for plan, each in zip(plans, tables, strict=True)],
    }


def _kind_json(plan: Plan, made: KindTable) -> dict[str, Any]:
    return {
        "kind": made.kind,
        "dut": made.dut,
        "skipped": made.skipped or None,
        "good": {clause: asdict(said) for clause, said in sorted(made.good.said.items())},
        "good_trouble": made.good.trouble or None,
        "known_bad": [asdict(each) for each in plan.variants.values()],
        "troubles": dict(made.troubles),
        "cells": [
            {
                "known_bad": each.variant,
                "clause": each.clause,
                "fate": each.fate.value,
                **(asdict(each.said) if each.said else {"verdict": None, "cause": "", "reason": ""}),
            }
            for each in made.cells
        ],
        "not_passing": sorted(made.not_passing),
        "survivors": list(made.survivors),
        "good_enough": made.good_enough,
    }


def _print(tables: Sequence[KindTable], code: int) -> None:
    out = console()
    for made in tables:
        if made.skipped:
            out.print(cell(f"{made.dut} was skipped: {made.skipped}", "bold red"))
            continue
        out.print(_clause_table(made))
        for line, style in _complaints(made):
            out.print(cell(line, style))
    verdict = {OK: "validated: every tested clause was killed, and the good devices were left in peace"}
    style = "green" if code == OK else "bold red"
    out.print(cell(verdict.get(code, "NOT validated" if code == FAILED else "not validated: runs are missing"), style))


def _clause_table(made: KindTable) -> Any:
    title = f"{made.kind} ({made.dut}): {len(made.tested)} tested clauses"
    rows = table("clause", "good device", "caught", "missed", "false alarm", "disturbed", title=title)
    styles = {Fate.CAUGHT: "green", Fate.MISSED: "bold red", Fate.FALSE_ALARM: "bold red", Fate.DISTURBED: "dim"}
    for clause in made.tested:
        word = made.good.said[clause].verdict
        fates = [cell(", ".join(made.names(clause, fate)), style) for fate, style in styles.items()]
        rows.add_row(cell(clause), cell(word, "green" if word == "PASS" else "bold red"), *fates)
    return rows


def _complaints(made: KindTable) -> Iterator[tuple[str, str]]:
    if made.good.trouble:
        yield f"the good {made.dut} gave no results: {made.good.trouble}", "bold red"
    for clause, said in sorted(made.not_passing.items()):
        yield f"GOOD DEVICE {said.verdict} at {clause} ({said.cause}): {said.reason}", "bold red"
    for each in made.of(Fate.MISSED):
        word = f"{each.said.verdict}: {each.said.reason}" if each.said else "no verdict"
        yield f"MISSED: {each.variant} at {each.clause}: {word}", "bold red"
    for each in made.of(Fate.FALSE_ALARM):
        yield f"FALSE ALARM: {each.variant} at {each.clause}: {each.said.reason if each.said else ''}", "bold red"
    for clause in made.survivors:
        yield f"NEVER KILLED: no known-bad {made.kind} fails {clause}", "bold red"
    for name, why in made.troubles.items():
        yield f"NO RESULTS: {name}: {why}", "yellow"
    for each in made.of(Fate.UNREACHABLE):
        yield f"unreachable: {each.variant} breaks {each.clause}, which is not tested at a {made.kind}", "dim"

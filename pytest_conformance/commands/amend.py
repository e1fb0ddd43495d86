"""`conformance amend RUN CLAUSE`: correct what a run said; old and new stay, what follows is judged again."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.commands import OK
from pytest_conformance.commands.naming import RUNS, find_run
from pytest_conformance.commands.output import add_json, one_line, print_json
from pytest_conformance.commands.signing import add_signing, signing_key
from pytest_conformance.errors import StorageError, UsageError
from pytest_conformance.verdicts import Cause, ClauseVerdict, Contribution, Verdict, fold

if TYPE_CHECKING:
    from pytest_conformance.record import Event
    from pytest_conformance.reports import Record

SCHEMA = "conformance-amended/1"
SAID = ("PASS", "CONDITIONAL_PASS", "INCONCLUSIVE", "CONDITIONAL_FAIL", "FAIL")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="folder of the run, or the beginning of its name below --record")
    parser.add_argument("clause", metavar="CLAUSE", help="the clause whose verdict is corrected")
    parser.add_argument("--record", metavar="DIR", default=RUNS, help="where runs lie (default: runs)")
    parser.add_argument("--verdict", metavar="V", choices=SAID, required=True, help=f"what it is: {', '.join(SAID)}")
    parser.add_argument("--cause", metavar="C", choices=[each.value for each in Cause], help="why it is INCONCLUSIVE")
    parser.add_argument("--test", metavar="NAME", default="", help="which test's verdict, where several judged it")
    parser.add_argument("--person", metavar="NAME", required=True, help="who corrects it; recorded")
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why; recorded")
    add_signing(parser)
    add_json(parser)


def run(arguments: Namespace) -> int:
    from pytest_conformance.record.amendments import amend, amended_events
    from pytest_conformance.reports import build_views

    folder = find_run(arguments.run, Path(arguments.record))
    _require_whole(folder)
    events = [each for each in amended_events(folder) if each.type == "verdict"]
    event = _chosen(arguments, events)
    new = _new(arguments)
    if (event.data["verdict"], event.data["cause"]) == (new["verdict"], new["cause"]):
        raise UsageError("USE-AMD-004", f"{arguments.clause} says so already", where=folder.name)
    key = signing_key(arguments)
    told = {"person": arguments.person.strip(), "reason": arguments.reason.strip()}
    amend(folder, event, arguments.clause, new, **told, key=key)
    changed = {arguments.clause: new}
    for followed, now in _what_follows(folder, list(amended_events(folder))):
        (clause,) = followed.data["clauses"]
        why = f"follows from the correction of {arguments.clause}"
        amend(folder, followed, clause, now, person=told["person"], reason=why, key=key)
        changed[clause] = now
    built = build_views(folder)
    after = {each.id: each for each in built.record.clauses}
    rows = [{"clause": name, "verdict": after[name].verdict, "cause": after[name].cause} for name in changed]
    if arguments.json:
        print_json({"schema": SCHEMA, "run": str(folder), "changed": rows, "failed": dict(built.failed)})
    else:
        for row in rows:
            cause = f" ({row['cause']})" if row["cause"] and row["verdict"] == "INCONCLUSIVE" else ""
            print(f"{one_line(row['clause'])}: {row['verdict']}{cause}")
        print(f"  both values stay in {one_line(folder.name)}; results and reports were built again")
    return OK


def _require_whole(folder: Path) -> None:
    from pytest_conformance.record import verify_run
    from pytest_conformance.reports import read_record

    wrong = verify_run(folder)
    if wrong:
        raise StorageError("BEN-STO-012", f"the record does not verify: {wrong[0].message}", where=str(folder))
    if read_record(folder).exit_code is None:
        raise UsageError(
            "USE-AMD-001",
            "the run did not end, so there is nothing to correct yet",
            where=folder.name,
            todo="go on with it: pytest --resume",
        )


def _chosen(arguments: Namespace, events: list[Event]) -> Event:
    """Return the last verdict that the chosen test gave on the clause."""
    own = [each for each in events if arguments.clause in each.data["clauses"] and not each.data.get("derived_from")]
    tests = {str(each.data["test"]): each for each in own}
    if not tests:
        follows = any(arguments.clause in each.data["clauses"] for each in events)
        raise UsageError(
            "USE-AMD-002",
            f"no test judged {arguments.clause!r}" + (": its verdict follows from other clauses" if follows else ""),
            where=arguments.run,
            expected="a clause that a test of this run judged",
            todo="correct the clauses that it follows from" if follows else "see results.json for what was judged",
        )
    if arguments.test:
        tests = {name: each for name, each in tests.items() if name == arguments.test or name.endswith(arguments.test)}
    if len(tests) != 1:
        raise UsageError(
            "USE-AMD-003",
            f"{len(tests)} tests of {arguments.clause} fit",
            where=arguments.run,
            expected="one of " + ", ".join(sorted({str(each.data["test"]) for each in own})),
            todo="name it with --test",
        )
    (event,) = tests.values()
    return event


def _new(arguments: Namespace) -> dict[str, Any]:
    """Return the corrected verdict; what is inconclusive needs a cause, a failure is the device's."""
    if not arguments.person.strip() or not arguments.reason.strip():
        raise UsageError("USE-AMD-006", "a correction needs a person and a reason", todo="give --person and --reason")
    undecided = arguments.verdict == "INCONCLUSIVE"
    if undecided != bool(arguments.cause):
        raise UsageError(
            "USE-AMD-007",
            f"{arguments.verdict} {'without' if undecided else 'with'} a cause",
            expected="--cause with INCONCLUSIVE, and with nothing else",
        )
    failed = arguments.verdict in ("FAIL", "CONDITIONAL_FAIL")
    cause = arguments.cause if undecided else Cause.DUT.value if failed else None
    return {"verdict": arguments.verdict, "cause": cause, "reason": ""}


def _what_follows(folder: Path, events: list[Event]) -> list[tuple[Event, dict[str, Any]]]:
    """Return the derived verdicts that say something else now, with what they say."""
    from pytest_conformance.catalogue import load_catalogue
    from pytest_conformance.reports import read_record

    catalogue = load_catalogue()
    verdicts = _verdicts(read_record(folder), events)
    derived = catalogue.derive_all(verdicts)
    found = []
    for event in events:
        if event.type != "verdict" or not event.data.get("derived_from"):
            continue
        said = derived.get(str(event.data["clauses"][0]))
        for each in said.contributions if said is not None else ():
            now = {"verdict": each.verdict.value, "cause": each.cause.value if each.cause else None}
            before = {name: event.data[name] for name in now}
            if each.test == event.data["test"] and now != before:
                found.append((event, {**now, "reason": each.reason}))
    return found


def _verdicts(record: Record, events: list[Event]) -> Mapping[str, ClauseVerdict]:
    """Return the verdict of each clause that tests gave, without what was derived."""
    heard: dict[str, list[Contribution]] = {}
    for each in events:
        if each.type == "verdict" and not each.data.get("derived_from"):
            cause = Cause(each.data["cause"]) if each.data["cause"] else None
            said = Contribution(Verdict(each.data["verdict"]), each.data["test"], cause, str(each.data["reason"] or ""))
            for clause in each.data["clauses"]:
                heard.setdefault(clause, []).append(said)
    found = {}
    for row in record.clauses:
        if row.verdict == "NOT_APPLICABLE":
            found[row.id] = ClauseVerdict(Verdict.NOT_APPLICABLE, None, row.reason)
        elif row.id in heard:
            found[row.id] = fold(heard[row.id])
        elif row.verdict == "NOT_TESTED":
            found[row.id] = ClauseVerdict(Verdict.NOT_TESTED, None, row.reason)
    return found

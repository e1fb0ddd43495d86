"""`conformance amend RUN CLAUSE`: correct what a run said; old and new stay, what follows is judged again."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.commands import OK
from pytest_conformance.commands.correcting import correct, require_whole
from pytest_conformance.commands.naming import RUNS, find_run
from pytest_conformance.commands.output import add_json, one_line, print_json
from pytest_conformance.commands.signing import add_signing, signing_key
from pytest_conformance.errors import UsageError
from pytest_conformance.verdicts import Cause

if TYPE_CHECKING:
    from pytest_conformance.record import Event

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
    from pytest_conformance.record.amendments import amended_events

    folder = find_run(arguments.run, Path(arguments.record))
    require_whole(folder)
    events = [each for each in amended_events(folder) if each.type == "verdict"]
    event = _chosen(arguments, events)
    new = _new(arguments)
    if (event.data["verdict"], event.data["cause"]) == (new["verdict"], new["cause"]):
        raise UsageError("USE-AMD-004", f"{arguments.clause} says so already", where=folder.name)
    told = {"person": arguments.person.strip(), "reason": arguments.reason.strip()}
    changed = correct(folder, [(event, arguments.clause, new)], **told, key=signing_key(arguments))
    if arguments.json:
        rows = [{"clause": name, "verdict": now.verdict, "cause": now.cause} for name, now in changed.items()]
        print_json({"schema": SCHEMA, "run": str(folder), "changed": rows})
    else:
        for name, now in changed.items():
            cause = f" ({now.cause})" if now.cause and now.verdict == "INCONCLUSIVE" else ""
            print(f"{one_line(name)}: {now.verdict}{cause}")
        print(f"  both values stay in {one_line(folder.name)}; results and reports were built again")
    return OK


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

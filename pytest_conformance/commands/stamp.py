"""`conformance stamp [RUN...]`: ask an authority for time stamps of signed records, those queued while offline too."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pytest_conformance.commands import OK, UNDECIDED
from pytest_conformance.commands.naming import RUNS, find_run, newest_runs
from pytest_conformance.commands.output import add_json, one_line, print_json
from pytest_conformance.errors import UsageError

SCHEMA = "conformance-stamped/1"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("runs", metavar="RUN", nargs="*", help="runs (default: those in --record that wait for one)")
    parser.add_argument("--record", metavar="DIR", default=RUNS, help="where runs lie (default: runs)")
    parser.add_argument("--url", metavar="URL", default="", help="for runs that named no authority: ask this one")
    parser.add_argument("--roots", metavar="FILE", help="its root certificates, PEM")
    add_json(parser)


def run(arguments: Namespace) -> int:
    from pytest_conformance.record.timestamps import authority, queue, send
    from pytest_conformance.reports import build_views

    if bool(arguments.url) != bool(arguments.roots) or (arguments.url and not arguments.runs):
        raise UsageError(
            "USE-TSA-005",
            "an authority is named by its address and its roots, for runs that are named",
            expected="conformance stamp RUN --url URL --roots FILE",
        )
    below = Path(arguments.record)
    folders = [find_run(each, below) for each in arguments.runs] or newest_runs(below)
    asked = authority(arguments.url, Path(arguments.roots)) if arguments.url else None
    rows = []
    for folder in folders:
        if asked is not None:
            queue(folder, asked)
        stamps = send(folder)
        if any(each.time for each in stamps):
            build_views(folder)
        rows += [
            {
                "run": folder.name,
                "of": each.attestation,
                "time": each.time.isoformat() if each.time else None,
                "pending": each.pending,
            }
            for each in stamps
        ]
    if arguments.json:
        print_json({"schema": SCHEMA, "stamps": rows})
    for row in rows if not arguments.json else ():
        print(f"{one_line(row['run'])}, {one_line(row['of'])}: {row['time'] or 'pending: ' + one_line(row['pending'])}")
    if not rows and not arguments.json:
        print("nothing waits for a time stamp")
    return UNDECIDED if any(row["pending"] for row in rows) else OK

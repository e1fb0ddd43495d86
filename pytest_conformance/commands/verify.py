"""`conformance verify RUN`: check the record of a run by itself. Needs no instrument and changes nothing."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.commands import FAILED, OK
from pytest_conformance.commands.naming import RUNS, find_run
from pytest_conformance.commands.output import add_json, one_line, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_conformance.record import Finding

SCHEMA = "conformance-verification/1"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="folder of the run, or the beginning of its name below --record")
    parser.add_argument("--record", metavar="DIR", default=RUNS, help="where runs lie (default: runs)")
    add_json(parser)


def run(arguments: Namespace) -> int:
    from pytest_conformance.record import verify_run

    folder = find_run(arguments.run, Path(arguments.record))
    findings = verify_run(folder)
    facts = _facts(folder)
    if arguments.json:
        rows = [asdict(each) for each in findings]
        print_json({"schema": SCHEMA, "run": str(folder), "ok": not findings, **facts, "findings": rows})
    else:
        _print(folder, findings, facts)
    return FAILED if findings else OK


def _facts(folder: Path) -> dict[str, Any]:
    """Return what can be read of the journal up to the first line that cannot: events, evidence, whether it ended."""
    from pytest_conformance.errors import StorageError
    from pytest_conformance.record import JOURNAL_FILE, iterate_journal
    from pytest_conformance.record.verify import ROOT_FILE

    events = evidence = 0
    ended = False
    try:
        for event in iterate_journal(folder / JOURNAL_FILE):
            events += 1
            evidence += event.type == "evidence"
            ended = ended or event.type == "stop"
    except StorageError:
        pass  # a finding says so
    return {"events": events, "evidence": evidence, "ended": ended, "root": (folder / ROOT_FILE).is_file()}


def _print(folder: Path, findings: Sequence[Finding], facts: dict[str, Any]) -> None:
    print(f"{one_line(folder)}: {facts['events']} events, {facts['evidence']} pieces of evidence")
    if not facts["ended"]:
        print("the run did not end by itself: its record is whole up to where it was cut")
    if not facts["root"]:
        print("there is no journal.root: that nothing was cut off its end cannot be shown")
    for finding in findings:
        print(f"{finding.code}: {one_line(finding.message)}")
    print(f"NOT INTACT: {len(findings)} finding(s)" if findings else "intact: journal and evidence are as written")

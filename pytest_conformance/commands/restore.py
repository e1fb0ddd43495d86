"""`conformance restore BACKUP`: bring a run back from its folder's copy or a full bundle; its record says so."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_conformance.commands import OK
from pytest_conformance.commands.naming import RUNS
from pytest_conformance.commands.output import add_json, one_line, print_json
from pytest_conformance.commands.signing import add_signing, signing_key
from pytest_conformance.errors import UsageError

if TYPE_CHECKING:
    from pytest_conformance.record import Event

SCHEMA = "conformance-restored/1"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("backup", metavar="BACKUP", help="copy of a run's folder, or a full bundle")
    parser.add_argument("--record", metavar="DIR", default=RUNS, help="where runs lie (default: runs)")
    parser.add_argument(
        "--vault", metavar="DIR", help="folder of the keys: who was erased since (default: of this user)"
    )
    parser.add_argument("--person", metavar="NAME", required=True, help="who restores it; recorded")
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why; recorded")
    add_signing(parser)
    add_json(parser)


def run(arguments: Namespace) -> int:
    from pytest_conformance.record.restoring import restore
    from pytest_conformance.record.sequel import read_sequel
    from pytest_conformance.record.vault import Vault, default_folder
    from pytest_conformance.reports import build_views

    backup, below = Path(arguments.backup), Path(arguments.record)
    told = {"person": arguments.person.strip(), "reason": arguments.reason.strip()}
    if not all(told.values()):
        raise UsageError("USE-RST-002", "a restoring needs a person and a reason", todo="give --person and --reason")
    if not (backup.is_file() or (backup / "journal.jsonl").is_file()):
        raise UsageError("USE-RST-003", "there is no run in it", where=str(backup), expected="a folder, or a bundle")
    vault = Vault(Path(arguments.vault) if arguments.vault else default_folder())
    folder = restore(backup, below, vault, **told, key=signing_key(arguments))
    events = list(read_sequel(folder))
    erased = [str(each.data["subject"]) for each in events[_last(events) :] if each.type == "erased"]
    built = build_views(folder)
    if arguments.json:
        print_json({"schema": SCHEMA, "run": str(folder), "erased_since": erased, "failed": dict(built.failed)})
    else:
        print(f"{one_line(folder)}: restored and verified; its sequel says by whom, why and from what")
        print("  what was added to the original after the backup (corrections, openings) is not in it")
        for subject in erased:
            print(f"  {one_line(subject)} was erased since: the face stays unreadable, a tombstone was added")
    return OK


def _last(events: list[Event]) -> int:
    return max(index for index, each in enumerate(events) if each.type == "restored")

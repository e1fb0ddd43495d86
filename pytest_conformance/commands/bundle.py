"""`conformance bundle RUN`: pack a run for others, without faces unless somebody releases them; prove one event."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pytest_conformance.commands import OK
from pytest_conformance.commands.naming import RUNS, find_run
from pytest_conformance.commands.output import add_json, one_line, print_json
from pytest_conformance.commands.signing import add_signing, signing_key
from pytest_conformance.errors import UsageError

SCHEMA = "conformance-bundled/1"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="folder of the run, or the beginning of its name below --record")
    parser.add_argument("--record", metavar="DIR", default=RUNS, help="where runs lie (default: runs)")
    parser.add_argument("--to", metavar="FILE", help="what is written (default: RUN.conformance.zip)")
    parser.add_argument("--full", action="store_true", help="with captures, pictures and faces; needs the two below")
    parser.add_argument("--released-by", metavar="PERSON", default="", help="who releases a full bundle")
    parser.add_argument("--reason", metavar="TEXT", default="", help="why a full bundle is needed")
    parser.add_argument("--event", metavar="SEQ", type=int, help="instead: a proof that this event was signed")
    add_signing(parser)
    add_json(parser)


def run(arguments: Namespace) -> int:
    from pytest_conformance.record.bundle import SUFFIX, prove, write_bundle
    from pytest_conformance.record.verify import require_whole

    folder = find_run(arguments.run, Path(arguments.record))
    if arguments.event is not None:
        target = Path(arguments.to or f"{folder.name}-{arguments.event}.proof.json")
        target.write_bytes(prove(folder, arguments.event))
        return _said(arguments, target, "proof", [])
    if arguments.full and not (arguments.released_by and arguments.reason):
        raise UsageError(
            "USE-BUN-001",
            "a full bundle carries faces and was not released",
            expected="--released-by PERSON and --reason TEXT",
            todo="leave --full out, or let a person who did not conduct the run release it",
        )
    require_whole(folder)
    target = Path(arguments.to or f"{folder.name}{SUFFIX}")
    if arguments.full:
        from pytest_conformance.record.sequel import add

        told = {"person": arguments.released_by, "reason": arguments.reason, "bundle": target.name}
        add(folder, "released", told, signing_key(arguments))
    who = {"released_by": arguments.released_by, "reason": arguments.reason}
    withheld = write_bundle(folder, target, full=arguments.full, **who)
    return _said(arguments, target, "full" if arguments.full else "redacted", withheld)


def _said(arguments: Namespace, target: Path, kind: str, withheld: list[str]) -> int:
    size = target.stat().st_size
    if arguments.json:
        print_json({"schema": SCHEMA, "file": str(target), "kind": kind, "bytes": size, "withheld": withheld})
    else:
        print(f"{one_line(target)}: {kind}, {size} bytes")
        if withheld:
            print(f"  {len(withheld)} pieces of evidence that show or may hold a face were left out; their hashes stay")
        print(f"  conformance verify {one_line(target)}")
    return OK

"""`conformance key NAME`: make the pair of keys by which a bench signs its records."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from pathlib import Path

from pytest_conformance.commands import OK
from pytest_conformance.commands.output import add_json, one_line, print_json
from pytest_conformance.errors import UsageError

SCHEMA = "conformance-new-key/1"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="what the key is called, for example the bench or the laboratory")
    parser.add_argument("--folder", metavar="DIR", default="keys", help="where it is written (default: keys)")
    parser.add_argument("--days", metavar="N", type=int, default=365, help="how long it may sign (default: 365)")
    parser.add_argument("--bench", metavar="NAME", action="append", default=[], help="only for this bench (repeatable)")
    add_json(parser)


def run(arguments: Namespace) -> int:
    from pytest_conformance.record.keys import PUBLIC, load_public_key, make_key

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", arguments.name):
        raise UsageError("USE-KEY-004", f"{arguments.name[:80]!r} is no name of a key", expected="letters, digits, - _")
    private = make_key(Path(arguments.folder), arguments.name, days=arguments.days, benches=tuple(arguments.bench))
    public = private.with_name(arguments.name + PUBLIC)
    key = load_public_key(public)
    if arguments.json:
        print_json({"schema": SCHEMA, "id": key.id, "private": str(private), "public": str(public)})
    else:
        print(f"{key.id}, valid until {key.not_after}")
        print(f"  private: {one_line(private)}  (keep it: pytest --signing-key={one_line(private)})")
        print(f"  public:  {one_line(public)}  (hand it out: conformance verify RUN --trust={one_line(public)})")
    return OK

"""`conformance issue RUN --laboratory FILE`: the report that a laboratory signs, in Chinese, English or both."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pytest_conformance.commands import OK, UNDECIDED
from pytest_conformance.commands.correcting import require_whole
from pytest_conformance.commands.naming import RUNS, find_run, newest_runs
from pytest_conformance.commands.output import add_json, one_line, print_json
from pytest_conformance.commands.signing import add_signing, signing_key

SCHEMA = "conformance-issued/1"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="folder of the run, or the beginning of its name below --record")
    parser.add_argument("--laboratory", metavar="FILE", required=True, help="the laboratory's part of the report")
    parser.add_argument(
        "--language",
        choices=("zh", "en", "both"),
        action="append",
        help="labels of a file; may be given again for another file of the same report (default: both)",
    )
    parser.add_argument("--pdf", action="store_true", help="also print it to PDF (needs chromium and playwright)")
    parser.add_argument("--record", metavar="DIR", default=RUNS, help="where runs lie (default: runs)")
    add_signing(parser)
    add_json(parser)


def run(arguments: Namespace) -> int:
    from pytest_conformance.reports import read_record
    from pytest_conformance.reports.laboratory.file import load_laboratory
    from pytest_conformance.reports.laboratory.issue import issue
    from pytest_conformance.reports.laboratory.words import LABELS

    below, file = Path(arguments.record), Path(arguments.laboratory)
    folder = find_run(arguments.run, below)
    own = load_laboratory(file)
    require_whole(folder)
    record = read_record(folder)
    others = [each for each in newest_runs(below) if each.resolve() != folder.resolve()]
    languages = tuple(dict.fromkeys(arguments.language or ["both"]))
    key = signing_key(arguments, str(record.header.get("bench") or ""))
    made = issue(record, own, file.parent, others, languages=languages, pdf=arguments.pdf, key=key)
    missing = {each: LABELS[each][1] for each in made.missing}
    if arguments.json:
        files = [str(each) for each in made.files]
        print_json({"schema": SCHEMA, "files": files, "missing": missing, "marks": made.marks, "changes": made.changed})
        return UNDECIDED if missing else OK
    for each in made.files:
        print(one_line(each, 500))
    for text in missing.values():
        print(f"  missing: {one_line(text)}")
    if missing:
        print("a DRAFT, and not issued: complete the laboratory's file, then issue it again")
    else:
        changes = f"; {made.changed} change(s) to the report that it replaces" if own.replaces else ""
        print(f"report {one_line(own.number)} is issued{changes}; its digest is in the sequel of the record")
    return UNDECIDED if missing else OK

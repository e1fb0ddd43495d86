"""`conformance report RUN`: build results.json and report.html again from the record; Allure's page where asked for."""

from __future__ import annotations

import os
import threading
from argparse import ArgumentParser, Namespace
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_conformance.commands import OK, UNDECIDED
from pytest_conformance.commands.naming import RUNS, find_run, newest_runs
from pytest_conformance.commands.output import add_json, one_line, print_json, progress
from pytest_conformance.errors import StorageError, UsageError

if TYPE_CHECKING:
    from pytest_conformance.reports import Record

SCHEMA = "conformance-report/1"
ALLURE_RESULTS = "allure-results"
_OUR_OWN = threading.Lock()
"""Held while this process draws and writes: one run after the other."""


@dataclass(frozen=True)
class Built:
    """What came of one run: the files by the name of the view, what could not be built and why, the run's own words."""

    run: str
    device: str = ""
    bench: str = ""
    known_bad: tuple[str, ...] = ()
    exit_code: int | None = None
    verdicts: dict[str, int] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", nargs="?", help="folder of the run, or the beginning of its name")
    parser.add_argument("--latest", metavar="N", type=count, help="the N newest runs below --record instead")
    parser.add_argument("--record", metavar="DIR", default=RUNS, help="where runs lie (default: runs)")
    parser.add_argument("--allure", action="store_true", help="also build allure-report.html (needs Node.js and npm)")
    add_json(parser)


def run(arguments: Namespace) -> int:
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # for Allure's pages, which another program builds
        built = list(pool.map(partial(_build, allure=arguments.allure), _chosen(arguments)))
    if arguments.json:
        print_json({"schema": SCHEMA, "runs": [asdict(each) for each in built]})
    else:
        for each in built:
            _print(each)
    return UNDECIDED if any(each.failed for each in built) else OK


def count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _chosen(arguments: Namespace) -> list[Path]:
    below = Path(arguments.record)
    if (arguments.run is None) == (arguments.latest is None):
        raise UsageError("USE-RUN-003", "name one RUN, or give --latest N", where="conformance report")
    if arguments.run is not None:
        return [find_run(arguments.run, below)]
    runs = newest_runs(below, arguments.latest)
    if not runs:
        raise UsageError("USE-RUN-001", "there is no run yet", where=str(below), todo="run pytest --bench=... first")
    return runs[::-1]


def _build(folder: Path, *, allure: bool) -> Built:
    from pytest_conformance.reports import build_views

    try:
        with _OUR_OWN:
            views = build_views(folder)
    except StorageError as error:
        return Built(str(folder), failed={"record": str(error)})
    record = views.record
    files = {name: str(path) for name, path in views.files.items()}
    notes: tuple[str, ...] = ()
    if allure:
        page, said = _allure(folder, record)
        if page is None:
            notes = (said,)
        else:
            files["allure"] = str(page)
    header = record.header
    counted = dict(Counter(clause.verdict for clause in record.clauses))
    return Built(
        str(folder),
        str(record.device.get("model") or record.device.get("kind") or ""),
        str(header.get("bench") or ""),
        tuple(str(each) for each in header.get("known_bad") or ()),
        record.exit_code,
        counted,
        files,
        dict(views.failed),
        notes,
    )


def _allure(folder: Path, record: Record) -> tuple[Path | None, str]:
    """Build Allure's page; it is optional by nature, so that its absence is a note and no failure."""
    from pytest_conformance.reports.allure_files import environment, write_allure_files
    from pytest_conformance.reports.allure_html import HTML_FILE, build_allure_html

    results = folder / ALLURE_RESULTS
    with _OUR_OWN:
        if results.is_dir():
            write_allure_files(record, results)
    progress(f"building Allure's page of {folder.name}")
    built = build_allure_html(results, folder / HTML_FILE, variables=environment(record))
    return built.file, built.message


def _print(built: Built) -> None:
    ended = "did not end" if built.exit_code is None else f"exit code {built.exit_code}"
    known_bad = f", known-bad {', '.join(built.known_bad)}" if built.known_bad else ""
    about = f" {built.device} on bench {built.bench}{known_bad}, {ended}" if built.bench else ""
    print(f"{one_line(Path(built.run).name)}{one_line(about) and ': ' + one_line(about)}")
    if built.verdicts:
        print("  " + ", ".join(f"{count} {verdict}" for verdict, count in sorted(built.verdicts.items())))
    for name, path in {"record": built.run, **built.files}.items():
        print(f"  {name + ':':<9}{one_line(path)}")
    for note in built.notes:
        print(f"  {one_line(note, 600)}")
    for name, why in built.failed.items():
        print(f"  NOT BUILT: {name}: {one_line(why, 600)}")

"""`conformance golden BENCH opening|closing`: judge the bench's golden samples, and say what a wrong verdict means.

Fault cases B26 and B27: a wrong one puts the bench into quarantine and lists the runs since the last good check; at
the closing check their verdicts become INCONCLUSIVE (bench), pending review, with the originals kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.commands import FAILED, OK, UNDECIDED
from pytest_conformance.commands.naming import RUNS, newest_runs
from pytest_conformance.commands.output import add_json, one_line, print_json
from pytest_conformance.commands.signing import add_signing, signing_key
from pytest_conformance.errors import ConformanceError, UsageError

if TYPE_CHECKING:
    from pytest_conformance.bench.file import BenchFile
    from pytest_conformance.bench.golden import Check, GoldenSample, Judged
    from pytest_conformance.record.keys import SigningKey

SCHEMA = "conformance-golden/1"
SETTLED = ("PASS", "CONDITIONAL_PASS", "CONDITIONAL_FAIL", "FAIL")
"""Verdicts that a wrong closing check puts in doubt."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("bench", metavar="BENCH", help="name or path of a bench file with a `golden:` section")
    parser.add_argument("when", choices=("opening", "closing"), help="before the runs of the day, or after them")
    parser.add_argument("--person", metavar="NAME", required=True, help="who puts the samples on the bench; recorded")
    parser.add_argument("--record", metavar="DIR", default=f"{RUNS}-golden", help="where the samples' runs go")
    parser.add_argument("--profile", metavar="NAME", default="", help="profile of the samples' runs")
    parser.add_argument("--suite", metavar="FILE", action="append", default=[], help="tests that are not shipped")
    add_signing(parser)
    add_json(parser)


def run(arguments: Namespace) -> int:
    from pytest_conformance.bench.file import find_bench, load_bench
    from pytest_conformance.bench.golden import Check, Ledger, now
    from pytest_conformance.bench.leases import state_folder

    file = load_bench(find_bench(arguments.bench, Path.cwd()))
    if file.golden is None:
        raise UsageError(
            "USE-GLD-002",
            f"bench {file.name!r} has no golden samples",
            where=file.path,
            expected="`golden:` with at least one sample that must give PASS and one that must give FAIL",
        )
    person, key = arguments.person.strip(), signing_key(arguments, file.name)
    if not person:
        raise UsageError("USE-GLD-003", "a check needs a person", todo="give --person")
    judged = tuple(_judge(arguments, file, sample) for sample in file.golden.samples)
    check = Check(arguments.when, now(), person, judged)
    ledger = Ledger(state_folder(), file.name)
    since = ledger.since_good()
    if not check.good and not check.wrong:
        return _say(arguments, file, check, since, {})
    ledger.add_check(check)
    if check.wrong:
        from pytest_conformance.bench.quarantine import impose

        reason = f"golden samples at the {check.when} check: {check.wrong}"
        impose(state_folder(), file.name, reason, next(each.run for each in judged if each.wrong))
    untold = _tell(check, since, key) if check.when == "closing" else {}
    return _say(arguments, file, check, since, untold)


def _judge(arguments: Namespace, file: BenchFile, sample: GoldenSample) -> Judged:
    """Run the suites on one sample, in a process of its own that shares this terminal, and compare."""
    from pytest_conformance.bench.golden import Judged

    below = Path(arguments.record)
    command = [sys.executable, "-m", "pytest", f"--bench={arguments.bench}", f"--dut={sample.dut}", "-q"]
    command += [f"--clauses={','.join(sample.clauses)}", f"--golden={sample.name}", f"--record={below}"]
    command += [f"--known-bad={sample.known_bad}"] if sample.known_bad else []
    command += [f"--profile={arguments.profile}"] if arguments.profile else []
    command += arguments.suite
    before = set(newest_runs(below))
    print(f"golden sample {one_line(sample.name)}, which must give {sample.must}", file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=sys.stderr, check=False)
    made = [each for each in newest_runs(below) if each not in before]
    if done.returncode not in (0, 1, 10) or len(made) != 1:
        return Judged(sample.name, sample.must, "", undecided=f"its run ended with {done.returncode}")
    rows = json.loads((made[0] / "results.json").read_bytes())["clauses"]
    return compared(sample, str(made[0].absolute()), {row["id"]: row for row in rows})


def compared(sample: GoldenSample, run: str, rows: dict[str, dict[str, Any]]) -> Judged:
    """Return what the verdicts `rows`, by clause, say of the sample: each must be there, and be what it must."""
    from pytest_conformance.bench.golden import Judged

    opposite = "FAIL" if sample.must == "PASS" else "PASS"
    verdicts = {clause: str(rows.get(clause, {}).get("verdict", "NOT_TESTED")) for clause in sample.clauses}
    wrong = tuple(f"{clause} {verdict}" for clause, verdict in verdicts.items() if verdict == opposite)
    open_ = [f"{clause} {verdict}" for clause, verdict in verdicts.items() if verdict not in (sample.must, opposite)]
    return Judged(sample.name, sample.must, run, wrong, ", ".join(open_))


def _tell(check: Check, since: list[Path], key: SigningKey | None) -> dict[Path, str]:
    """Add the closing check to each run since the last good one, and take back its verdicts where it was wrong.

    Return the runs that could not be told, with the reason.
    """
    untold = {}
    for folder in since:
        try:
            _tell_run(check, folder, key)
        except (ConformanceError, OSError) as error:
            untold[folder] = str(error)
    return untold


def _tell_run(check: Check, folder: Path, key: SigningKey | None) -> None:
    from pytest_conformance.commands.correcting import correct, require_whole
    from pytest_conformance.record.amendments import amended_events
    from pytest_conformance.record.sequel import add
    from pytest_conformance.reports import build_views

    require_whole(folder)
    add(folder, "golden", check.told(), key)
    if not check.wrong:
        build_views(folder)
        return
    doubtful = {"verdict": "INCONCLUSIVE", "cause": "bench", "reason": ""}
    corrections = [
        (event, str(clause), doubtful)
        for event in amended_events(folder)
        if event.type == "verdict" and event.data["verdict"] in SETTLED and not event.data.get("derived_from")
        for clause in event.data["clauses"]
    ]
    reason = f"pending review: the golden samples were wrong at the closing check of {check.at}: {check.wrong}"
    correct(folder, corrections, person=check.person, reason=reason, key=key)


def _say(arguments: Namespace, file: BenchFile, check: Check, since: list[Path], untold: dict[Path, str]) -> int:
    if arguments.json:
        print_json(
            {
                "schema": SCHEMA,
                "bench": file.name,
                **check.told(),
                "runs_since_good": [str(each) for each in since],
                "untold": {str(folder): why for folder, why in untold.items()},
            }
        )
    for each in check.judged if not arguments.json else ():
        said = (
            f"WRONG: {', '.join(each.wrong)}"
            if each.wrong
            else f"no verdict: {each.undecided}"
            if each.undecided
            else "good"
        )
        print(f"{one_line(each.sample)} (must give {each.must}): {one_line(said, 400)}")
    if not arguments.json:
        _explain(file, check, since, untold)
    return FAILED if check.wrong else OK if check.good else UNDECIDED


def _explain(file: BenchFile, check: Check, since: list[Path], untold: dict[Path, str]) -> None:
    if check.good:
        print(f"the {check.when} check of bench {one_line(file.name)} is good")
        return
    if not check.wrong:
        print("nothing can be said of the bench: mend what kept the sample from a verdict, then check again")
        return
    print(f"bench {one_line(file.name)} is in quarantine until a named person releases it: conformance bench release")
    what = "their verdicts are INCONCLUSIVE (bench) now, pending review" if check.when == "closing" else "review them"
    print(f"{len(since)} run(s) since the last good check{': ' + what if since else ''}")
    for folder in since:
        why = f", NOT told: {untold[folder]}" if folder in untold else ""
        print(f"  {one_line(folder)}{one_line(why, 300)}")

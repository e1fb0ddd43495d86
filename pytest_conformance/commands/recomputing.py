"""Judge a recorded run again and compare, verdict by verdict: the work of `conformance verify --recompute`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pytest_conformance.errors import MethodError

if TYPE_CHECKING:
    from pytest_conformance.running.recorded import Recorded

COMPARED = ("clauses", "verdict", "cause", "reason", "code", "measurements", "evidence")
"""Fields of a verdict that must be the same, numbers to the last digit."""
SECONDS = 1800
BEYOND = frozenset({"bench", "operator", "environment", "aborted"})
"""Causes of what happened during the run and is in no observation: nothing to compute it from."""


@dataclass
class Recomputed:
    """Names of tests: judged again and the same, judged differently (with what differs), and not to be judged again."""

    same: list[str] = field(default_factory=list)
    different: dict[str, str] = field(default_factory=dict)
    beyond: dict[str, str] = field(default_factory=dict)


def recompute(folder: Path, suites: Sequence[Path] = ()) -> Recomputed:
    """Judge the observations of the run in `folder` again with the installed clause tests, and compare.

    `suites` are the files of tests that are not shipped. Raises MethodError MET-RPL-003 when nothing came of it.
    """
    from pytest_conformance.running.recorded import read_recorded

    before = read_recorded(folder)
    with TemporaryDirectory(prefix="conformance-") as room:
        said = _replay(folder.absolute(), Path(room), suites or _own_suites(before))
        runs = sorted(Path(room, "runs").iterdir()) if Path(room, "runs").is_dir() else []
        if not runs:
            raise MethodError("MET-RPL-003", f"nothing could be judged again: {said[-600:]}", where=str(folder))
        return compare(before, read_recorded(runs[0]))


def compare(before: Recorded, after: Recorded) -> Recomputed:
    """Compare the verdicts that two records hold, test by test; derived ones as well."""
    found = Recomputed()
    rows = {**before.verdicts, **_by_clause(before)}
    again = {**after.verdicts, **_by_clause(after)}
    missing = {test for test in before.verdicts if _beyond(before.verdicts[test], again.get(test, []))}
    for test, said in rows.items():
        now = again.get(test, [])
        if _essence(said) == _essence(now):
            found.same.append(test)
        elif test in missing:
            found.beyond[test] = str((now or said)[-1].get("reason", ""))
        elif missing and test.startswith(DERIVED):
            found.beyond[test] = "follows from verdicts that cannot be judged again"
        else:
            found.different[test] = _difference(said, now)
    return found


DERIVED = "derived: "


def _by_clause(recorded: Recorded) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for each in recorded.derived:
        found.setdefault(DERIVED + ", ".join(each["clauses"]), []).append(each)
    return found


def _beyond(said: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether this cannot be computed from observations: the test needed the bench, or the bench ended it."""
    if any(str(each.get("code", "")).startswith("MET-RPL-") for each in now):
        return True
    return any(each["verdict"] == "INCONCLUSIVE" and each["cause"] in BEYOND for each in said)


def _essence(said: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: each.get(name) for name in COMPARED} for each in said]


def _difference(said: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> str:
    if not now:
        return "no verdict came: its test is not installed, or was not selected"
    for one, other in zip(_essence(said), _essence(now), strict=False):
        for name in COMPARED:
            if one[name] != other[name]:
                return f"{name}: recorded {str(one[name])[:200]}, now {str(other[name])[:200]}"
    return f"{len(said)} verdicts recorded, {len(now)} now"


def _own_suites(recorded: Recorded) -> list[Path]:
    """Return the files of the planned tests that are no shipped suites, where they lie below the current folder."""
    names = {test.partition("::")[0] for row in recorded.plan.values() for test in row.get("tests", ())}
    return [Path(name) for name in sorted(names) if not name.startswith("suites/") and Path(name).is_file()]


def _replay(folder: Path, room: Path, suites: Sequence[Path]) -> str:
    plain = [
        "-p",
        "pytest_conformance.commands.planned_only",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        "-p",
        "no:xdist",
        "-q",
        "--no-header",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plain, f"--replay={folder}", f"--record={room / 'runs'}", *map(str, suites)],
        env={name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS,
        check=False,
    )
    return done.stdout.decode("utf-8", "backslashreplace")

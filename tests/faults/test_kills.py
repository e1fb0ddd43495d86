"""Kills at random moments of a campaign: nothing lost, nothing left powered, and the resumed run says the same."""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.record import read_journal, verify_run
from pytest_conformance.record.findings import LEFT_BY_A_KILL
from pytest_conformance.reports import build_views

COUNT = int(os.environ.get("FAULTS_KILLS", "500")) if os.environ.get("FAULTS") else 2
"""SIGKILLs: five hundred in `make faults`, a few otherwise."""
IN_A_ROW = 4
"""Kills of one run before it is let go on to its end."""
WITHIN = 1.0 if os.environ.get("FAULTS") else 10.0
"""Seconds from a kill to an output that is off at the far end; a busy test machine is given more."""
SEED = int(os.environ.get("FAULTS_SEED", "20260304"))
CAMPAIGN_SHARE = 0.75
"""Share of the kills that fall into the trials; the others fall between the start of the record and its end."""
CAMPAIGN = """
import os, time
import pytest
from pytest_conformance.errors import MethodError
from pytest_conformance.marks import clause

def trials(run, supply, name, count=24):
    supply.set_output(5.0, 1.0)
    for number in range(count):
        supply.on()
        time.sleep(0.01)
        run.event("trial", {"campaign": name, "number": number, "outcome": "match"})
        with open("acknowledged", "a") as file:
            file.write(f"{os.getpid()} {name} {number}\\n")
        time.sleep(0.01)
        if number % 4 == 3:
            supply.off()

@clause("CN-FRT-8.a")
def test_passes(run, supply):
    trials(run, supply, "a")

@clause("CN-FRT-8.b")
def test_fails(run, supply):
    trials(run, supply, "b")
    assert False, "the face left"

@clause("CN-FRT-7.a")
def test_cannot_conclude(run, supply):
    trials(run, supply, "c")
    raise MethodError("MET-FRT-004", "no presentation was recognised")

@clause("CN-PIPL-16")
def test_passes_too(run, supply):
    trials(run, supply, "d")
"""


class Zygote:
    """Starts runs quickly; see zygote.py."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("zygote.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_", "CONFORM"))},
        )
        assert self.line() == "ready"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def start(self, folder: Path, *options: str, state: Path) -> int:
        quiet = [
            "-p",
            "no:randomly",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:cov",
            "-p",
            "no:hypothesispytest",
            "-q",
            "-W",
            "ignore",
        ]
        asked = {
            "folder": str(folder),
            "arguments": [*quiet, *options, "mine"],
            "environment": {"CONFORMANCE_STATE": str(state)},
        }
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return int(self.line())

    def ended(self) -> int:
        return int(self.line())


@dataclass
class Figures:
    """What was seen over all kills."""

    kills: int = 0
    powered: int = 0
    off_after: list[float] = field(default_factory=list)
    torn: int = 0
    unacknowledged: int = 0
    runs: int = 0
    by_supervisor: int = 0

    def said(self) -> dict[str, Any]:
        delays = sorted(self.off_after) or [0.0]
        return {
            **{name: getattr(self, name) for name in ("kills", "powered", "torn", "unacknowledged", "runs")},
            "by_supervisor": self.by_supervisor,
            "off_after_median_s": round(statistics.median(delays), 4),
            "off_after_max_s": round(delays[-1], 4),
        }


@pytest.fixture
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.process.kill()
    made.process.communicate()


def verdicts(folder: Path) -> dict[str, tuple[str, str | None]]:
    rows = json.loads((folder / "results.json").read_text())["clauses"]
    return {row["id"]: (row["verdict"], row["cause"]) for row in rows if row["tests"] or row["derived_from"]}


def only_run(here: Path) -> Path:
    (folder,) = (here / "runs").iterdir()
    return folder


def begun(here: Path, lines: int) -> bool:
    """Whether the run in `here` has written more than `lines` lines."""
    journals = list((here / "runs").glob("*/journal.jsonl"))
    return bool(journals) and journals[0].read_bytes().count(b"\n") > lines


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def check_record(here: Path, pid: int, figures: Figures) -> None:
    """The journal opens and verifies; each trial that the killed process knew to be recorded is in it."""
    folder = only_run(here)
    events = read_journal(folder / "journal.jsonl")
    codes = {each.code for each in verify_run(folder)}
    assert codes <= LEFT_BY_A_KILL, codes
    figures.torn += "torn" in codes
    said = (here / "acknowledged").read_text().splitlines() if (here / "acknowledged").exists() else []
    known = [tuple(each.split()[1:]) for each in said if each.count(" ") == 2]
    trials = [(each.data["campaign"], str(each.data["number"])) for each in events if each.type == "trial"]
    remaining = list(trials)
    for each in known:
        remaining.remove(each)  # ValueError: an acknowledged trial is not in the journal
    figures.unacknowledged = max(figures.unacknowledged, 0) + (len(remaining) if len(remaining) > IN_A_ROW else 0)
    assert len(remaining) <= IN_A_ROW, "at most the trial under way at each kill is in the journal unacknowledged"


def wait_for_off(far: Any, figures: Figures, moment: int) -> None:
    deadline = time.monotonic() + 60.0
    figures.powered += 1
    while far.powered():
        assert time.monotonic() < deadline, f"still powered: {far.output[-3:]}"
        time.sleep(0.002)
    figures.off_after.append(far.off_after(moment))
    assert figures.off_after[-1] < WITHIN, f"off {figures.off_after[-1]:.3f} s after kill {figures.kills}"


def one_run(
    zygote: Zygote, here: Path, file: Path, far: Any, rng: random.Random, lasts: float, figures: Figures, left: int
) -> None:
    """Kill one run several times, resuming it after each, and let it come to its end."""
    (here / "mine").mkdir(parents=True)
    (here / "mine" / "test_mine.py").write_text(CAMPAIGN)
    options, lines = [f"--bench={file}"], 0
    for _ in range(min(IN_A_ROW, left)):
        pid = zygote.start(here, *options, state=here.parent / "state")
        while not begun(here, lines) and running(pid):
            time.sleep(0.005)
        if rng.random() < CAMPAIGN_SHARE:  # from the first trial on; else from the first line of the journal on
            while not far.powered() and running(pid):
                time.sleep(0.002)
        time.sleep(rng.uniform(0.0, lasts))
        on, moment = far.powered(), time.monotonic_ns()
        with suppress(ProcessLookupError):  # it came to its end before
            os.kill(pid, signal.SIGKILL)
        status = zygote.ended()
        if status != -signal.SIGKILL:
            break
        figures.kills += 1
        if on and far.powered():
            wait_for_off(far, figures, moment)
        time.sleep(0.05)
        check_record(here, pid, figures)
        if read_journal(only_run(here) / "journal.jsonl")[-1].type == "stop":
            build_views(only_run(here))  # killed while it drew them: the record has its end
            status = 1
            break
        options = [f"--resume={only_run(here).name}"]
        lines = (only_run(here) / "journal.jsonl").read_bytes().count(b"\n")
    if status == -signal.SIGKILL:
        zygote.start(here, *options, state=here.parent / "state")
        status = zygote.ended()
    assert status == 1, (here / "out").read_text()[-3000:]
    figures.runs += 1
    events = read_journal(only_run(here) / "journal.jsonl")
    figures.by_supervisor += sum(each.type == "safe-state" and each.data.get("by") == "supervisor" for each in events)


def test_A05_F09_kills_at_random_moments(zygote: Zygote, tmp_path: Path, bench_file: Any, far: Any) -> None:
    """SIGKILLs at random moments: journal whole, off within 1 s, resumed runs end with the undisturbed verdicts."""
    file, rng, figures = bench_file(), random.Random(SEED), Figures()
    quiet = tmp_path / "undisturbed"
    (quiet / "mine").mkdir(parents=True)
    (quiet / "mine" / "test_mine.py").write_text(CAMPAIGN)
    zygote.start(quiet, f"--bench={file}", state=tmp_path / "state")
    assert zygote.ended() == 1, (quiet / "out").read_text()
    events, wanted = read_journal(only_run(quiet) / "journal.jsonl"), verdicts(only_run(quiet))
    (end,) = [each for each in events if each.type == "safe-state"]
    lasts = (end.mono_ns - next(each.mono_ns for each in events if each.type == "trial")) / 1e9
    assert {"PASS", "FAIL", "INCONCLUSIVE"} <= {each[0] for each in wanted.values()}
    number = 0
    while figures.kills < COUNT:
        here = tmp_path / f"{number:04d}"
        one_run(zygote, here, file, far, rng, lasts, figures, COUNT - figures.kills)
        assert verdicts(only_run(here)) == wanted
        assert not far.powered()
        number += 1
        if place := os.environ.get("FAULTS_FIGURES"):
            Path(place).write_text(json.dumps(figures.said()) + "\n")
    print(json.dumps(figures.said()))
    assert figures.kills == COUNT

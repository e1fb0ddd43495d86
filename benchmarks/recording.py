"""Cost of recording a trial durably, as ratios in one run: against a plain JSON line, and a test under allure-pytest.

python benchmarks/recording.py [folder]   (a folder on the disk to be measured; default: the system's temporary one)
Prints a table and exits with 1 when a stated bound is broken. `docs/record.md` shows one run.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pytest_conformance.record import Run, verify_journal

TRIALS, ROUNDS = 100, 400
"""Trials of one round: one group of the journal. The fastest rounds count: a busy machine slows both sides."""
SYNC_EVERY = 100
TESTS = 500
ROW = {
    "campaign": "attacks",
    "number": 1,
    "outcome": "rejected",
    "void": False,
    "reason": "",
    "cell": ["print-2d", "S1", "A-print-1"],
    "artefact": "A-print-1",
    "species": "print-2d",
    "conditions": {"lux": 301.7, "distance": 480.0, "temperature": 22.9, "measured": ["lux"]},
    "seconds": 0.612,
    "score": 0.31,
}
TEST = """
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_trial(number):
    assert number >= 0
"""


def recorded(folder: Path) -> Callable[[], None]:
    """Return a round of trials in the journal: each is in the file, chained, before the next begins."""
    run = Run.start(folder, {"bench": "benchmark"}, run_id="recorded")

    def act() -> None:
        for number in range(TRIALS):
            run.event("trial", {**ROW, "number": number})

    return act


def plain(folder: Path) -> Callable[[], None]:
    """Return a round of plain JSON lines: no chain, no time, no lock, in the file only with each sync."""
    file = (folder / "plain.jsonl").open("w")

    def act() -> None:
        for number in range(TRIALS):
            file.write(json.dumps({**ROW, "number": number}) + "\n")
            if number % SYNC_EVERY == SYNC_EVERY - 1:
                file.flush()
                os.fsync(file.fileno())

    return act


def seconds(act: Callable[[], None]) -> float:
    """Return how long `act` took."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def allure_test(folder: Path) -> float:
    """Return the seconds that one parametrised test under allure-pytest takes, its start-up taken off."""
    took = []
    for count in (1, TESTS):
        file = folder / f"test_{count}.py"
        file.write_text(TEST.format(count=count))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
        command += ["-p", "no:pytest_conformance", f"--alluredir={folder / f'allure-{count}'}", str(file)]
        took.append(
            min(
                seconds(lambda command=command: subprocess.run(command, check=True, cwd=folder, capture_output=True))  # type: ignore[misc]
                for _ in range(3)
            )
        )
    return (took[1] - took[0]) / (TESTS - 1)


def main(names: list[str]) -> int:
    """Measure, print, and return 1 when a bound is broken."""
    with tempfile.TemporaryDirectory(dir=names[0] if names else None) as name:
        folder = Path(name)
        ours, line = recorded(folder), plain(folder)
        pairs = [(seconds(ours), seconds(line)) for _ in range(ROUNDS)]
        mine, theirs = (min(each) / TRIALS for each in zip(*pairs, strict=True))
        paired = statistics.median(one / other for one, other in pairs)
        findings = verify_journal(folder / "recorded" / "journal.jsonl")
        test = allure_test(folder)
    print(f"recorded trial {mine * 1e6:.1f} us, plain JSON line {theirs * 1e6:.1f} us, allure test {test * 1e6:.0f} us")
    print(f"chain of {TRIALS * ROUNDS + 1} events: {'whole' if not findings else findings[0]}")
    bounds = {
        "recorded trial / plain JSON line with a sync per 100": (mine / theirs, 3.0),
        "recorded trial / parametrised test under allure-pytest": (mine / test, 1 / 25),
    }
    for what, (ratio, most) in bounds.items():
        print(f"  {what}: {ratio:.4f} (bound {most:.4f}) {'kept' if ratio <= most else 'BROKEN'}")
    print(f"  the first one as the median of paired rounds: {paired:.2f}")
    broken = bool(findings) or any(ratio > most for ratio, most in bounds.values())
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Finished runs, and the command as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from pytest_conformance.record import PlannedClause, Run
from pytest_conformance.verdicts import Cause, Contribution, Verdict

HOSTILE = "Lock\x1b[31m\r\ud800\u202e<b>"


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[[], Run]:
    """Return what makes a finished run below tmp_path/runs, with one FAIL, one PASS and a piece of evidence."""

    def make() -> Run:
        device = {"kind": "lock", "model": HOSTILE, "sample": "S1", "declaration_sha256": "ab" * 32}
        header = {"bench": "mock", "mode": "mock", "profile": "quick 1", "versions": {}, "device": device}
        run = Run.start(tmp_path / "runs", header)
        clauses = [PlannedClause("A-1", "A", True, tests=("t1",)), PlannedClause("A-2", "A", True, tests=("t2",))]
        run.plan(clauses, documents={"A": {"title": "A", "title_zh": "", "edition": "1"}})
        evidence = run.evidence(b"what was seen", name="seen.txt", media_type="text/plain")
        run.verdict(["A-1"], Contribution(Verdict.FAIL, "t1", Cause.DUT, "it did", "", (), (evidence,)))
        run.verdict(["A-2"], Contribution(Verdict.PASS, "t2"))
        run.stop(1)
        return run

    return make


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., CompletedProcess[str]]:
    """Return what runs `conformance` with some arguments in tmp_path, as a shell would."""

    def run(*arguments: str, timeout: float = 60) -> CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pytest_conformance.cli", *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=tmp_path,
            check=False,
        )

    return run

"""`conformance bench`: who holds a bench, its quarantine, and who may release it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.bench import quarantine
from pytest_conformance.bench.leases import acquire
from pytest_conformance.cli import main

BENCH = """
schema: conformance-bench/1
name: own
mode: lab
roles:
  supply: {driver: scpi-supply, address: "TCPIP::192.0.2.10::hislip0::INSTR"}
people: {lead-1: [release], tech-2: [take-over]}
"""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CONFORMANCE_STATE", str(tmp_path / "state"))
    file = tmp_path / "own.yaml"
    file.write_text(BENCH)
    return str(file)


def test_a_free_and_a_held_bench(bench: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "status", bench]) == 0
    assert "free" in capsys.readouterr().out
    lease = acquire(tmp_path / "state", "own", [], tmp_path / "run", silence=60.0)
    assert main(["bench", "status", bench, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [each["run"] for each in said["holders"]] == [str(tmp_path / "run")]
    lease.release()


@pytest.mark.parametrize(
    ("who", "code"),
    [([], "USE-BEN-021"), (["--person", "tech-2", "--reason", "seen"], "USE-BEN-022")],
)
def test_a_release_needs_a_person_who_may(
    bench: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], who: list[str], code: str
) -> None:
    quarantine.impose(tmp_path / "state", "own", "the output stays on", "run-1")
    assert main(["bench", "release", bench, *who]) == 11
    assert code in capsys.readouterr().err
    assert quarantine.in_force(tmp_path / "state", "own") is not None


def test_a_quarantine_is_shown_and_released_once(
    bench: str, tmp_path: Path, capsys: pytest.CaptureFixture[Any]
) -> None:
    state = tmp_path / "state"
    quarantine.impose(state, "own", "the output stays on", "run-1")
    quarantine.impose(state, "own", "again", "run-2")
    assert main(["bench", "status", bench]) == 10
    assert "the output stays on" in capsys.readouterr().out
    done = ["bench", "release", bench, "--person", "lead-1", "--reason", "relay replaced"]
    assert main(done) == 0
    assert quarantine.in_force(state, "own") is None
    assert main(done) == 11
    assert "USE-BEN-020" in capsys.readouterr().err


def test_a_quarantine_that_cannot_be_read_is_one(tmp_path: Path) -> None:
    (tmp_path / "quarantine-own.json").write_text("{")
    found = quarantine.in_force(tmp_path, "own")
    assert found is not None
    assert "cannot be read" in found.reason

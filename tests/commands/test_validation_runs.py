"""The processes behind a validation, with a stand-in for pytest."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.commands import validation_runs
from pytest_conformance.commands.validation_runs import Runner, simulated_devices

RESULTS = {
    "clauses": [{"id": "A", "verdict": "FAIL", "cause": "dut", "reason": "r", "tests": ["t"], "derived_from": []}]
}
STAND_IN = """
import json, pathlib, signal, sys, time
arguments = sys.argv[sys.argv.index("pytest") + 1:]
(pathlib.Path(ARGUMENTS)).write_text(json.dumps(arguments))
record = pathlib.Path(arguments[arguments.index("--record") + 1])
"""


@pytest.fixture
def pytest_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what makes `python -m pytest` be a program that the test gives; it notes its arguments."""

    def replace(program: str) -> Path:
        noted = tmp_path / "arguments.json"
        script = tmp_path / "stand_in.py"
        script.write_text(STAND_IN.replace("ARGUMENTS", repr(str(noted))) + program)
        real = subprocess.Popen

        def popen(command: list[str], **more: Any) -> Any:
            return real([sys.executable, str(script), *command[1:]], **more)

        monkeypatch.setattr(validation_runs.subprocess, "Popen", popen)
        return noted

    return replace


WRITE = f"""
run = record / "20260101T000000Z-00000001"
run.mkdir()
(run / "journal.jsonl").write_text("")
(run / "results.json").write_text({json.dumps(json.dumps(RESULTS))})
"""


def test_a_run_is_pytest_on_the_mock_bench_and_its_results_are_read(pytest_is: Any, tmp_path: Path) -> None:
    noted = pytest_is(WRITE + "sys.exit(1)")
    ran = Runner(tmp_path / "runs", "quick").run("mock-lock", "bad", "A,B")
    assert {clause: said.verdict for clause, said in ran.said.items()} == {"A": "FAIL"}
    assert (ran.trouble, Path(ran.folder).name) == ("", "20260101T000000Z-00000001")
    given = json.loads(noted.read_text())
    wanted = ["--bench=mock", "--dut=mock-lock", "--profile=quick", "--known-bad=bad", "--clauses=A,B"]
    assert [each for each in wanted if each not in given] == []


def test_the_good_device_runs_without_known_bad_and_with_all_clauses(pytest_is: Any, tmp_path: Path) -> None:
    noted = pytest_is(WRITE)
    Runner(tmp_path / "runs").run("mock-lock", "", "")
    assert not [each for each in json.loads(noted.read_text()) if each.startswith(("--known-bad", "--clauses"))]


def test_a_refused_run_has_trouble_in_its_own_words(pytest_is: Any, tmp_path: Path) -> None:
    pytest_is("print('Exit: refused to start: USE-SIM-001: no such thing'); print('!!!'); sys.exit(11)")
    ran = Runner(tmp_path / "runs").run("mock-lock", "bad", "")
    assert ran.said == {}
    assert ran.trouble == "exit code 11: Exit: refused to start: USE-SIM-001: no such thing"


def test_a_run_without_results_has_trouble(pytest_is: Any, tmp_path: Path) -> None:
    pytest_is("sys.exit(0)")
    assert Runner(tmp_path / "runs").run("mock-lock", "bad", "").trouble.startswith("no results.json")


def test_a_run_that_takes_too_long_is_stopped(pytest_is: Any, tmp_path: Path) -> None:
    pytest_is("time.sleep(60)")
    began = time.monotonic()
    ran = Runner(tmp_path / "runs", patience=1.0).run("mock-lock", "bad", "")
    assert ran.trouble == "it took too long and was stopped"
    assert time.monotonic() - began < 20


def test_one_that_will_not_stop_is_killed(pytest_is: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation_runs, "ENDING", 0.3)
    pytest_is("signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)")
    began = time.monotonic()
    assert Runner(tmp_path / "runs", patience=1.5).run("mock-lock", "bad", "").trouble
    assert time.monotonic() - began < 20


def test_stop_ends_what_runs_and_lets_nothing_begin(pytest_is: Any, tmp_path: Path) -> None:
    noted = pytest_is("time.sleep(60)")
    runner, ended = Runner(tmp_path / "runs"), []
    thread = threading.Thread(target=lambda: ended.append(runner.run("mock-lock", "bad", "")))
    thread.start()
    deadline = time.monotonic() + 20
    while not noted.is_file() and time.monotonic() < deadline:
        time.sleep(0.02)
    runner.stop()
    thread.join(20)
    assert ended[0].trouble.startswith("exit code")
    assert runner.run("mock-lock", "other", "").trouble == "stopped before it began"


def test_the_shipped_simulated_devices_are_listed_with_what_each_known_bad_one_breaks() -> None:
    found = {each.dut: each for each in simulated_devices(Path.cwd())}
    lock = found["mock-lock"]
    assert (lock.kind, lock.trouble) == ("lock", "")
    breaks = {row["name"]: row["breaks"] for row in lock.table}
    assert "CN-FRT-8.b" in breaks["uploads-face-after-enrolment"]


def test_a_device_that_cannot_be_used_says_why_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = [
        EntryPoint("mock-lock", "pytest_conformance.simulation.devices.lock:build", validation_runs.SIMULATORS),
        EntryPoint("mock-nothing", "nowhere:build", validation_runs.SIMULATORS),
        EntryPoint("not-installed", "nowhere:build", validation_runs.SIMULATORS),
    ]
    monkeypatch.setattr(validation_runs, "entry_points", lambda group: points)
    folder = tmp_path / "fixtures" / "devices"
    folder.mkdir(parents=True)
    from pytest_conformance.resources import shipped

    text = (shipped("fixtures") / "devices" / "mock-lock.yaml").read_text("utf-8")
    (folder / "not-installed.yaml").write_text(text, "utf-8")
    lock, nothing, other = simulated_devices(tmp_path)
    assert lock.trouble == ""
    assert nothing.trouble.startswith("its declaration cannot be used: USE-DUT-001")
    assert other.trouble.startswith("no simulated device is named 'not-installed'")

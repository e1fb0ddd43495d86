"""`conformance validate`: which runs are asked for, and what is concluded and printed; and once for real."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from pytest_conformance.cli import main
from pytest_conformance.commands import validation_runs
from pytest_conformance.commands.killing import Ran, Said
from pytest_conformance.commands.validation_runs import Simulated

TABLE = (
    {"name": "breaks-a", "kind": "lock", "breaks": ["A"], "does": "Breaks A."},
    {"name": "breaks-b", "kind": "any", "breaks": ["B", "Z"], "does": "Breaks B."},
    {"name": "harmless", "kind": "any", "breaks": [], "does": "Is odd."},
)
PASS, FAIL = Said("PASS"), Said("FAIL", "dut", "it did")


class Runs:
    """Stands in for the processes: what each run says, and which were asked for."""

    def __init__(self) -> None:
        self.good: dict[str, Said] = {"A": PASS, "B": PASS}
        self.said: dict[str, dict[str, Said]] = {"breaks-a": {"A": FAIL}, "breaks-b": {"B": FAIL}}
        self.trouble: dict[str, str] = {}
        self.asked: list[tuple[str, str, str]] = []

    def run(self, runner: Any, dut: str, known_bad: str, clauses: str) -> Ran:
        self.asked.append((dut, known_bad, clauses))
        said = {**self.good, **self.said.get(known_bad, {})}
        chosen = [each for each in clauses.split(",") if each] or list(said)
        trouble = self.trouble.get(known_bad, "")
        return Ran({} if trouble else {clause: said[clause] for clause in chosen if clause in said}, trouble, 0.1)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    made = Runs()
    devices = [Simulated("mock-lock", "lock", TABLE), Simulated("mock-camera", "camera", TABLE[1:])]
    monkeypatch.setattr(validation_runs, "simulated_devices", lambda here: devices)
    monkeypatch.setattr(validation_runs.Runner, "run", lambda self, *given: made.run(self, *given))
    return made


def test_all_caught_and_the_good_device_in_peace_is_validated(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--kind", "lock"]) == 0
    said = capsys.readouterr()
    assert "validated: every tested clause was killed" in said.out
    assert "unreachable: breaks-b breaks Z" in said.out
    assert next(name for _, name, _ in runs.asked) == ""
    assert {name for _, name, _ in runs.asked} == {"", "breaks-a", "breaks-b", "harmless"}
    assert "[3/3]" in said.err


def test_a_device_that_only_adds_is_asked_for_what_its_own_variants_break(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = [{**row, "own": "odd-lock"} for row in TABLE if row["name"] == "breaks-a"]
    monkeypatch.setattr(validation_runs, "simulated_devices", lambda here: [Simulated("odd", "lock", tuple(own))])

    assert main(["validate"]) == 0

    assert runs.asked == [("odd", "", "A"), ("odd", "breaks-a", "A")]
    assert "NEVER KILLED" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda runs: runs.said.update({"breaks-a": {}}), "MISSED: breaks-a at A: PASS"),
        (lambda runs: runs.said.update({"breaks-a": {}}), "NEVER KILLED: no known-bad lock fails A"),
        (lambda runs: runs.said.update({"harmless": {"B": FAIL}}), "FALSE ALARM: harmless at B: it did"),
        (lambda runs: runs.good.update({"B": FAIL}), "GOOD DEVICE FAIL at B (dut): it did"),
        (lambda runs: runs.good.update({"C": PASS}), "NEVER KILLED: no known-bad lock fails C"),
    ],
)
def test_whatever_is_wrong_is_said_and_fails(
    spoil: Callable[[Runs], None], complaint: str, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(runs)
    assert main(["validate", "--kind", "lock"]) == 1
    said = capsys.readouterr().out
    assert complaint in said
    assert "NOT validated" in said


@pytest.mark.parametrize("name", ["", "breaks-a"])
def test_a_run_without_results_is_neither_a_pass_nor_a_miss(
    name: str, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.trouble[name] = "exit code 3: it broke"
    assert main(["validate", "--kind", "lock"]) == 10
    said = capsys.readouterr().out
    assert "exit code 3: it broke" in said
    assert "MISSED" not in said


def test_every_kind_must_kill_its_own_clauses(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--json"]) == 1
    said = {each["kind"]: each for each in json.loads(capsys.readouterr().out)["kinds"]}
    assert said["lock"]["good_enough"] is True
    assert said["camera"]["survivors"] == ["A"]
    cell = next(each for each in said["lock"]["cells"] if (each["known_bad"], each["clause"]) == ("breaks-a", "A"))
    assert (cell["fate"], cell["verdict"], cell["reason"]) == ("caught", "FAIL", "it did")


def test_a_fast_run_asks_only_for_what_is_broken_and_tested(runs: Runs) -> None:
    assert main(["validate", "--kind", "lock", "--fast"]) == 0
    assert set(runs.asked) == {("mock-lock", "", ""), ("mock-lock", "breaks-a", "A"), ("mock-lock", "breaks-b", "B,Z")}


def test_a_selection_runs_the_good_device_and_what_was_chosen(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--kind", "lock", "--known-bad", "breaks-a", "--fast"]) == 0
    assert set(runs.asked) == {("mock-lock", "", "A"), ("mock-lock", "breaks-a", "A")}
    assert main(["validate", "--kind", "lock", "--known-bad", "braeks-a"]) == 11
    assert "did you mean 'breaks-a'?" in capsys.readouterr().err


def test_only_the_clauses_that_were_asked_for_count(runs: Runs) -> None:
    runs.said["breaks-b"] = {}
    assert main(["validate", "--kind", "lock", "--clauses", "A"]) == 0
    assert {clauses for _, _, clauses in runs.asked} == {"A"}


def test_a_kind_that_cannot_be_loaded_is_skipped_with_a_clear_line(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    devices = [
        Simulated("mock-lock", "lock", TABLE),
        Simulated("mock-watch", "wearable", trouble="it cannot be loaded"),
    ]
    monkeypatch.setattr(validation_runs, "simulated_devices", lambda here: devices)
    assert main(["validate"]) == 10
    said = capsys.readouterr()
    assert "mock-watch is skipped: it cannot be loaded" in said.err
    assert "mock-watch was skipped: it cannot be loaded" in said.out
    assert {dut for dut, _, _ in runs.asked} == {"mock-lock"}
    assert main(["validate", "--list"]) == 10
    assert "mock-watch cannot be used: it cannot be loaded" in capsys.readouterr().out


def test_the_list_runs_nothing(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--list", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in said["devices"][0]["known_bad"]] == ["breaks-b", "harmless", "breaks-a"]
    assert runs.asked == []


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--kind", "toaster"], "USE-VAL-001"), (["--jobs", "0"], "USE-VAL-003")]
)
def test_what_cannot_be_is_refused(
    arguments: list[str], code: str, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", *arguments]) == 11
    assert code in capsys.readouterr().err


def test_a_lock_without_rules_is_caught_for_real(command: Callable[..., CompletedProcess[str]], tmp_path: Path) -> None:
    chosen = ["--kind", "lock", "--known-bad", "no-rules-on-device", "--clauses", "CN-MIIT2510-V1", "--fast"]
    done = command("validate", *chosen, "--record", str(tmp_path / "kept"), "--json", timeout=400)
    said = json.loads(done.stdout)
    (kind,) = said["kinds"]
    assert kind["good"] == {
        "CN-MIIT2510-V1": {"verdict": "PASS", "cause": "", "reason": kind["good"]["CN-MIIT2510-V1"]["reason"]}
    }
    assert [(each["clause"], each["fate"]) for each in kind["cells"]] == [("CN-MIIT2510-V1", "caught")]
    assert done.returncode == 0
    assert len(list((tmp_path / "kept" / "mock-lock").glob("*/*/results.json"))) == 2

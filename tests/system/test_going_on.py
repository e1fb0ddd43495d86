"""A run that was broken off goes on; a run that was recorded is judged again, without a bench."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.record import read_journal, verify_run
from pytest_conformance.resources import shipped
from tests.system.conftest import Conduct, Ran, command, conduct_in, surroundings

SUITE = """
from dataclasses import dataclass
from pytest_conformance.errors import LinkError
from pytest_conformance.procedures.procedure import procedure

def counted(name):
    with open("calls.txt", "a") as file:
        file.write(name + "\\n")

def broken_off():
    if os.environ.get("BREAK_OFF"):
        os.kill(os.getpid(), 9)

@dataclass(frozen=True)
class Seen:
    seconds: float
    hosts: tuple[str, ...]
    evidence: tuple[str, ...] = ()

@procedure
def first_look(run, bench) -> Seen:
    "Look once."
    counted("first_look")
    bench.supply.volts()
    return Seen(0.1 + 0.2, ("a.example",), (run.evidence(b"seen", name="x.txt", media_type="text/plain"),))

@procedure
def lost(first_look) -> Seen:
    "Lose the link."
    raise LinkError("BEN-LNK-001", "the link went away", where="here")

@procedure
def second_look(bench) -> Seen:
    "Look again; the run may break off in the middle of it."
    counted("second_look")
    broken_off()
    return Seen(2.5, ())

@clause("CN-FRT-4.a")
def test_passes(first_look, judgement):
    judgement.require("time", first_look.seconds, Limit(upper=1.0, unit="s"), uncertainty=0.01, n=3)

@clause("CN-FRT-5.a")
def test_fails(first_look):
    assert not first_look.hosts, f"{first_look.hosts[0]} was spoken to"

@clause("CN-FRT-6.a")
def test_has_no_bench(lost):
    raise AssertionError("never reached")

@clause("CN-FRT-7.a")
def test_second(second_look):
    assert second_look.seconds > 2

@clause("CN-FRT-8.a")
def test_drives_by_itself(bench):
    assert bench.supply.volts() is not None
"""
ESSENCE = ("verdict", "cause", "reason", "measurements", "tests")


def essence(ran: Ran, name: str = "") -> Mapping[str, Any]:
    folder = ran.here / "runs" / name if name else ran.folder
    rows = json.loads((folder / "results.json").read_text())["clauses"]
    return {
        row["id"]: {key: row[key] for key in ESSENCE}
        for row in rows
        if row["id"].startswith("CN-FRT-") and row["tests"]
    }


def again(here: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("mine", *options),
        cwd=here,
        env=surroundings(**env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def conformance(here: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest_conformance.cli", *arguments],
        cwd=here,
        env=surroundings(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return conduct_in(tmp_path_factory.mktemp("undisturbed"), SUITE)


def newest(here: Path, other: Path) -> Path:
    (found,) = (each for each in (here / "runs").iterdir() if each != other)
    return found


@pytest.fixture
def copied(undisturbed: Ran, tmp_path: Path) -> tuple[Path, Path]:
    """A folder of its own with the suite and the record of the undisturbed run."""
    shutil.copytree(undisturbed.here / "mine", tmp_path / "mine")
    run = tmp_path / "runs" / undisturbed.folder.name
    shutil.copytree(undisturbed.folder, run)
    return tmp_path, run


def test_a_replay_judges_what_was_recorded_and_opens_no_bench(undisturbed: Ran, copied: tuple[Path, Path]) -> None:
    here, run = copied
    assert undisturbed.code == 1, undisturbed.out

    done = again(here, f"--replay={run}")

    assert done.returncode == 1, done.stdout + done.stderr
    replayed = newest(here, run)
    assert not (replayed / "bench").exists()
    assert not (here / "calls.txt").exists()
    header = json.loads((replayed / "journal.jsonl").read_text().splitlines()[0])["data"]["header"]
    assert (header["mode"], header["replay_of"]["mode"], header["replay_of"]["run"]) == ("replay", "mock", run.name)
    before, after = essence(undisturbed), essence(Ran(1, "", here), replayed.name)
    assert after.pop("CN-FRT-8.a")["reason"].startswith("MET-RPL-001")
    assert before.pop("CN-FRT-8.a")["verdict"] == "PASS"
    assert after == before
    assert before["CN-FRT-6.a"]["reason"].startswith("BEN-LNK-001: the link went away")
    assert "MOCK" in (replayed / "report.html").read_text("utf-8")


def test_recomputing_gives_the_same_verdicts_and_names_one_that_differs(copied: tuple[Path, Path]) -> None:
    here, run = copied

    same = conformance(here, "verify", str(run), "--recompute", "--json")

    said = json.loads(same.stdout)
    assert (same.returncode, said["recomputed"]["different"]) == (0, 0), same.stdout + same.stderr
    assert said["recomputed"]["same"] >= 4
    beyond = [each for each in said["recomputed"]["beyond"] if not each.startswith("derived: ")]
    assert beyond == ["mine/test_mine.py::test_drives_by_itself"]

    suite = here / "mine" / "test_mine.py"
    suite.write_text(suite.read_text().replace("upper=1.0", "upper=0.2"))
    other = conformance(here, "verify", str(run), "--recompute", "--json")

    assert other.returncode == 1
    (finding,) = (each for each in json.loads(other.stdout)["findings"] if "test_passes" in each["message"])
    assert finding["code"] == "recomputed"
    assert "recorded PASS, now FAIL" in finding["message"]


def test_a_changed_record_is_not_judged_again(copied: tuple[Path, Path]) -> None:
    here, run = copied
    journal = run / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"a.example", b"b.example"))

    done = again(here, f"--replay={run}")

    assert done.returncode == 11
    assert "BEN-STO-012" in done.stdout + done.stderr


def test_F09_a_killed_run_goes_on_to_the_verdicts_of_an_undisturbed_one(undisturbed: Ran, conduct: Conduct) -> None:
    killed = conduct(SUITE, BREAK_OFF="1")
    assert killed.code == -signal.SIGKILL, killed.out
    folder = killed.folder

    done = again(killed.here, f"--resume={folder.name}")

    assert done.returncode == undisturbed.code, done.stdout + done.stderr
    assert essence(killed) == essence(undisturbed)
    calls = (killed.here / "calls.txt").read_text().split()
    assert calls == ["first_look", "second_look", "second_look"], "what was finished was repeated"
    events = read_journal(folder / "journal.jsonl")
    (resumed,) = (each for each in events if each.type == "resumed")
    assert (resumed.data["finished"], resumed.data["void"]) == (3, ["second_look"])
    void = [each.data["name"] for each in events if each.type == "procedure" and each.data["state"] == "void"]
    assert void == ["second_look"]
    identified = [each.seq for each in events if each.type == "descriptor" and each.data["of"] == "supply"]
    assert len(identified) == 2, "the instruments were not asked again who they are"
    assert identified[-1] > resumed.seq
    assert verify_run(folder) == []

    ended = again(killed.here, f"--resume={folder.name}")
    assert ended.returncode == 11
    assert "USE-RSM-001" in ended.stdout + ended.stderr


@pytest.mark.parametrize("what", ["suite", "firmware"])
def test_F10_a_run_does_not_go_on_when_what_it_rests_on_changed(copied: tuple[Path, Path], what: str) -> None:
    here, run = copied
    lines = (run / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (run / "journal.jsonl").write_bytes(b"".join(lines[:-1]))  # as if it had been killed before its end
    (run / "journal.root").unlink()
    if what == "suite":
        with (here / "mine" / "test_mine.py").open("a") as suite:
            suite.write("# changed\n")
    else:
        declared = (shipped("fixtures") / "devices" / "mock-lock.yaml").read_text("utf-8")
        (here / "fixtures" / "devices").mkdir(parents=True)
        other = re.sub(r"(?m)^firmware: .*$", 'firmware: "99.9"', declared)
        assert other != declared
        (here / "fixtures" / "devices" / "mock-lock.yaml").write_text(other, "utf-8")

    done = again(here, f"--resume={run}")

    assert done.returncode == 11, done.stdout + done.stderr
    assert "USE-RSM-002" in done.stdout + done.stderr
    assert [each.type for each in read_journal(run / "journal.jsonl")][-1] != "descriptor", "a bench was opened"


def test_a_replay_takes_no_bench_beside_it(copied: tuple[Path, Path]) -> None:
    here, run = copied

    done = again(here, f"--replay={run}", "--bench=mock")

    assert done.returncode == 11
    assert "USE-OPT-004" in done.stdout + done.stderr
    assert os.listdir(here / "runs") == [run.name]

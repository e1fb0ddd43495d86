"""`conformance verify`: an intact record, a changed one, and what it needs to tell them apart."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_conformance.cli import main
from pytest_conformance.record import Run

HARDWARE = ("pyvisa", "pyvisa_py", "serial", "usb", "cv2", "bumble", "playwright", "numpy", "scipy")
BLOCKED = f"""
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HARDWARE!r}:
            raise ImportError(name + " is not installed here")
sys.meta_path.insert(0, Blocker())
from pytest_conformance.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_an_intact_record_is_said_to_be_intact(make_run: Callable[[], Run], capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run()
    assert main(["verify", str(run.folder)]) == 0
    said = capsys.readouterr().out
    assert "1 pieces of evidence" in said
    assert said.endswith("intact: journal and evidence are as written\n")


def test_a_changed_event_is_named(make_run: Callable[[], Run], capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run()
    journal = run.folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"FAIL"', b'"PASS"'))
    assert main(["verify", str(run.folder), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    assert [(each["code"], each["seq"]) for each in said["findings"]] == [("changed", 3)]


def test_changed_evidence_is_named(make_run: Callable[[], Run], capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run()
    (file,) = (each for each in (run.folder / "evidence").rglob("*") if each.is_file())
    file.chmod(0o600)
    file.write_bytes(b"something else")
    assert main(["verify", str(run.folder)]) == 1
    said = capsys.readouterr().out
    assert "evidence-changed" in said
    assert "NOT INTACT: 1 finding(s)" in said


def test_a_run_that_was_cut_says_so(make_run: Callable[[], Run], capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run()
    journal = run.folder / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    (run.folder / "journal.root").unlink()
    assert main(["verify", str(run.folder)]) == 0
    said = capsys.readouterr().out
    assert "the run did not end by itself" in said
    assert "there is no journal.root" in said


def test_a_run_is_found_by_the_beginning_of_its_name(
    make_run: Callable[[], Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = make_run(), make_run()
    record = ["--record", str(tmp_path / "runs"), "--json"]
    assert main(["verify", first.folder.name, *record]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == str(first.folder)
    shared = first.folder.name[:4]
    assert second.folder.name.startswith(shared)
    assert main(["verify", shared, *record]) == 11
    assert "USE-RUN-002: 2 runs begin with" in capsys.readouterr().err


def test_a_run_that_is_not_there_is_refused_naming_the_newest(
    make_run: Callable[[], Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run()
    assert main(["verify", "nothing", "--record", str(tmp_path / "runs")]) == 11
    said = capsys.readouterr().err
    assert "USE-RUN-001" in said
    assert run.folder.name in said


@pytest.mark.parametrize("name", ["verify", "report"])
def test_no_hardware_library_is_needed(name: str, make_run: Callable[[], Run]) -> None:
    run = make_run()
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, name, str(run.folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")

"""A run's folder, its steps, observations and listeners."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_conformance.errors import LinkError, StorageError
from pytest_conformance.record import Event, Run, read_journal, verify_run


@dataclass(frozen=True)
class Observation:
    name: str
    values: tuple[float, ...]
    picture: bytes


def _events(run: Run, kind: str) -> list[Event]:
    return [event for event in read_journal(run.folder / "journal.jsonl") if event.type == kind]


def test_runs_never_share_a_folder(tmp_path: Path) -> None:
    runs = {Run.start(tmp_path, {}).folder for _ in range(5)}

    assert len(runs) == 5


def test_E10_a_second_run_with_the_same_identifier_is_refused(tmp_path: Path) -> None:
    Run.start(tmp_path, {}, run_id="r")

    with pytest.raises(StorageError) as caught:
        Run.start(tmp_path, {}, run_id="r")
    assert caught.value.code == "BEN-STO-010"


def test_E08_a_root_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StorageError) as caught:
        Run.start(tmp_path / "file", {})
    assert caught.value.code in ("BEN-STO-001", "BEN-STO-010")


def test_E09_folders_with_spaces_and_other_scripts_work(tmp_path: Path) -> None:
    run = Run.start(tmp_path / "记录 ä", {"bench": "试验台"})
    run.stop(0)

    assert verify_run(run.folder) == []
    assert _events(run, "start")[0].data["header"] == {"bench": "试验台"}


def test_a_worker_joins_the_run(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {})
    worker = Run.join(run.folder)
    worker.event("note", {"text": "from the worker"})
    worker.close()
    run.stop(0)

    assert verify_run(run.folder) == []
    assert worker.id == run.id
    with pytest.raises(StorageError):
        Run.join(tmp_path / "nowhere")


def test_steps_nest_and_tell_how_they_ended(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {})
    run.test = "suites/x.py::test_y"
    with pytest.raises(LinkError), run.step("Setup", "power on"), run.step("Stimulate", "show a print"):
        raise LinkError("BEN-LNK-001", "the console went away")
    with pytest.raises(AssertionError), run.step("Evaluate", "compare"):
        raise AssertionError("late")

    begins = [event.data for event in _events(run, "step") if event.data["state"] == "begin"]
    ends = {event.data["title"]: event.data for event in _events(run, "step") if event.data["state"] == "end"}
    assert begins[1]["parent"] == begins[0]["id"]
    assert begins[0]["parent"] is None
    assert ends["show a print"]["outcome"] == "broken"
    assert "BEN-LNK-001" in ends["power on"]["error"]
    assert ends["compare"]["outcome"] == "failed"
    assert begins[0]["test"] == "suites/x.py::test_y"


def test_f15_an_assertion_raised_from_a_bench_error_is_a_broken_step(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {})
    fault = LinkError("BEN-LNK-001", "gone")

    with pytest.raises(AssertionError), run.step("Measure", "read"):
        raise AssertionError("no value") from fault

    assert _events(run, "step")[-1].data["outcome"] == "broken"


@pytest.mark.parametrize("size", [10, 6000])
@pytest.mark.parametrize("count", [3, 20_000])
def test_an_observation_can_be_judged_again(tmp_path: Path, size: int, count: int) -> None:
    run = Run.start(tmp_path, {})
    seen = Observation("\ud800\x1b<b>", tuple(float(n) / 7 for n in range(count)), b"p" * size)
    run.observation("traffic", seen)
    run.stop(0)

    (event,) = _events(run, "observation")
    assert run.observed(Observation, event) == seen
    assert event.data["kind"].endswith(":Observation")
    assert len(event.data["evidence"]) == (size > 4096)
    assert verify_run(run.folder) == []


def test_a_failing_view_never_harms_the_record(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {})
    told: list[str] = []

    def broken(event: Event) -> None:
        raise RuntimeError("no such view")

    run.listen(broken)
    run.listen(lambda event: told.append(event.type))
    run.event("note", {"text": "a"})
    run.event("note", {"text": "b"})

    notes = [event.data["text"] for event in _events(run, "note")]
    assert notes[0] == "a"
    assert "failed and was left out: RuntimeError" in notes[1]
    assert notes[2:] == ["b"]
    assert told == ["note", "note", "note"]


def test_numbers_that_json_lacks_are_tagged(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {"limit": float("inf")})

    assert _events(run, "start")[0].data["header"] == {"limit": {"$float": "inf"}}
    assert b"Infinity" not in (run.folder / "journal.jsonl").read_bytes()


def test_nothing_is_said_after_the_end(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {})
    run.stop(10)

    with pytest.raises(StorageError) as caught:
        run.event("note", {"text": "late"})
    assert caught.value.code == "BEN-STO-011"
    assert verify_run(run.folder) == []

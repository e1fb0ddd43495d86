"""A procedure runs once, is recorded, and a fault of the bench never becomes what the device did."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.bench.safe_state import Outcome
from pytest_conformance.errors import BenchError, ConformanceError, DeviceError, InstrumentError, MethodError
from pytest_conformance.procedures import modules
from pytest_conformance.procedures.procedure import Recorder, procedure
from pytest_conformance.record import Run, read_journal
from pytest_conformance.reports.reading import read_record


@dataclass(frozen=True)
class Seen:
    number: int


class Bench:
    """A bench that is well until it is told otherwise."""

    def __init__(self) -> None:
        self.fault: ConformanceError | None = None
        self.off_works = True
        self.did: list[str] = []

    def beat(self) -> None:
        self.did.append("beat")

    def check_health(self) -> None:
        self.did.append("health")
        if self.fault is not None:
            raise self.fault

    def relink(self) -> list[str]:
        return []

    def rest(self) -> tuple[Outcome, ...]:
        self.did.append("off")
        return (Outcome("supply off", self.off_works, ""),)

    def blame(self, error: BaseException) -> ConformanceError | None:
        if isinstance(error, ConformanceError) and not isinstance(error, DeviceError):
            return None
        return self.fault


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.start(tmp_path, {"bench": "mock"})


@pytest.fixture
def recorder(run: Run, bench: Any) -> Recorder:
    return Recorder(run, bench)


def states(run: Run) -> list[tuple[str, str]]:
    rows = [event for event in read_journal(run.folder / "journal.jsonl") if event.type in ("procedure", "observation")]
    return [(event.type, str(event.data.get("state", event.data["name"]))) for event in rows]


def observed(number: int) -> Seen:
    """Count to a number.

    The rest of the text is not the title.
    """
    return Seen(number)


def test_an_observation_is_recorded_between_its_begin_and_end(run: Run, recorder: Recorder, bench: Bench) -> None:
    assert recorder.perform("counting", observed, {"number": 3}) == Seen(3)
    assert states(run) == [("procedure", "started"), ("observation", "counting"), ("procedure", "done")]
    (event,) = [each for each in read_journal(run.folder / "journal.jsonl") if each.type == "observation"]
    assert run.observed(Seen, event) == Seen(3)
    assert bench.did == ["beat", "health"]


def test_the_first_line_of_the_docstring_is_its_title(run: Run, recorder: Recorder) -> None:
    recorder.perform("counting", observed, {"number": 3})
    titles = {e.data["title"] for e in read_journal(run.folder / "journal.jsonl") if e.type == "procedure"}
    assert titles == {"Count to a number."}


def test_an_observation_made_while_an_instrument_was_ill_does_not_count(
    run: Run, recorder: Recorder, bench: Bench
) -> None:
    bench.fault = InstrumentError("BEN-INS-001", "the supply is gone")
    with pytest.raises(BenchError) as caught:
        recorder.perform("counting", observed, {"number": 3})
    assert caught.value.code == "BEN-INS-001"
    assert states(run) == [("procedure", "started"), ("procedure", "failed")]


@pytest.mark.parametrize(
    "error", [DeviceError("DUT-BOOT-001", "it does not boot"), KeyError("x"), AssertionError("looks like the device")]
)
def test_what_looks_like_the_device_is_the_benchs_when_the_bench_is_ill(
    run: Run, recorder: Recorder, bench: Bench, error: Exception
) -> None:
    def act() -> Seen:
        bench.fault = InstrumentError("BEN-INS-001", "the supply is gone")
        raise error

    with pytest.raises(BenchError) as caught:
        recorder.perform("counting", act, {})
    assert caught.value.__cause__ is error
    assert states(run) == [("procedure", "started"), ("procedure", "failed")]


@pytest.mark.parametrize("error", [DeviceError("DUT-BOOT-001", "it does not boot"), MethodError("MET-STI-001", "no")])
def test_on_a_bench_that_is_well_the_error_stays_what_it_is(run: Run, recorder: Recorder, error: Exception) -> None:
    def act() -> Seen:
        raise error

    with pytest.raises(type(error)) as caught:
        recorder.perform("counting", act, {})
    assert caught.value is error
    failed = [e for e in read_journal(run.folder / "journal.jsonl") if e.data.get("state") == "failed"]
    assert str(error) in failed[0].data["reason"]


NO_PICTURE = InstrumentError("BEN-WCH-002", "the watch camera sends no more pictures")


def failing(times: int, error: Exception, before: Callable[[], object] = lambda: None) -> Callable[[], Seen]:
    """A procedure that ends with `error` the first `times` times."""
    done = itertools.count(1)

    def act() -> Seen:
        before()
        number = next(done)
        if number <= times:
            raise error
        return Seen(number)

    return act


def attempts(run: Run) -> list[tuple[int, str, bool]]:
    rows = [each.data for each in read_journal(run.folder / "journal.jsonl") if each.type == "procedure"]
    return [(row["attempt"], row["state"], row.get("again", False)) for row in rows]


def test_what_a_fault_of_the_bench_ended_is_done_again_switched_off_between_and_both_are_shown(
    run: Run, bench: Any
) -> None:
    assert Recorder(run, bench, retries=2).perform("looking", failing(2, NO_PICTURE), {}) == Seen(3)
    assert attempts(run) == [
        (1, "started", False),
        (1, "failed", True),
        (2, "started", False),
        (2, "failed", True),
        (3, "started", False),
        (3, "done", False),
    ]
    assert bench.did == ["off", "beat", "health"] * 2 + ["beat", "health"]
    run.stop(0)
    notes = read_record(run.folder).notes
    assert [note for note in notes if "attempt 1 of 'looking'" in note and "BEN-WCH-002" in note]
    assert [note for note in notes if "attempt 2 of 'looking'" in note]


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_no_more_attempts_than_allowed(run: Run, bench: Any, retries: int) -> None:
    with pytest.raises(InstrumentError):
        Recorder(run, bench, retries).perform("looking", failing(9, NO_PICTURE), {})
    assert [number for number, state, _ in attempts(run) if state == "failed"] == list(range(1, retries + 2))
    assert attempts(run)[-1] == (retries + 1, "failed", False)


@pytest.mark.parametrize(
    "error",
    [MethodError("MET-STI-001", "no"), DeviceError("DUT-BOOT-001", "it does not boot"), AssertionError("a finding")],
)
def test_only_a_fault_of_the_bench_allows_another_attempt(run: Run, bench: Any, error: Exception) -> None:
    with pytest.raises(type(error)):
        Recorder(run, bench, retries=2).perform("looking", failing(1, error), {})
    assert attempts(run) == [(1, "started", False), (1, "failed", False)]


def test_what_was_judged_in_a_trial_is_not_asked_again(run: Run, bench: Any) -> None:
    trial = {"campaign": "attacks", "number": 1, "outcome": "rejected", "void": False, "reason": ""}
    act = failing(1, NO_PICTURE, lambda: run.event("trial", trial))
    with pytest.raises(InstrumentError):
        Recorder(run, bench, retries=2).perform("attacking", act, {})
    assert attempts(run)[-1] == (1, "failed", False)


def test_a_bench_that_is_not_well_or_not_off_gets_no_other_attempt(run: Run, bench: Any) -> None:
    bench.off_works = False
    with pytest.raises(InstrumentError):
        Recorder(run, bench, retries=2).perform("looking", failing(1, NO_PICTURE), {})
    bench.off_works, bench.fault = True, NO_PICTURE
    with pytest.raises(InstrumentError):
        Recorder(run, bench, retries=2).perform("looking", failing(1, NO_PICTURE), {})
    assert [again for _, _, again in attempts(run)] == [False] * 4


def test_every_module_of_the_room_is_registered() -> None:
    folder = Path(modules()[0].__file__ or "").parent
    names = {module.__name__.rpartition(".")[2] for module in modules()}
    assert names == {file.stem for file in folder.glob("*.py")} - {"__init__"}


def test_every_procedure_is_a_session_fixture_with_a_title_of_its_own() -> None:
    found = {name: each for module in modules() for name, each in vars(module).items() if _is_fixture(each)}
    recorded = {name: each for name, each in found.items() if "recorder" in _arguments(each)}
    assert {"pre_consent_traffic", "permissions", "erasure", "face_consent", "lockouts", "transport"} <= set(recorded)
    for name, each in recorded.items():
        assert (_function(each).__doc__ or "").strip(), f"{name} has no title"


def _is_fixture(each: object) -> bool:
    return type(each).__name__ in ("FixtureFunctionDefinition", "function") and (
        hasattr(each, "_fixture_function_marker") or hasattr(each, "_pytestfixturefunction")
    )


def _function(each: Any) -> Any:
    return each._get_wrapped_function() if hasattr(each, "_get_wrapped_function") else each.__wrapped__


def _arguments(each: Any) -> list[str]:
    import inspect

    return list(inspect.signature(_function(each)).parameters)


def test_a_decorated_procedure_asks_for_its_fixtures_and_the_recorder() -> None:
    def act(device: object, run: object) -> Seen:
        """Do it."""
        return Seen(1)

    assert _arguments(procedure(act)) == ["device", "run", "recorder"]

"""A procedure runs once, is recorded, and a fault of the bench never becomes what the device did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.errors import BenchError, ConformanceError, DeviceError, InstrumentError, MethodError
from pytest_conformance.procedures import modules
from pytest_conformance.procedures.procedure import Recorder, procedure
from pytest_conformance.record import Run, read_journal


@dataclass(frozen=True)
class Seen:
    number: int


class Bench:
    """A bench that is well until it is told otherwise."""

    def __init__(self) -> None:
        self.fault: ConformanceError | None = None
        self.did: list[str] = []

    def beat(self) -> None:
        self.did.append("beat")

    def check_health(self) -> None:
        self.did.append("health")
        if self.fault is not None:
            raise self.fault

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

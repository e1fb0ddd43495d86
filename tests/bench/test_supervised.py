"""The run and its supervisor: beats of the run loop only, orders that are answered, and a supervisor that dies."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.bench.alarm import sound, unsafe
from pytest_conformance.bench.safe_state import Outcome
from pytest_conformance.bench.supervised import Supervised
from pytest_conformance.bench.supervisor import Held, safe, switch_off
from pytest_conformance.drivers.off_command import OffCommand
from pytest_conformance.errors import BenchError

NOWHERE = OffCommand(("TCPIP::127.0.0.1::1::SOCKET",), timeout=0.2)


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    made: list[Supervised] = []

    def make(silence: float = 60.0) -> Supervised:
        made.append(Supervised(None, tmp_path / "log", silence=silence, grace=0.5))
        return made[-1]

    yield make
    for each in made:
        each.leave()


def raised(act: Callable[[], Any], seconds: float = 60.0) -> str:
    """Call `act` until it raises a bench error; return its code."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            act()
        except BenchError as error:
            return error.code
        time.sleep(0.05)
    raise AssertionError("nothing was raised")


def test_a_run_that_leaves_ends_its_supervisor(supervised: Any) -> None:
    run = supervised()
    run.hold("supply", NOWHERE)
    run.beat()
    run.off(True)
    pid = run.pid
    run.leave()
    run.leave()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert signal.set_wakeup_fd(-1) == -1, "the way of the signals is given back"


def test_a_thread_of_its_own_is_no_sign_of_life(supervised: Any) -> None:
    run = supervised(silence=2.0)
    run.hold("supply", NOWHERE)
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(0.1):
            run.beat()

    thread = threading.Thread(target=beat)
    thread.start()
    time.sleep(2.5)
    assert raised(run.check) == "BEN-SAF-002"
    stop.set()
    thread.join()
    with pytest.raises(BenchError, match="no sign of life"):
        run.beat()


def test_a_supervisor_that_was_killed_is_noticed_at_the_next_beat(supervised: Any) -> None:
    run = supervised()
    run.hold("supply", NOWHERE)
    os.kill(run.pid, signal.SIGKILL)
    assert raised(run.beat) == "BEN-SAF-003"
    with pytest.raises(BenchError) as caught:
        run.hold("another", NOWHERE)
    assert caught.value.code == "BEN-SAF-001"


def test_the_upstream_switch_is_cut_only_when_an_output_stays_on(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def carry_out(command: OffCommand, where: str) -> None:
        done.append(where)
        if command.below:
            raise BenchError("BEN-INS-999", "it stays on")

    monkeypatch.setattr("pytest_conformance.bench.supervisor.carry_out", carry_out)
    fine, stuck = OffCommand(("a",)), OffCommand(("b",), below=1.0)
    outputs = [Held("outlet", fine, upstream=True), Held("supply", fine), Held("heater", fine)]
    assert safe(switch_off(outputs), outputs)
    assert done == ["supply", "heater"]
    outputs = [Held("outlet", fine, upstream=True), Held("supply", stuck), Held("heater", fine)]
    outcomes = switch_off(outputs)
    assert [each.name for each in outcomes] == ["supply off", "heater off", "outlet cut"]
    assert safe(outcomes, outputs)
    outputs = [Held("supply", stuck)]
    assert not safe(switch_off(outputs), outputs)


def test_the_alarm_command_gets_the_text_and_its_failure_harms_nothing(tmp_path: Path, capfd: Any) -> None:
    said = unsafe([Outcome("supply off", False, "it stays on"), Outcome("heater off", True)])
    assert said == "BEN-SAF-010: not proven safe: supply off: it stays on"
    assert unsafe([Outcome("supply off", True)]) == ""
    sound(["/bin/sh", "-c", f'printf %s "$0" > {tmp_path}/rang'], said)
    assert (tmp_path / "rang").read_text() == said
    sound(["/no/such/command"], said)
    assert said in capfd.readouterr().err

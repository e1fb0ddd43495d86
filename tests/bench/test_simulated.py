"""The process behind the mock bench: its manifest, its control port, its end. A script stands in for the simulation."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_conformance.bench import simulated
from pytest_conformance.bench.simulated import SimulatedWorld
from pytest_conformance.errors import SimulationError, UsageError

SCRIPT = """
import json, os, socket, sys, threading
listener = socket.create_server(("127.0.0.1", 0))
def serve():
    while True:
        connection, _ = listener.accept()
        for line in connection.makefile("rb"):
            asked = json.loads(line)
            if asked["do"] == "hang up":
                connection.close()
                break
            if asked["do"] == "advance" and asked["seconds"] < 0:
                answer = {"error": "ValueError: seconds"}
            else:
                answer = {"ok": asked}
            connection.sendall(json.dumps(answer).encode() + b"\\n")
threading.Thread(target=serve, daemon=True).start()
with open("argv", "w") as told:
    told.write(" ".join(sys.argv[1:]))
print(json.dumps({"control": {"port": listener.getsockname()[1]}, "supply": {"address": "x"}, "pid": os.getpid()}))
sys.stdout.flush()
while os.read(0, 4096):
    pass
open("ended", "w").close()
"""
Start = Callable[..., SimulatedWorld]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    started: list[SimulatedWorld] = []

    def make(script: str = SCRIPT) -> SimulatedWorld:
        file = tmp_path / "far.py"
        file.write_text(script)
        runner = tmp_path / "python"
        runner.write_text(f'#!/bin/sh\nshift 2\nexec {sys.executable} {file} "$@"\n')
        runner.chmod(0o755)
        monkeypatch.setattr(simulated.sys, "executable", str(runner))
        world = SimulatedWorld("mock-lock", known_bad=["a", "b"], seed=7, door="relay", folder=tmp_path / "sim")
        started.append(world)
        return world

    yield make
    for world in started:
        world.close()


def test_it_is_told_what_to_simulate(start: Start, tmp_path: Path) -> None:
    world = start()
    world.advance(1)
    told = (tmp_path / "sim" / "argv").read_text()
    assert told == f"--dut mock-lock --seed 7 --known-bad a,b --door relay --folder {tmp_path / 'sim'}"
    assert world.alive
    assert world.manifest["pid"] == world.pid


def test_entries_are_found_by_name_and_others_named(start: Start) -> None:
    world = start()
    assert world.entry("supply") == {"address": "x"}
    with pytest.raises(SimulationError) as caught:
        world.entry("suply")
    assert (caught.value.code, caught.value.expected) == ("BEN-SIM-003", "one of control, pid, supply")
    with pytest.raises(SimulationError):
        world.entry("pid")


def test_control_asks_and_tells_errors(start: Start) -> None:
    world = start()
    assert world.control(do="kill", name="supply") == {"do": "kill", "name": "supply"}
    with pytest.raises(SimulationError, match="ValueError") as caught:
        world.advance(-1)
    assert caught.value.code == "BEN-SIM-004"


def test_after_a_broken_connection_the_next_question_gets_its_own_answer(start: Start) -> None:
    world = start()
    with pytest.raises(SimulationError) as caught:
        world.control(do="hang up")
    assert caught.value.code == "BEN-SIM-002"
    assert world.control(do="now") == {"do": "now"}


def test_a_simulation_that_dies_is_noticed(start: Start) -> None:
    world = start()
    world.advance(1)
    os.kill(world.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while world.alive and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not world.alive
    with pytest.raises(SimulationError) as caught:
        world.advance(1)
    assert caught.value.code == "BEN-SIM-002"


def test_closing_ends_it_in_its_own_way_and_twice_is_well(start: Start, tmp_path: Path) -> None:
    world = start()
    world.advance(1)
    world.close()
    assert not world.alive
    assert (tmp_path / "sim" / "ended").exists()
    world.close()


def test_a_signal_to_this_process_s_group_does_not_reach_it(start: Start) -> None:
    assert os.getpgid(start().pid) != os.getpgid(0)


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("raise ValueError('no door')", "BEN-SIM-001", "ValueError: no door"),
        ("", "BEN-SIM-001", "it said nothing"),
        ("print('a private simulator prints')", "BEN-SIM-001", "a private simulator prints"),
        ("print('[]')", "BEN-SIM-001", "[]"),
    ],
)
def test_one_that_does_not_start_says_why(start: Start, script: str, code: str, said: str) -> None:
    with pytest.raises(SimulationError) as caught:
        start(script)
    assert caught.value.code == code
    assert said in caught.value.what


def test_an_unknown_device_or_variant_is_the_user_s(start: Start) -> None:
    with pytest.raises(UsageError, match="no known-bad lock") as caught:
        start('print(\'{"error": "no known-bad lock is named x"}\')')
    assert caught.value.code == "USE-SIM-001"


def test_one_that_says_nothing_is_ended_in_time(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated, "START_TIMEOUT", 0.5)
    began = time.monotonic()
    with pytest.raises(SimulationError) as caught:
        start("import time; time.sleep(60)")
    assert caught.value.code == "BEN-SIM-001"
    assert time.monotonic() - began < 20

"""`conformance simulate`: it stands until it is ended, and takes everything down."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_conformance.cli import main

COMMAND = [sys.executable, "-m", "pytest_conformance.cli", "simulate", "--door", "relay"]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stays_until_a_signal_and_leaves_no_process(number: signal.Signals) -> None:
    process = subprocess.Popen([*COMMAND, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    manifest = json.loads(process.stdout.readline())
    host, port = manifest["display"]["address"].split(":")
    socket.create_connection((host, int(port)), timeout=10).close()
    assert not gone(manifest["pid"])
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, "the simulated bench ends\n")
    assert gone(manifest["pid"])


def test_people_see_each_far_end_with_its_address(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--folder", str(tmp_path / "far-ends")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("control port: 127.0.0.1:"):
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    said = "".join(lines)
    assert " supply " in said
    assert "TCPIP::127.0.0.1::hislip0," in said
    assert "BEGIN CERTIFICATE" not in said
    assert (tmp_path / "far-ends" / "simulation.log").is_file()


def test_a_simulation_that_dies_is_an_error_of_the_bench() -> None:
    process = subprocess.Popen([*COMMAND, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    os.kill(json.loads(process.stdout.readline())["pid"], signal.SIGKILL)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 10
    assert said.startswith("conformance: BEN-SIM-002: the simulated bench went away")


@pytest.mark.parametrize(
    ("arguments", "near"),
    [(["--dut", "mock-lok"], "mock-lock"), (["--known-bad", "no-rules-on-devise"], "no-rules-on-device")],
)
def test_what_does_not_exist_is_refused_with_the_nearest(
    arguments: list[str], near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *arguments]) == 11
    said = capsys.readouterr().err
    assert "USE-SIM-001" in said
    assert repr(near) in said

"""Group A, a device that becomes dangerous: the supervisor looks at its temperature, whatever the run does."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.cli import main

WITHIN = 1.0 if os.environ.get("FAULTS") else 10.0
"""Seconds from the fault to an output that is off; a busy test machine is given more."""
SKIN = "\n  skin: {{driver: scpi-thermometer, address: '{}', most: 60 degC, every: 200 ms}}"
WAITS = """
@clause("CN-FRT-8.a")
def test_waits(powered, skin, clock):
    assert skin.celsius() < 60
    (HERE / "waits").touch()
    until = time.monotonic() + 60
    while time.monotonic() < until and not (HERE / "end").exists():
        HOW

@clause("CN-FRT-8.b")
def test_next(powered):
    assert powered.is_on()
"""


@pytest.fixture
def bench(bench_file: Any, far: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONFORMANCE_STATE", str(tmp_path / "state"))
    path: Path = bench_file(roles=SKIN.format(far.manifest["skin"]["address"]), rest="people: {lead-1: [release]}\n")
    return path


@pytest.mark.parametrize("how", ["clock.sleep(0.05)", "time.sleep(0.05)"], ids=["waiting", "stuck"])
def test_A16_a_device_that_becomes_too_hot(
    begin: Any, conduct: Any, bench: Path, far: Any, until: Any, tmp_path: Path, how: str
) -> None:
    """Above its thermal limit: off within 1 s by the supervisor, the run ends, no trial until a person releases it."""
    ran = begin(WAITS.replace("HOW", how), bench, here=tmp_path / "one")
    until(lambda: (ran.here / "waits").exists() or ran.process.poll() is not None, what="the test")
    moment = time.monotonic_ns()
    far.world.skin.set(75.0)
    until(lambda: not far.powered(), 20, "off")
    assert far.off_after(moment) < WITHIN
    (ran.here / "end").touch()

    assert ran.end() == 10, ran.out
    assert ran.verdict("CN-FRT-8.a") == ("INCONCLUSIVE", "dut"), ran.out
    assert ran.events("verdict")[0].data["code"] == "DUT-HOT-001"
    assert ran.verdict("CN-FRT-8.b") == ("NOT_TESTED", "aborted"), "the run ends"
    acted = next(each for each in ran.safe_states() if each.get("by") == "supervisor")
    assert (acted["reached"], acted["outputs"]) == (True, {"supply off": "done"})
    assert "more than 60 °C" in acted["trigger"]

    far.world.skin.set(25.0)
    far.supply.stage.output.clear()
    again = conduct(WAITS, bench, here=tmp_path / "two")
    assert again.process.returncode == 11, again.out
    (note,) = [each.data["text"] for each in again.events("note") if "refused to start" in each.data["text"]]
    assert "BEN-QUA-004: sample ML3D-0001 was dangerous" in note
    assert not any(each["on"] for each in far.output), "a refused run powers nothing"
    release = ["bench", "release", str(bench), "--sample", "ML3D-0001", "--reason", "cold, and not swollen"]
    assert main([*release, "--person", "lead-1"]) == 0
    last = conduct(WAITS.replace("HOW", "break"), bench, here=tmp_path / "three")
    assert last.verdict("CN-FRT-8.a") == ("PASS", None), last.out


def test_A16_a_thermometer_that_goes_silent(begin: Any, bench: Path, far: Any, until: Any, tmp_path: Path) -> None:
    """Nobody knows how hot the device is: off by the supervisor, INCONCLUSIVE(bench); the sample is no danger."""
    ran = begin(WAITS.replace("HOW", "clock.sleep(0.05)"), bench, here=tmp_path / "one")
    until(lambda: (ran.here / "waits").exists() or ran.process.poll() is not None, what="the test")
    far.world.far_end("skin").kill()
    until(lambda: not far.powered(), 30, "off")
    (ran.here / "end").touch()
    ran.end()

    assert ran.verdict("CN-FRT-8.a") == ("INCONCLUSIVE", "bench"), ran.out
    acted = next(each for each in ran.safe_states() if each.get("by") == "supervisor")
    assert "nobody knows how hot the device is" in acted["trigger"]
    assert not list((tmp_path / "state").glob("quarantine-hazard*"))

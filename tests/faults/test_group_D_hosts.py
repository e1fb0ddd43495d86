"""Group D, time of two hosts: the display is one of its own, and its clock is compared before and while it is used."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_conformance.simulation.scene import add_scene
from pytest_conformance.simulation.world import Options, World

ROLE = "\n  display: {{driver: network-display, address: '{}', clock_limit: 50 ms}}"
ONE = """
@clause("CN-FRT-8.a")
def test_it(powered):
    assert powered.is_on()
"""


@pytest.fixture
def display(tmp_path: Path) -> Iterator[Any]:
    world = World(Options("nothing", folder=tmp_path / "scene"))
    add_scene(world)
    yield world.far_end("display")
    world.stop()


def test_D07_a_host_whose_clock_cannot_be_known(conduct: Any, bench_file: Any, far: Any, display: Any) -> None:
    """Each answer is 0.4 s on its way: the clock is known too badly to time anything, refused, nothing is on."""
    display.lag = 0.4
    ran = conduct(ONE, bench_file(roles=ROLE.format(display.start()["address"])))

    assert ran.process.returncode == 11, ran.out
    (note,) = [each.data["text"] for each in ran.events("note") if "refused to start" in each.data["text"]]
    assert "BEN-DSP-006: the display's clock is only known to 2" in note
    assert not any(each["on"] for each in far.output)
    assert not far.powered()


def test_D07_two_hosts_that_disagree(conduct: Any, bench_file: Any, far: Any, display: Any) -> None:
    """A host with another time: its offset is measured, with its uncertainty, and stands in the record."""
    address = display.start()["address"]
    true = (display._now() - time.monotonic_ns()) / 1e9
    ran = conduct(ONE, bench_file(roles=ROLE.format(address)))

    assert ran.verdict("CN-FRT-8.a") == ("PASS", None), ran.out
    (told,) = [each.data for each in ran.events("descriptor") if each.data["of"] == "display"]
    assert 0 < told["clock_uncertainty_s"] < 0.05
    assert told["clock_offset_s"] == pytest.approx(true, abs=2 * told["clock_uncertainty_s"] + 0.001)
    assert not far.powered()


@pytest.mark.parametrize("seconds", [2.0, -0.5])
def test_D07_a_host_whose_clock_steps_in_mid_run(rig: Any, display: Any, seconds: float) -> None:
    """Somebody sets the other host's clock: the trial is INCONCLUSIVE(bench), power off; the next one is timed anew."""
    bench = rig(roles=ROLE.format(display.start()["address"]))
    bench.power()
    picture = np.full((100, 160, 3), 255, np.uint8)
    driver = bench.bench.role("display")
    assert bench.judged(lambda: driver.show(picture, 200.0)) == ("PASS", None, "")
    display.step_clock(seconds)

    assert bench.judged(lambda: driver.show(picture, 200.0)) == ("INCONCLUSIVE", "bench", "BEN-DSP-007")
    assert not bench.far.powered()
    shown = driver.show(picture, 200.0)
    assert abs(shown - time.monotonic_ns()) < 2_000_000_000, "bench time again"

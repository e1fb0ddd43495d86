"""Group B, camera and display: dropped frames, cameras that adapt by themselves, displays that show something else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from pytest_conformance.clock import RealClock
from pytest_conformance.devices.lock import Attempt
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.watch import OpencvWatch
from pytest_conformance.errors import InstrumentError
from pytest_conformance.procedures.decision_latency import timed
from pytest_conformance.record import read_journal
from pytest_conformance.simulation.scene import add_scene
from pytest_conformance.simulation.world import Options, World

BENCH = ("INCONCLUSIVE", "bench")
ROLES = """
  watch: {{driver: opencv-watch, address: '{watch}'}}
  display: {{driver: network-display, address: '{display}'}}"""
ONE = """
@clause("CN-FRT-8.a")
def test_it(powered):
    assert powered.is_on()
"""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[World]:
    """A display that stands before the device, and a camera that looks at it."""
    world = World(Options("nothing", folder=tmp_path / "scene", seed=4))
    add_scene(world)
    world.holder.set(6)
    yield world
    world.stop()


def watch_of(scene: World, folder: Path) -> OpencvWatch:
    far_end: Any = scene.far_end("watch")
    settings = OpencvWatch.Settings.model_validate({**far_end.start(), "timeout": "2 s"})
    return OpencvWatch.open(settings, DriverContext("watch", RealClock(), folder))


class Lock:
    """Answers after 0.4 s; pictures of its lamp are taken for 1.2 s. The camera has its fault in the second trial."""

    def __init__(self, camera: Any, always: bool) -> None:
        self._camera, self._trials, self._always = camera, 0, always

    def timed_attempt(self, what: str) -> Attempt:
        self._trials += 1
        woken = time.monotonic_ns()
        self._camera.fault = "drops" if self._always or self._trials == 2 else ""
        time.sleep(1.2)
        self._camera.fault = ""
        return Attempt(what, "", "match", "", "", True, woken, woken + 10**8, woken + 5 * 10**8)


@pytest.mark.parametrize("always", [False, True])
def test_B19_a_camera_that_drops_pictures(rig: Any, scene: World, tmp_path: Path, always: bool) -> None:
    """Pictures are missing in the camera's own time: the trial is void and repeated; in all: INCONCLUSIVE(bench)."""
    bench = rig()
    bench.power()
    watch = watch_of(scene, tmp_path)
    lock: Any = Lock(scene.far_end("watch"), always)
    try:
        verdict = bench.judged(lambda: timed(lock, object(), bench.run, 3, watch=watch))
    finally:
        watch.close()

    trials = [each.data for each in read_journal(bench.run.folder / "journal.jsonl") if each.type == "trial"]
    assert "the watch camera left out" in trials[1]["reason"]
    if always:
        assert verdict == (*BENCH, "BEN-CAL-111")
        assert all(each["void"] for each in trials)
        assert not bench.far.powered()
    else:
        assert verdict == ("PASS", None, "")
        assert [each["void"] for each in trials] == [False, True, False, False]


@pytest.mark.parametrize(
    ("display", "automatic", "code", "said"),
    [
        ("asleep", (), "BEN-DSP-010", "middle"),
        ("notification", (), "BEN-DSP-010", "right upper corner"),
        ("resolution", (), "BEN-DSP-010", "right upper corner, middle"),
        ("", ("exposure",), "BEN-DSP-012", "exposure"),
        ("", ("white balance",), "BEN-DSP-012", "white balance"),
        ("", (), "", ""),
    ],
)
def test_B20_B21_a_pattern_on_the_display_is_read_back(
    conduct: Any,
    bench_file: Any,
    far: Any,
    scene: World,
    display: str,
    automatic: tuple[str, ...],
    code: str,
    said: str,
) -> None:
    """Display asleep, covered, in a wrong resolution; a camera that adapts by itself: refused before anything is on."""
    camera: Any = scene.far_end("watch")
    screen: Any = scene.far_end("display")
    camera.automatic, screen.fault = frozenset(automatic), display
    roles = ROLES.format(watch=camera.start()["address"], display=screen.start()["address"])

    ran = conduct(ONE, bench_file(roles=roles, rest="display_check: {settles: 300 ms}\n"))

    assert ran.process.returncode == (11 if code else 0), ran.out
    assert code in ran.out
    assert said in ran.out
    notes = " ".join(each.data["text"] for each in ran.events("note"))
    assert (
        f"refused to start: {code}" if code else "seen whole by the watch camera; its automatic settings: judged"
    ) in notes
    assert any(each["on"] for each in far.output) is not bool(code), "a refused run powers nothing"
    assert not far.powered()


@pytest.mark.parametrize("obeys", [True, False])
def test_B20_a_camera_of_this_host_is_set_to_manual_and_asked_whether_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, obeys: bool
) -> None:
    """Automatic exposure, focus and white balance of a local camera: switched off and read back, or refused."""
    controls = {cv2.CAP_PROP_AUTO_EXPOSURE: 3.0, cv2.CAP_PROP_AUTOFOCUS: 1.0, cv2.CAP_PROP_AUTO_WB: 1.0}

    class Camera:
        def isOpened(self) -> bool:
            return True

        def get(self, control: int) -> float:
            return controls.get(control, 0.0)

        def set(self, control: int, value: float) -> bool:
            if obeys:
                controls[control] = value
            return obeys

        def grab(self) -> bool:
            return False

        def release(self) -> None:
            pass

    monkeypatch.setattr(cv2, "VideoCapture", lambda *arguments: Camera())
    settings = OpencvWatch.Settings(address="0", timeout="300 ms")

    with pytest.raises(InstrumentError if not obeys else Exception) as caught:
        OpencvWatch.open(settings, DriverContext("watch", RealClock(), tmp_path))

    assert getattr(caught.value, "code", "") == ("BEN-WCH-001" if obeys else "BEN-WCH-006")
    assert (controls[cv2.CAP_PROP_AUTO_EXPOSURE], controls[cv2.CAP_PROP_AUTOFOCUS]) == (
        (1.0, 0.0) if obeys else (3.0, 1.0)
    )

"""The watch camera's driver, through OpenCV and RTSP, against the simulated camera."""

import itertools
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from pytest_conformance.analysis.imaging import face_visible, first_visible, lamp_colour
from pytest_conformance.clock import DrivenClock, RealClock
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.roles import Watch
from pytest_conformance.drivers.watch import OpencvWatch
from pytest_conformance.errors import InstrumentError, LinkError
from pytest_conformance.simulation.scene import add_scene
from pytest_conformance.simulation.scene.watch import WatchFarEnd
from pytest_conformance.simulation.world import Options, World

Open = Callable[..., OpencvWatch]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(Options("nothing", folder=tmp_path))
    add_scene(made)
    yield made
    made.stop()


@pytest.fixture
def far_end(world: World) -> WatchFarEnd:
    found = world.far_end("watch")
    assert isinstance(found, WatchFarEnd)
    return found


@pytest.fixture
def open_watch(far_end: WatchFarEnd, tmp_path: Path) -> Iterator[Open]:
    entry = far_end.start()
    opened: list[OpencvWatch] = []

    def make(**more: str) -> OpencvWatch:
        settings = OpencvWatch.Settings.model_validate({**entry, **more})
        opened.append(OpencvWatch.open(settings, DriverContext("watch", RealClock(), tmp_path)))
        return opened[-1]

    yield make
    for each in opened:
        each.close()
        each.close()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_pictures_arrive_stamped_with_bench_time(open_watch: Open, transport: str) -> None:
    watch = open_watch(transport=transport)
    assert isinstance(watch, Watch)
    frame = watch.frame()
    assert frame.image.shape == (240, 400, 3)
    assert abs(time.monotonic_ns() - frame.at) < 300_000_000
    assert watch.period == pytest.approx(0.05, rel=0.5)
    assert watch.door == "rtsp"


def test_the_lamp_is_seen_in_its_colour(world: World, open_watch: Open) -> None:
    watch = open_watch()
    assert watch.lamp is not None
    for colour in ("green", "red", "off", "blue", "white"):
        world.lamp.set(colour)
        watch.frames(0.15)
        assert lamp_colour(watch.frame().image, watch.lamp) == colour


def test_the_first_picture_with_a_face_follows_the_change_of_the_scene(world: World, open_watch: Open) -> None:
    watch = open_watch()
    empty = watch.frame().image
    assert not face_visible(empty)
    begun = time.monotonic_ns()
    world.holder.set(1)
    changed = world.holder.history[-1][0]
    frames = [each for each in [*watch.frames(0.5)] if each.at >= begun]
    index = first_visible([each.image for each in frames], empty)
    assert index is not None
    assert -20_000_000 < frames[index].at - changed < 250_000_000


def test_frames_cover_the_time_that_was_asked_for(open_watch: Open) -> None:
    watch = open_watch()
    begun = time.monotonic_ns()
    frames = watch.frames(0.5)
    assert 3 <= len(frames) <= 12
    assert begun <= frames[0].at
    assert frames[-1].at <= begun + 520_000_000
    assert all(after.at > before.at for before, after in itertools.pairwise(frames))


def test_a_moment_between_two_pictures_gives_the_next_one(open_watch: Open) -> None:
    watch = open_watch()
    assert len(watch.frames(0.001)) == 1


def test_a_known_latency_is_taken_off(open_watch: Open) -> None:
    late = open_watch(latency="500 ms")
    assert 0.4 < (time.monotonic_ns() - late.frame().at) / 1e9 < 0.9


def test_stamps_follow_a_driven_clock(far_end: WatchFarEnd, tmp_path: Path) -> None:
    clock = DrivenClock(lambda seconds: None)
    settings = OpencvWatch.Settings(address=str(far_end.start()["address"]))
    watch = OpencvWatch.open(settings, DriverContext("watch", clock, tmp_path))
    try:
        clock.sleep(3600)
        assert abs(watch.frame().at - clock.now()) < 300_000_000
    finally:
        watch.close()


@pytest.mark.parametrize(("fault", "code"), [("black", "BEN-WCH-003"), ("frozen", "BEN-WCH-004")])
def test_a_covered_or_frozen_camera_is_an_instrument_error(
    far_end: WatchFarEnd, open_watch: Open, fault: str, code: str
) -> None:
    watch = open_watch(frozen_after="400 ms")
    far_end.fault = fault
    time.sleep(0.8)
    with pytest.raises(InstrumentError) as wrong:
        watch.frame()
    assert wrong.value.code == code


def test_a_dark_room_is_not_a_broken_camera(world: World, open_watch: Open) -> None:
    world.lux.set(0.0)
    watch = open_watch()
    assert watch.frame().image.max() < 255


def test_a_lost_camera_is_an_instrument_error(world: World, open_watch: Open) -> None:
    watch = open_watch(timeout="1 s")
    world.far_end("watch").kill()
    time.sleep(0.3)
    with pytest.raises(InstrumentError) as lost:
        watch.frame()
    assert lost.value.code == "BEN-WCH-002"
    with pytest.raises(InstrumentError):
        watch.identity()


def test_nobody_there_is_a_link_error_that_keeps_the_secret(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = OpencvWatch.Settings.model_validate(
        {"address": f"rtsp://user:hunter2@127.0.0.1:{port}/x", "timeout": "1 s"}
    )
    with pytest.raises(LinkError) as unreachable:
        OpencvWatch.open(settings, DriverContext("watch", RealClock(), tmp_path))
    assert unreachable.value.code == "BEN-WCH-001"
    assert "hunter2" not in str(unreachable.value)


def test_memory_is_bounded(open_watch: Open) -> None:
    watch = open_watch()
    watch._frames.extend([watch.frame()] * 1000)
    assert len(watch._frames) == 400
    assert np.array_equal(watch._frames[0].image, watch._frames[1].image)

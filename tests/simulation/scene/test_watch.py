import cv2
import numpy as np
import pytest

from pytest_conformance.simulation.scene.watch import COLOURS, FRONT, LAMP, WatchFarEnd
from pytest_conformance.simulation.world import World


@pytest.fixture
def watch(world: World) -> WatchFarEnd:
    far_end = world.far_end("watch")
    assert isinstance(far_end, WatchFarEnd)
    return far_end


def decode(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize("colour", list(COLOURS))
def test_the_lamp_shines_in_its_colour_at_the_known_spot(world: World, watch: WatchFarEnd, colour: str) -> None:
    world.lamp.set(colour)
    pixel = decode(watch.jpeg())[LAMP[1], LAMP[0]].astype(int)
    assert np.abs(pixel - COLOURS[colour]).max() < 25


def test_the_mirror_shows_what_the_turntable_brings(world: World, watch: WatchFarEnd) -> None:
    empty = decode(watch.jpeg())[:, FRONT:].astype(int)
    world.holder.set(1)
    assert np.abs(decode(watch.jpeg())[:, FRONT:] - empty).mean() > 8


def test_text_on_the_front_is_drawn_and_hostile_text_does_no_harm(watch: WatchFarEnd) -> None:
    plain = decode(watch.jpeg())
    watch.say("Unlocked\n\x1b[31m\udc80<script>")
    assert np.abs(decode(watch.jpeg())[:, :FRONT].astype(int) - plain[:, :FRONT]).max() > 80


def test_successive_pictures_differ_by_noise_unless_the_camera_is_frozen(watch: WatchFarEnd) -> None:
    assert watch.jpeg() != watch.jpeg()
    watch.fault = "frozen"
    assert watch.jpeg() == watch.jpeg()
    watch.fault = "black"
    assert decode(watch.jpeg()).max() == 0

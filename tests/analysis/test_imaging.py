"""Judged on pictures drawn here and on the simulated watch camera's."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pytest_conformance.analysis.imaging import face_box, face_visible, first_visible, lamp_colour
from pytest_conformance.simulation.scene import add_scene
from pytest_conformance.simulation.scene.bodies import portrait
from pytest_conformance.simulation.scene.stage import Shown
from pytest_conformance.simulation.scene.watch import WatchFarEnd
from pytest_conformance.simulation.world import Options, World

SPOT = (50, 40, 10)


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory):
    world = World(Options("nothing", folder=Path(tmp_path_factory.mktemp("world"))))
    add_scene(world)
    far_end = world.far_end("watch")
    assert isinstance(far_end, WatchFarEnd)

    def look(holder: int) -> np.ndarray:
        world.holder.set(holder)
        jpeg = np.frombuffer(far_end.jpeg(), np.uint8)
        return cv2.imdecode(jpeg, cv2.IMREAD_COLOR)

    world.scene.screen.set(Shown((portrait("S1") * 255).astype(np.uint8), 256.0))
    yield look
    world.stop()


@pytest.mark.parametrize(
    ("bgr", "name"),
    [
        ((0, 0, 0), "off"),
        ((90, 90, 90), "off"),
        ((250, 250, 250), "white"),
        ((200, 215, 225), "white"),
        ((60, 220, 60), "green"),
        ((40, 40, 230), "red"),
        ((230, 90, 40), "blue"),
        ((10, 15, 120), "red"),
    ],
)
def test_the_lamp_s_colour_is_read_from_its_spot(bgr: tuple[int, int, int], name: str) -> None:
    image = np.full((80, 100, 3), 60, np.uint8)
    cv2.circle(image, SPOT[:2], SPOT[2], bgr, -1)
    cv2.line(image, (40, 40), (60, 40), (255, 255, 255), 1)
    noisy = np.clip(image + np.random.default_rng(1).normal(0, 5, image.shape), 0, 255).astype(np.uint8)
    assert lamp_colour(noisy, SPOT) == name


@pytest.mark.parametrize("spot", [(0, 0, 10), (99, 40, 10), (50, 200, 5)])
def test_a_spot_outside_the_picture_is_an_error(spot: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="outside"):
        lamp_colour(np.zeros((80, 100, 3), np.uint8), spot)


@pytest.mark.parametrize("holder", [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12])
def test_every_subject_and_artefact_is_seen(watch, holder: int) -> None:
    reference = watch(0)
    image = watch(holder)
    assert face_visible(image, reference)
    assert face_visible(image)


def test_an_empty_place_shows_no_face(watch) -> None:
    assert not face_visible(watch(0))
    assert not face_visible(watch(24), watch(0))


def test_what_was_there_before_does_not_count(watch) -> None:
    image = watch(1)
    assert face_visible(image)
    assert not face_visible(image, image)


def test_skin_colour_without_eyes_is_no_face() -> None:
    image = np.full((240, 320, 3), 140, np.uint8)
    cv2.ellipse(image, (160, 120), (50, 70), 0, 0, 360, (120, 150, 200), -1)
    assert not face_visible(image)
    for x in (138, 182):
        cv2.circle(image, (x, 105), 7, (20, 20, 20), -1)
    assert face_visible(image)
    left, top, width, height = face_box(image) or (0, 0, 0, 0)
    assert (left, top, width, height) == pytest.approx((110, 50, 101, 141), abs=4)


def test_a_reference_of_another_size_is_an_error() -> None:
    with pytest.raises(ValueError, match="size"):
        face_visible(np.zeros((10, 10, 3), np.uint8), np.zeros((9, 10, 3), np.uint8))


def test_the_first_picture_with_a_face_is_found(watch) -> None:
    empty, face = watch(0), watch(2)
    assert first_visible([empty, empty, face, face], empty) == 2
    assert first_visible([empty, empty], empty) is None
    assert first_visible([], empty) is None

import time

import numpy as np
import pytest

from pytest_conformance.simulation.devices.faces import find_face
from pytest_conformance.simulation.scene import CameraModel
from pytest_conformance.simulation.scene.holders import HOLDERS
from pytest_conformance.simulation.scene.stage import Shown
from pytest_conformance.simulation.world import World

CAMERA = CameraModel()


def test_an_empty_place_holds_no_face(world: World) -> None:
    for holder in (0, 24):
        world.holder.set(holder)
        assert find_face(world.scene.render(CAMERA).visible) is None


@pytest.mark.parametrize("holder", [h for h, content in HOLDERS.items() if content.kind not in ("screen", "passer-by")])
def test_every_holder_brings_a_face(world: World, holder: int) -> None:
    world.holder.set(holder)
    assert find_face(world.scene.render(CAMERA).visible) is not None


def test_the_screen_shows_what_the_display_was_given(world: World) -> None:
    world.holder.set(6)
    dark = world.scene.render(CAMERA).visible
    world.scene.screen.set(Shown(np.full((100, 80, 3), (40, 90, 200), np.uint8), 200.0))
    bright = world.scene.render(CAMERA).visible
    assert dark[120, 120].max() < 20
    assert bright[120, 120, 2] > 150


def test_the_display_s_picture_matters_only_when_it_stands_there(world: World) -> None:
    world.holder.set(1)
    before = world.scene.state()
    world.scene.screen.set(Shown(np.full((100, 80, 3), 200, np.uint8), 200.0))
    assert world.scene.state() == before


def test_each_presentation_differs_a_little_and_the_same_seed_repeats_it(world: World) -> None:
    pictures = []
    for _ in range(2):
        world.holder.set(1)
        pictures.append(world.scene.clean(CAMERA).visible)
        world.holder.set(0)
    assert not np.array_equal(*pictures)
    again = World(world.options)
    from pytest_conformance.simulation.scene import add_scene

    add_scene(again)
    again.holder.set(1)
    assert np.array_equal(again.scene.clean(CAMERA).visible, pictures[0])
    again.stop()


def test_each_exposure_has_its_own_noise(world: World) -> None:
    world.holder.set(1)
    one, other = (world.scene.render(CAMERA).visible for _ in range(2))
    assert not np.array_equal(one, other)


def test_the_same_content_is_drawn_once(world: World) -> None:
    world.holder.set(1)
    assert world.scene.clean(CAMERA) is world.scene.clean(CAMERA)
    begun = time.process_time()
    for _ in range(20):
        world.scene.render(CAMERA)
    assert (time.process_time() - begun) / 20 < 0.03


def test_a_passer_by_is_seen_behind_the_place(world: World) -> None:
    world.scene.passer_by.set("S7")
    wide = CameraModel(320, 240, 40)
    views = world.scene.render(wide)
    face = find_face(views.visible)
    assert face is not None
    assert views.depth[face.top + face.height // 2, face.left + face.width // 2] > 1800

import time

import numpy as np
import pytest

from pytest_conformance.simulation.scene.bodies import Head, Print
from pytest_conformance.simulation.scene.renderer import WALL, CameraModel, Light, Placed, expose, render


@pytest.mark.parametrize("size", [(160, 160), (240, 240), (320, 240)])
def test_views_have_the_sensor_s_size_and_types(size: tuple[int, int]) -> None:
    camera = CameraModel(*size)
    views = expose(render([Placed(Head("S1"))], camera, Light()), camera, 1)
    assert views.visible.shape == (size[1], size[0], 3)
    assert views.depth.shape == views.ir.shape == (size[1], size[0])
    assert (views.visible.dtype, views.depth.dtype, views.ir.dtype) == (np.uint8, np.float32, np.uint8)


def test_a_head_has_depth_and_a_print_has_none() -> None:
    camera = CameraModel(depth_noise=0)
    head = render([Placed(Head("S1"), 480)], camera, Light()).depth
    sheet = render([Placed(Print("S1"), 480)], camera, Light()).depth
    assert 480 - 110 < head.min() < 480 - 60
    assert sheet[sheet < WALL].min() == sheet[sheet < WALL].max() == 480


def test_what_is_nearer_hides_what_is_behind() -> None:
    camera = CameraModel()
    both = render([Placed(Print("S2"), 900), Placed(Head("S1"), 480)], camera, Light())
    alone = render([Placed(Head("S1"), 480)], camera, Light())
    assert np.array_equal(both.visible[alone.depth < 480], alone.visible[alone.depth < 480])


def test_darkness_hides_the_face_from_visible_light_only() -> None:
    camera = CameraModel()
    dark = render([Placed(Head("S1"))], camera, Light(lux=0))
    assert dark.visible.max() == 0
    assert dark.infrared.max() > 0.2


def test_infrared_falls_with_the_square_of_the_distance() -> None:
    camera = CameraModel()
    near = render([Placed(Print("S1"), 400)], camera, Light()).infrared[10, 120]
    far = render([Placed(Print("S1"), 800)], camera, Light()).infrared[65, 120]
    assert near / far == pytest.approx(4, rel=0.02)


def test_a_face_is_rendered_within_60_ms() -> None:
    camera = CameraModel()
    render([Placed(Head("S1"))], camera, Light())
    times = []
    for _ in range(5):
        begun = time.process_time()
        expose(render([Placed(Head("S1"))], camera, Light()), camera, 1)
        times.append(time.process_time() - begun)
    assert min(times) < 0.06

import numpy as np
import pytest

from pytest_conformance.simulation.scene.bodies import CutMask, Head, Pose, Print, ResinMask, Screen, bilinear, portrait
from pytest_conformance.simulation.scene.people import person

GRID = np.meshgrid(np.arange(-60, 61, dtype=np.float32), np.arange(-80, 81, dtype=np.float32))


def test_bilinear_is_exact_on_the_grid_and_linear_between() -> None:
    table = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert bilinear(table, np.float32([1, 1.5]), np.float32([1, 0.5])) == pytest.approx([5, 3.5])


def test_a_turned_head_shows_its_nose_on_the_side_it_turns_to() -> None:
    straight = Head("S1").sample(*GRID).height
    turned = Head("S1", Pose(yaw=15)).sample(*GRID).height
    middle = straight[95:110].mean(0).argmax()
    assert turned[95:110].mean(0).argmax() > middle + 4


def test_a_tilted_print_stays_flat() -> None:
    x, y = GRID
    height = Print("S1", Pose(yaw=12, pitch=-7)).sample(x, y).height
    plane = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1)
    fit = plane @ np.linalg.lstsq(plane, height.ravel(), rcond=None)[0]
    assert np.abs(height.ravel() - fit).max() < 0.01
    assert np.ptp(height) > 10


def test_a_screen_emits_its_picture_and_is_dark_in_infrared() -> None:
    picture = np.zeros((100, 80, 3), np.uint8)
    picture[:, 40:] = 255
    layer = Screen(picture, 80.0).sample(*GRID)
    assert layer.glow is not None
    assert layer.glow[80, 90].min() > 0.8
    assert layer.glow[80, 30].max() < 0.05
    assert layer.infrared.max() < 0.1


def test_a_cut_mask_bends_around_one_axis_and_shows_living_eyes_through_its_holes() -> None:
    layer = CutMask("S1").sample(*GRID)
    column = layer.height[20:141, 60]
    assert np.ptp(column) < 0.5
    assert layer.height[80, 60] - layer.height[80, 5] > 15
    who = person("S1")
    hole = (round(80 + who.eye_height), round(60 + who.eye_gap))
    assert layer.height[hole] < layer.height[hole[0] + 15, hole[1]] - 3


def test_a_resin_mask_has_the_target_s_geometry_without_its_pores() -> None:
    living, resin = Head("S1").sample(*GRID), ResinMask("S1").sample(*GRID)
    assert np.array_equal(living.height, resin.height)
    assert resin.infrared.min() > 0.8
    cheek = np.s_[100:115, 88:102]

    def roughness(albedo: np.ndarray) -> float:
        patch = albedo[cheek][..., 2]
        return float(np.abs(np.diff(patch, axis=0)).mean() / patch.mean())

    assert roughness(resin.albedo) < 0.4 * roughness(living.albedo)


def test_portraits_differ_between_subjects() -> None:
    assert np.abs(portrait("S1") - portrait("S2")).mean() > 0.02

import numpy as np
import pytest

from pytest_conformance.simulation.scene.heads import REACH_X, REACH_Y, head_maps
from pytest_conformance.simulation.scene.people import person


@pytest.mark.parametrize("subject", ["S1", "S4"])
def test_nose_stands_out_and_eyes_lie_back(subject: str) -> None:
    maps, who = head_maps(subject), person(subject)
    nose = maps.height[round(REACH_Y + who.nose_tip - 4), REACH_X]
    eye = maps.height[round(REACH_Y + who.eye_height), round(REACH_X + who.eye_gap)]
    assert nose - eye > 15


def test_irises_are_dark_in_visible_and_infrared_light() -> None:
    maps, who = head_maps("S1"), person("S1")
    row, column = round(REACH_Y + who.eye_height), round(REACH_X + who.eye_gap)
    assert maps.albedo[row, column].max() < 0.2
    assert maps.infrared[row, column] < 0.25


def test_skin_reflects_infrared_alike_whatever_its_tone() -> None:
    levels, tones = [], []
    for subject in ("S1", "S2", "S3", "S5"):
        maps, who = head_maps(subject), person(subject)
        patch = np.s_[REACH_Y + 15 : REACH_Y + 30, REACH_X + 32 : REACH_X + 44]
        levels.append(float(np.median(maps.infrared[patch])))
        tones.append(who.skin[2])
    assert max(levels) - min(levels) < 0.05
    assert max(tones) - min(tones) > 0.05

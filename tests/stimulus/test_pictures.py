from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from pytest_conformance.drivers.roles import Frame
from pytest_conformance.errors import MethodError, UsageError
from pytest_conformance.resources import shipped
from pytest_conformance.simulation.scene.portraits import write_portrait
from pytest_conformance.stimulus.pictures import photograph, picture_from

PICTURES = shipped("fixtures") / "subjects" / "pictures"


@pytest.mark.parametrize("subject", ["S1", "S2", "S3", "S4"])
def test_the_shipped_portraits_are_the_simulated_subjects(subject: str, tmp_path: Path) -> None:
    drawn = picture_from(write_portrait(subject, tmp_path)).astype(int)
    kept = picture_from(PICTURES / f"{subject}.jpg").astype(int)
    assert np.abs(drawn - kept).mean() < 1.5


def test_a_picture_is_read_as_rgb(tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    cv2.imwrite(str(path), np.full((10, 12, 3), (0, 0, 255), np.uint8))
    picture = picture_from(path)
    assert picture.shape == (10, 12, 3)
    assert picture[0, 0].tolist() == [255, 0, 0]


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    for name in ("missing.png", "text.png", "."):
        with pytest.raises(UsageError) as refused:
            picture_from(tmp_path / name)
        assert refused.value.code == "USE-PIC-001"


def test_a_photograph_is_the_face_with_a_margin() -> None:
    portrait = picture_from(PICTURES / "S1.jpg")[..., ::-1]
    scene = np.full((480, 640, 3), 150, np.uint8)
    empty = scene.copy()
    scene[80:400, 200:456] = portrait
    picture = photograph(SimpleNamespace(frame=lambda: Frame(scene, 0)), empty)
    assert 180 < picture.shape[0] < 340
    assert picture.shape[1] < 300
    assert np.median(picture[..., 0]) > np.median(picture[..., 2])


def test_nobody_to_photograph_is_a_method_error() -> None:
    empty = np.full((480, 640, 3), 150, np.uint8)
    with pytest.raises(MethodError) as nobody:
        photograph(SimpleNamespace(frame=lambda: Frame(empty, 0)), empty)
    assert nobody.value.code == "MET-PIC-001"

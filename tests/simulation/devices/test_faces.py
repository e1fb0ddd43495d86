"""Detection and recognition over all subjects, under the variations of light, pose, distance and sensor."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from pytest_conformance.simulation.devices.faces import LENGTH, MATCH, find_face, similarity, template
from pytest_conformance.simulation.devices.training import train
from pytest_conformance.simulation.scene.bodies import Head, Pose
from pytest_conformance.simulation.scene.heads import REACH_X
from pytest_conformance.simulation.scene.people import person
from pytest_conformance.simulation.scene.renderer import Body, CameraModel, Light, Placed, Views, expose, render

SUBJECTS = [f"S{number}" for number in range(1, 9)]
TRIALS = 12


def view(body: Callable[[Pose], Body], seed: int, camera: CameraModel) -> Views:
    """Take one presentation with its own pose, place and light (30 to 1000 lux)."""
    rng = np.random.default_rng(seed)
    pose = Pose(*(float(value) for value in rng.uniform(-1, 1, 3) * (8, 5, 4)))
    light = Light(float(rng.choice([30, 300, 1000])), (float(rng.uniform(-0.5, 0.5)), -0.35, 0.85))
    placed = Placed(body(pose), *(float(v) for v in rng.uniform((430, -12, -10), (540, 12, 10))))
    return expose(render([placed], camera, light), camera, seed)


@cache
def templates(subject: str, size: tuple[int, int]) -> list[np.ndarray | None]:
    found = []
    for trial in range(TRIALS):
        seen = view(lambda pose: Head(subject, pose), 100 * int(subject[1]) + trial, CameraModel(*size)).visible
        face = find_face(seen)
        found.append(template(seen, face) if face is not None else None)
    return found


@pytest.mark.parametrize("size", [(160, 160), (240, 240), (320, 240)])
def test_genuine_faces_match_and_impostors_never_do(size: tuple[int, int]) -> None:
    genuine, impostors = [], []
    for one in SUBJECTS:
        enrolled = templates(one, size)[0]
        assert enrolled is not None
        genuine += [t is not None and similarity(enrolled, t) > MATCH for t in templates(one, size)[1:]]
        impostors += [
            similarity(enrolled, t)
            for other in SUBJECTS
            if other != one
            for t in templates(other, size)
            if t is not None
        ]
    assert sum(genuine) / len(genuine) >= 0.95
    assert len(impostors) > 600
    assert max(impostors) < MATCH


def test_strangers_do_not_match_either() -> None:
    enrolled = [templates(subject, (240, 240))[0] for subject in SUBJECTS]
    for number in range(20):
        seen = view(lambda pose, who=f"X{number}": Head(who, pose), number, CameraModel()).visible
        face = find_face(seen)
        assert face is not None
        assert max(similarity(e, template(seen, face)) for e in enrolled if e is not None) < MATCH


def test_a_template_is_a_unit_vector_of_128_single_floats() -> None:
    made = templates("S1", (240, 240))[0]
    assert made is not None
    assert (made.dtype, made.shape) == (np.float32, (LENGTH,))
    assert np.linalg.norm(made) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("subject", ["S1", "S4"])
def test_eyes_are_found_where_they_are(subject: str) -> None:
    camera = CameraModel()
    face = find_face(expose(render([Placed(Head(subject), 480)], camera, Light()), camera, 0).visible)
    assert face is not None
    who, per_mm = person(subject), camera.focal / 480
    assert face.gap == pytest.approx(2 * who.eye_gap * per_mm, rel=0.04)
    middle = (face.eyes[0][0] + face.eyes[1][0]) / 2
    assert middle == pytest.approx(camera.width / 2, abs=2)
    assert abs(face.width / per_mm - 2 * who.half_width) < 0.25 * REACH_X


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((240, 240, 3), np.uint8),
        np.full((240, 240, 3), 255, np.uint8),
        np.full((240, 240, 3), (110, 140, 190), np.uint8),
        np.random.default_rng(1).integers(0, 255, (240, 240, 3), np.uint8),
    ],
)
def test_no_face_is_found_in_darkness_light_bare_skin_colour_and_noise(picture: np.ndarray) -> None:
    assert find_face(picture) is None


def test_the_shipped_model_is_what_training_gives() -> None:
    from pytest_conformance.simulation.devices.faces import MODEL

    mean, projection = train()
    with np.load(MODEL, allow_pickle=False) as shipped:
        assert np.allclose(shipped["mean"], mean, atol=0.02)
        strongest = np.abs((shipped["projection"].astype(np.float32) * projection).sum(0))[:16]
        norms = (
            np.linalg.norm(shipped["projection"].astype(np.float32), axis=0)[:16]
            * np.linalg.norm(projection, axis=0)[:16]
        )
    assert (strongest / norms).min() > 0.9

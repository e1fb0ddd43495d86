"""Every attack species is rejected by the full set of cues and accepted when the cues that betray it are left out."""

from collections.abc import Callable

import numpy as np
import pytest

from pytest_conformance.simulation.devices.faces import MATCH, find_face, similarity, template
from pytest_conformance.simulation.devices.liveness import CUES, DEFEATS, is_alive, judge
from pytest_conformance.simulation.scene.bodies import CutMask, Head, Pose, Print, ResinMask, Screen, portrait
from pytest_conformance.simulation.scene.renderer import Body, CameraModel, Light, Placed, Views, expose, render

PICTURE = (portrait("S1") * 255).astype(np.uint8)
SPECIES: dict[str, Callable[[Pose], Body]] = {
    "print": lambda pose: Print("S1", pose),
    "screen-replay": lambda pose: Screen(PICTURE, 256.0, pose),
    "cut-mask": lambda pose: CutMask("S1", pose=pose),
    "mask-3d": lambda pose: ResinMask("S1", pose),
}
TRIALS = 12


def view(body: Callable[[Pose], Body], seed: int, camera: CameraModel | None = None) -> Views:
    rng = np.random.default_rng(seed)
    pose = Pose(*(float(value) for value in rng.uniform(-1, 1, 3) * (8, 5, 4)))
    light = Light(float(rng.choice([30, 300, 1000])), (float(rng.uniform(-0.5, 0.5)), -0.35, 0.85))
    placed = Placed(body(pose), *(float(v) for v in rng.uniform((440, -12, -10), (520, 12, 10))))
    camera = camera or CameraModel()
    return expose(render([placed], camera, light), camera, seed)


def alive(views: Views, without: frozenset[str] = frozenset()) -> bool:
    face = find_face(views.visible)
    return face is not None and is_alive(views, face, without)


@pytest.mark.parametrize("size", [(160, 160), (320, 240)])
def test_living_people_are_taken_for_alive(size: tuple[int, int]) -> None:
    camera = CameraModel(*size)
    judged = [
        alive(view(lambda pose, who=f"S{number}": Head(who, pose), 10 * number + trial, camera))
        for number in range(1, 9)
        for trial in range(6)
    ]
    assert sum(judged) / len(judged) >= 0.95


@pytest.mark.parametrize("species", SPECIES)
def test_every_presentation_of_an_attack_is_rejected_by_all_cues_together(species: str) -> None:
    assert not any(alive(view(SPECIES[species], 3000 + trial)) for trial in range(TRIALS))


@pytest.mark.parametrize("species", SPECIES)
def test_an_attack_passes_as_the_target_when_its_cues_are_left_out(species: str) -> None:
    reference = view(lambda pose: Head("S1", pose), 1)
    enrolled_face = find_face(reference.visible)
    assert enrolled_face is not None
    enrolled = template(reference.visible, enrolled_face)
    passed = []
    for trial in range(TRIALS):
        views = view(SPECIES[species], 3000 + trial)
        face = find_face(views.visible)
        matched = face is not None and similarity(enrolled, template(views.visible, face)) > MATCH
        passed.append(matched and alive(views, DEFEATS[species]))
    assert sum(passed) / len(passed) >= 0.9


@pytest.mark.parametrize(
    ("species", "cue"), [(species, cue) for species, cues in DEFEATS.items() for cue in sorted(cues)]
)
def test_each_cue_that_is_said_to_betray_a_species_does(species: str, cue: str) -> None:
    everything_else = frozenset(CUES) - {cue}
    rejected = [not alive(view(SPECIES[species], 4000 + trial), everything_else) for trial in range(TRIALS)]
    assert sum(rejected) >= TRIALS - 1


def test_a_turned_print_is_still_flat() -> None:
    views = view(lambda _: Print("S1", Pose(yaw=14, pitch=6)), 5)
    face = find_face(views.visible)
    assert face is not None
    assert not {cue.name: cue.alive for cue in judge(views, face)}["depth"]


def test_an_unknown_cue_is_an_error() -> None:
    views = view(lambda pose: Head("S1", pose), 1)
    face = find_face(views.visible)
    assert face is not None
    with pytest.raises(LookupError, match="relief"):
        is_alive(views, face, {"smell"})

"""What a person is asked to hold, and what comes of their answer."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_conformance.clock import RealClock
from pytest_conformance.errors import OperatorError
from pytest_conformance.stimulus.carriers import ByHand, NotPresentedError, instruction
from pytest_conformance.stimulus.presenter import Presenter, Showable
from pytest_conformance.stimulus.register import Scene

MASK = Showable(
    "A-7", 31, "mask-3d", "S2", scene=Scene.model_validate({"distance": "450 mm", "yaw": "15 deg", "pitch": "-5 deg"})
)
ENTRIES = {"S1": Showable("S1", 1), "A-7": MASK}


class Person:
    def __init__(self, *answers: bool | None) -> None:
        self.answers = list(answers)
        self.heard: list[str] = []

    def ask(self, text: str) -> bool:
        self.heard.append(text)
        answer = self.answers.pop(0)
        if answer is None:
            raise OperatorError("OPR-ASK-001", "nobody answered")
        return answer

    def tell(self, text: str) -> None:
        self.heard.append(text)


def test_a_person_is_told_what_of_whom_from_which_place_how_far_and_how_turned() -> None:
    assert instruction(MASK) == (
        "Hold mask-3d A-7 (of S2), place 31, before the device at 450 mm with yaw 15°, pitch -5°."
    )
    assert instruction(Showable("S1", 1)) == "Hold subject S1, place 1, before the device."
    far = Showable("S1", 1, scene=Scene.model_validate({"distance": "60 cm"}))
    assert instruction(far) == "Hold subject S1, place 1, before the device at 600 mm facing it."


def test_what_they_hold_is_shown_then_taken_away() -> None:
    person = Person(True)
    presenter = Presenter(ByHand(person), None, RealClock(), ENTRIES)
    done = presenter.present("S1", seconds=0.05)
    assert person.heard == [instruction(ENTRIES["S1"]), "Take S1 away."]
    assert done.ended - done.shown >= 50_000_000


@pytest.mark.parametrize(("answer", "code"), [(False, "OPR-STI-001"), (None, "OPR-STI-002")])
def test_what_is_skipped_or_not_answered_was_not_presented(answer: Any, code: str) -> None:
    person = Person(answer)
    presenter = Presenter(ByHand(person), None, RealClock(), ENTRIES)
    with pytest.raises(NotPresentedError) as caught, presenter.showing("A-7"):
        pytest.fail("nothing stands there")
    assert (caught.value.code, caught.value.cause) == (code, "operator")
    assert len(person.heard) == 1, "nothing is held that could be taken away"

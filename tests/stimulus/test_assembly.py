"""From registers and a bench to a presenter: what can be shown, as the registers say it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.clock import RealClock
from pytest_conformance.errors import ConformanceError, MethodError
from pytest_conformance.resources import shipped
from pytest_conformance.stimulus.assembly import load_registers, make_presenter
from pytest_conformance.stimulus.register import Artefacts, Subjects
from pytest_conformance.yamlfile import parse

PICTURES = Path(str(shipped("fixtures") / "subjects" / "pictures"))


class Bench:
    """A bench with the roles that are named; each writes down what it is asked."""

    def __init__(self, *roles: str) -> None:
        self.clock = RealClock()
        self.roles = roles
        self.did: list[Any] = []

    def has(self, role: str) -> bool:
        return role in self.roles

    def role(self, name: str) -> Any:
        assert name in self.roles
        return self

    def goto(self, holder: int) -> None:
        self.did.append(holder)

    def show(self, picture: Any, width: float) -> int:
        self.did.append(("show", width))
        return 1

    def blank(self) -> None: ...

    def lux(self) -> float:
        return 300.0


def registers() -> tuple[Subjects, Artefacts]:
    return load_registers("mock", Path.cwd())


def test_everybody_and_everything_with_a_holder_can_be_shown() -> None:
    subjects, artefacts = registers()
    bench = Bench("mover", "display", "lux")
    presenter = make_presenter(bench, subjects, artefacts, PICTURES)
    for each in (*subjects.subjects, *artefacts.artefacts):
        shown = presenter.present(each.id, seconds=0.001)
        assert shown.holder == each.holder
        assert shown.lux == 300.0


def test_a_replay_is_shown_with_its_own_picture_and_width() -> None:
    subjects, artefacts = registers()
    (replay,) = [each for each in artefacts.artefacts if each.species == "screen-replay"]
    bench = Bench("mover", "display")
    make_presenter(bench, subjects, artefacts, PICTURES).present(replay.id, seconds=0.001)
    assert ("show", replay.width) in bench.did
    assert replay.width == 256.0


def test_a_replay_without_a_display_is_a_fault_of_the_method() -> None:
    presenter = make_presenter(Bench("mover"), *registers(), PICTURES)
    with pytest.raises(MethodError):
        presenter.present("A-replay-1", seconds=0.001)


def test_whose_consent_ended_is_refused_with_that_reason() -> None:
    text = """\
schema: conformance-subjects/1
name: old
subjects:
  - {id: S1, group: adult, consent_until: 2020-01-01, holder: 1}
"""
    subjects = parse("s.yaml", text.encode()).validate(Subjects)
    artefacts = parse("a.yaml", b"schema: conformance-artefacts/1\nname: old\nartefacts: []\n").validate(Artefacts)
    bench = Bench("mover")
    with pytest.raises(ConformanceError, match="consent"):
        make_presenter(bench, subjects, artefacts, PICTURES).present("S1", seconds=0.001)
    assert bench.did == [], "nobody was brought"


def test_an_unknown_register_is_said_to_be_unknown(tmp_path: Path) -> None:
    with pytest.raises(ConformanceError, match="nobody"):
        load_registers("nobody", tmp_path)

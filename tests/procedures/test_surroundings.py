"""Conditions come from the instruments that there are, else from the registers; clocks that step are noticed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pytest_conformance.procedures.surroundings import ClockSteps, Surroundings
from pytest_conformance.stimulus.design import Showing
from pytest_conformance.stimulus.register import Artefacts, Subjects
from pytest_conformance.yamlfile import parse

SUBJECTS = b"""\
schema: conformance-subjects/1
name: small
subjects:
  - {id: S1, group: adult, consent_until: 2026-06-01, holder: 1, scene: {distance: 480 mm, yaw: 5 deg}}
"""
ARTEFACTS = b"""\
schema: conformance-artefacts/1
name: small
artefacts:
  - {id: P1, species: print, target: S1, holder: 5, recipe: paper, made: 2026-01-01, scene: {distance: 45 cm}}
"""


class Bench:
    """A bench with the instruments that it is given."""

    def __init__(self, **roles: Any) -> None:
        self.roles = roles

    def has(self, role: str) -> bool:
        return role in self.roles

    def role(self, name: str) -> Any:
        return self.roles[name]


def surroundings(**roles: Any) -> Surroundings:
    bench: Any = Bench(**roles)
    registers = parse("s.yaml", SUBJECTS).validate(Subjects), parse("a.yaml", ARTEFACTS).validate(Artefacts)
    return Surroundings(bench, *registers)


def test_what_no_instrument_reads_is_as_the_registers_declare() -> None:
    person = surroundings().read(Showing("S1", "S1"), 300.0)
    assert (person.lux, person.distance, person.yaw, person.temperature) == (300.0, 480.0, 5.0, None)
    assert person.measured == ("lux",)
    artefact = surroundings().read(Showing("P1", "S1", "P1", "", "print"), None)
    assert (artefact.lux, artefact.distance, artefact.measured) == (None, 450.0, ())


def test_an_instrument_counts_more_than_the_register() -> None:
    there = surroundings(
        thermometer=SimpleNamespace(celsius=lambda: 21.5), rangefinder=SimpleNamespace(millimetres=lambda: 473)
    )
    found = there.read(Showing("S1", "S1"), None)
    assert (found.temperature, found.distance, found.measured) == (21.5, 473.0, ("temperature", "distance"))


class Hands:
    """Three clocks that are set by hand."""

    def __init__(self) -> None:
        self.wall, self.awake, self.boot = 1e9, 100.0, 100.0
        self.steps = ClockSteps(lambda: self.wall, lambda: self.awake, lambda: self.boot)


def test_clocks_that_go_alike_do_not_step() -> None:
    hands = Hands()
    hands.steps.mark()
    hands.wall, hands.awake, hands.boot = hands.wall + 60, 160.0, 160.01
    assert hands.steps.stepped() == ""


def test_a_wall_clock_that_is_set_is_noticed_until_the_next_mark() -> None:
    hands = Hands()
    hands.steps.mark()
    hands.wall -= 3600
    assert "wall clock stepped by -3600.000 s" in hands.steps.stepped()
    hands.steps.mark()
    assert hands.steps.stepped() == ""


def test_a_host_that_slept_is_noticed() -> None:
    hands = Hands()
    hands.steps.mark()
    hands.boot += 30
    assert "suspended" in hands.steps.stepped()


def test_the_clocks_of_this_host_go_alike() -> None:
    steps = ClockSteps()
    steps.mark()
    assert steps.stepped() == ""

"""What a campaign shows: cells by plan and register, refusals, and blocks whose order follows from the seed."""

from __future__ import annotations

import datetime
import itertools
from collections import Counter

import pytest

from pytest_conformance.errors import MethodError
from pytest_conformance.stimulus.design import GENUINE, IMPOSTOR, Design, Showing, design, require_use
from pytest_conformance.stimulus.planfile import PlanFile
from pytest_conformance.stimulus.register import Artefacts, Subjects
from pytest_conformance.yamlfile import parse

TODAY = datetime.date(2026, 6, 1)
SAMPLES = {"presentations": 4, "spoofs": 5, "latency": 6, "passers_by": 7}
SUBJECTS = """\
schema: conformance-subjects/1
name: small
subjects:
  - {id: S1, group: adult, consent_until: 2026-06-01, holder: 1}
  - {id: S2, group: adult, consent_until: 2026-06-01, holder: 2}
  - {id: S3, group: adult, consent_until: 2026-05-31, holder: 3}
"""
ARTEFACTS = """\
schema: conformance-artefacts/1
name: small
artefacts:
  - {id: P1, species: print, target: S1, holder: 5, recipe: paper, made: 2026-01-01, series: B1}
  - {id: P2, species: print, target: S1, holder: 6, recipe: paper, made: 2026-01-01}
  - {id: G1, species: print, variety: print-glossy, target: S1, holder: 7, recipe: gloss, made: 2026-01-01}
  - {id: M1, species: mask-3d, target: S1, holder: 8, recipe: resin, made: 2026-01-01, uses: 3, use_limit: 20}
  - {id: M2, species: mask-3d, target: S1, recipe: resin, made: 2026-01-01}
"""
PLAN = """\
schema: conformance-plan/1
name: small
version: "1"
title: a small plan
kind: attack
cells: species
rules:
  attack: {kind: fixed, n: 10}
bona_fide_every: 4
limits:
  - {name: IAPAR, value: 7 %, text_status: seen, source: a document}
source: a document
text_status: seen
"""


def registers(subjects: str = SUBJECTS, artefacts: str = ARTEFACTS) -> tuple[Subjects, Artefacts]:
    return (
        parse("s.yaml", subjects.encode()).validate(Subjects),
        parse("a.yaml", artefacts.encode()).validate(Artefacts),
    )


def made(*replaced: tuple[str, str], enrolled: tuple[str, ...] = ("S1",), artefacts: str = ARTEFACTS) -> Design:
    written = PLAN
    for old, new in replaced:
        assert old in written
        written = written.replace(old, new, 1)
    file = parse("p.yaml", written.encode()).validate(PlanFile)
    return design(file, SAMPLES, *registers(artefacts=artefacts), enrolled, TODAY)


def code(*replaced: tuple[str, str], enrolled: tuple[str, ...] = ("S1",), artefacts: str = ARTEFACTS) -> str:
    with pytest.raises(MethodError) as caught:
        made(*replaced, enrolled=enrolled, artefacts=artefacts)
    return caught.value.code


def test_each_species_is_a_cell_and_its_mounted_artefacts_take_turns() -> None:
    found = made()
    assert set(found.plan.cells) == {("print",), ("print-glossy",), ("mask-3d",)}
    assert [found.showing(("print",), number).id for number in range(3)] == ["P1", "P2", "P1"]
    assert found.shows["print",][0] == Showing("P1", "S1", "P1", "B1", "print")
    assert found.plan.most == 30


def test_each_artefact_of_a_person_can_be_a_cell() -> None:
    assert set(made(("cells: species", "cells: species-person-artefact")).plan.cells) == {
        ("print", "S1", "P1"),
        ("print", "S1", "P2"),
        ("print-glossy", "S1", "G1"),
        ("mask-3d", "S1", "M1"),
    }


def test_the_number_of_trials_is_bounded_with_the_void_and_the_genuine_ones() -> None:
    assert made().most == 30 + 8 + 8
    assert made(("bona_fide_every: 4\n", "")).most == 38


@pytest.mark.parametrize(
    "numbers", ["species: 2", "people: 2", "artefacts: 2", "{species: 3, people: 1, artefacts: 1}".strip("{}")]
)
def test_registers_that_cannot_fill_the_plan_are_refused(numbers: str) -> None:
    assert code(("cells: species\n", f"cells: species\nnumbers: {{{numbers}}}\n")) == "MET-PLN-001"


def test_J01_nobody_and_nothing_is_shown_without_consent_or_register() -> None:
    assert code(enrolled=("S9",)) == "MET-REG-001"
    assert code(enrolled=("S3",)) == "MET-STI-002"
    assert code(enrolled=("S2",)) == "MET-PLN-001"
    expired = ARTEFACTS.replace("target: S1, holder: 8", "target: S3, holder: 8")
    assert code(enrolled=("S1", "S3"), artefacts=expired) == "MET-STI-002"


def test_an_artefact_that_would_be_used_past_its_limit_is_refused_before_the_first_trial() -> None:
    made(("n: 10", "n: 17"))
    assert code(("n: 10", "n: 18")) == "MET-STI-003"


def test_an_artefact_is_counted_with_the_uses_before_this_run() -> None:
    mask = registers()[1].artefact("M1")
    require_use(mask, 16)
    with pytest.raises(MethodError) as caught:
        require_use(mask, 17)
    assert caught.value.code == "MET-STI-003"
    require_use(registers()[1].artefact("P1"), 10**6)


def test_a_block_shows_each_open_cell_once_in_an_order_that_the_seed_fixes() -> None:
    found = made()
    cells = set(found.plan.cells)
    orders = [[cell for cell, _ in found.block(number, 7, cells, {})] for number in range(1, 40)]
    for order in orders:
        assert Counter(cell for cell in order if cell != GENUINE) == Counter(cells)
    assert len({tuple(each) for each in orders}) > 3
    assert orders == [[cell for cell, _ in found.block(number, 7, cells, {})] for number in range(1, 40)]
    assert orders != [[cell for cell, _ in found.block(number, 8, cells, {})] for number in range(1, 40)]


def test_genuine_presentations_come_between_the_attacks_as_often_as_the_plan_says() -> None:
    found, presented, shown = made(), Counter[tuple[str, ...]](), []
    for number in range(1, 9):
        for cell, _ in found.block(number, 1, set(found.plan.cells), presented):
            presented[cell] += 1
            shown.append(cell == GENUINE)
    assert shown.count(True) == 6
    gaps = [index for index, genuine in enumerate(shown) if genuine]
    assert {after - before for before, after in itertools.pairwise(gaps)} == {5}


def test_strangers_are_who_is_not_enrolled_and_has_agreed() -> None:
    written = (
        ("kind: attack", "kind: verification"),
        ("attack: {kind: fixed, n: 10}", "genuine: {kind: fixed, n: 5}\n  impostor: {kind: fixed, n_from: passers_by}"),
    )
    found = made(*written)
    assert found.plan.cells[GENUINE].most == 5
    assert found.plan.cells[IMPOSTOR].most == 7
    assert [each.id for each in found.shows[IMPOSTOR]] == ["S2"]
    assert code(*written, enrolled=("S1", "S2")) == "MET-PLN-001"

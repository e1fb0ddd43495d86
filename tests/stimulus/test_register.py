from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from pytest_conformance.errors import MethodError, UsageError
from pytest_conformance.stimulus.register import (
    Artefacts,
    Subjects,
    check_registers,
    find_register,
    load_artefacts,
    load_subjects,
)
from pytest_conformance.yamlfile import FileError, parse

TODAY = datetime.date(2026, 6, 1)
SUBJECTS = """\
schema: conformance-subjects/1
name: small
subjects:
  - {id: S1, group: adult, consent_until: 2026-06-01, holder: 1}
  - {id: S2, group: adult, consent_until: 2026-05-31}
  - {id: S3, group: child, consent_until: 2027-01-01}
  - {id: S4, group: child, consent_until: 2027-01-01, guardian_consent: true, holder: 2}
"""
ARTEFACTS = """\
schema: conformance-artefacts/1
name: small
artefacts:
  - {id: A1, species: print, target: S1, holder: 3, recipe: paper, made: 2026-01-01, use_limit: 10}
  - {id: A2, species: print, target: S2, holder: 4, recipe: paper, made: 2026-01-01}
  - {id: A3, species: mask-3d, target: S1, recipe: resin, made: 2026-01-01}
"""


def subjects(old: str = "", new: str = "") -> Subjects:
    assert old in SUBJECTS
    return parse("s.yaml", SUBJECTS.replace(old, new, 1).encode()).validate(Subjects)


def artefacts(old: str = "", new: str = "") -> Artefacts:
    assert old in ARTEFACTS
    return parse("a.yaml", ARTEFACTS.replace(old, new, 1).encode()).validate(Artefacts)


def test_only_those_whose_consent_holds_are_shown() -> None:
    assert [each.id for each in subjects().presentable(TODAY)] == ["S1", "S4"]
    assert [each.id for each in subjects().presentable(TODAY, "child")] == ["S4"]
    assert [each.id for each in subjects().presentable(TODAY + datetime.timedelta(days=1))] == ["S4"]


def test_subjects_and_artefacts_are_found_by_name() -> None:
    assert subjects().subject("S3").group == "child"
    assert artefacts().artefact("A3").species == "mask-3d"
    assert {species: len(each) for species, each in artefacts().by_species().items()} == {"print": 2, "mask-3d": 1}


def test_who_is_not_registered_is_a_method_error() -> None:
    with pytest.raises(MethodError, match="MET-REG-001"):
        subjects().subject("S9")
    with pytest.raises(MethodError, match="MET-REG-002"):
        artefacts().artefact("A9")


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ("id: S2", "id: S1", "USE-REG-002", "id S1 is there already, at s.yaml:4:10"),
        ("holder: 2", "holder: 1", "USE-REG-002", "holder 1 is there already, at s.yaml:4:63"),
        ("group: adult", "group: adlut", "USE-FIL-016", "did you mean 'adult'?"),
        ("2026-06-01", "1. June", "USE-FIL-016", "a date is due"),
        ("holder: 1", "holder: 0", "USE-FIL-016", "greater than or equal to 1"),
        ("id: S1", "id: 001", "USE-FIL-014", "write it in quotes"),
        ("guardian_consent: true", "guardian_consent: yes", "USE-FIL-016", "true or false is due"),
    ],
)
def test_a_wrong_register_of_subjects_is_refused(old: str, new: str, code: str, says: str) -> None:
    with pytest.raises(FileError) as caught:
        subjects(old, new)
    assert caught.value.code == code
    assert says in caught.value.what


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ("id: A2", "id: A1", "USE-REG-002", "id A1 is there already"),
        ("holder: 4", "holder: 3", "USE-REG-002", "holder 3 is there already"),
        ("species: mask-3d", "species: mask3d", "USE-FIL-016", "did you mean 'mask-3d'?"),
        ("use_limit: 10", "use_limit: ten", "USE-FIL-016", "a whole number is due"),
        ("recipe: resin", "recipe: ''", "USE-FIL-016", "at least 1 character"),
    ],
)
def test_a_wrong_register_of_artefacts_is_refused(old: str, new: str, code: str, says: str) -> None:
    with pytest.raises(FileError) as caught:
        artefacts(old, new)
    assert caught.value.code == code
    assert says in caught.value.what


def test_the_registers_are_compared_with_both_places() -> None:
    check_registers(subjects(), artefacts())
    with pytest.raises(FileError) as caught:
        check_registers(subjects(), artefacts("target: S2, holder: 4", "target: S5, holder: 2"))
    first, second = caught.value.problems
    assert (first.code, second.code) == ("USE-REG-003", "USE-REG-002")
    assert "no subject 'S5' in s.yaml:4:3" in str(first)
    assert "holder 2 carries S4 in s.yaml:4:3" in str(second)


def test_the_shipped_registers_fit_each_other(tmp_path: Path) -> None:
    people = load_subjects(find_register("subjects", "mock", tmp_path))
    things = load_artefacts(find_register("artefacts", "mock", tmp_path))
    check_registers(people, things)
    assert {each.id for each in people.presentable(TODAY)} == {"S1", "S2", "S3", "S4"}
    assert set(things.by_species()) == {"print", "screen-replay", "cut-mask", "mask-3d"}


def test_an_unknown_register_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"USE-REG-001: .*did you mean 'mock'\?"):
        find_register("subjects", "moc", tmp_path)

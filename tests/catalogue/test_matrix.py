"""The matrix: every clause once, with its state, its judges and its holes."""

from __future__ import annotations

import json

import pytest

from pytest_conformance.catalogue import Catalogue, Matrix, MatrixRow, State, Value, matrix
from pytest_conformance.errors import UsageError

LOCK: dict[str, Value] = {
    "product": "lock",
    "collects_face": True,
    "cloud_face_consent": False,
    "face_legal_basis": "consent",
}


def row(found: Matrix, clause_id: str) -> MatrixRow:
    (only,) = (each for rows in found.rows.values() for each in rows if each.clause.id == clause_id)
    return only


def test_every_clause_stands_in_the_matrix_once(catalogue: Catalogue) -> None:
    found = matrix(catalogue, LOCK, {})
    assert [each.clause.id for rows in found.rows.values() for each in rows] == list(catalogue.clauses)
    assert sum(found.counts(document).clauses for document in found.rows) == found.counts().clauses == 637


def test_an_applicable_clause_without_a_test_is_a_hole_and_with_one_is_not(catalogue: Catalogue) -> None:
    found = matrix(catalogue, LOCK, {"CN-FRT-8.a": ["suites/a.py::test"]})
    assert row(found, "CN-FRT-8.b").hole == "no-test"
    assert row(found, "CN-FRT-8.a").hole == ""
    assert row(found, "CN-FRT-8.a").tests == ("suites/a.py::test",)


def test_what_does_not_apply_or_is_open_or_informative_is_no_hole(catalogue: Catalogue) -> None:
    found = matrix(catalogue, LOCK, {})
    assert (row(found, "CN-FRT-13.a").state, row(found, "CN-FRT-13.a").hole) == (State.NOT_APPLICABLE, "")
    assert (row(found, "CN-FRT-15.a").state, row(found, "CN-FRT-15.a").hole) == (State.UNKNOWN, "")
    assert (row(found, "CN-FRT-1").state, row(found, "CN-FRT-1").hole) == (State.INFORMATIVE, "")


def test_a_clause_that_follows_wholly_from_judged_ones_is_no_hole(catalogue: Catalogue) -> None:
    tests = {f"CN-FRT-14.{letter}": ["t"] for letter in "abcdef"}
    assert row(matrix(catalogue, LOCK, tests), "CN-FRT-4.c").hole == ""
    del tests["CN-FRT-14.f"]
    assert row(matrix(catalogue, LOCK, tests), "CN-FRT-4.c").hole == "source-untested"


def test_a_clause_of_which_only_a_part_follows_stays_a_hole(catalogue: Catalogue) -> None:
    features: dict[str, Value] = {"product": "lock", "collects_pi": True, "networked": True}
    assert row(matrix(catalogue, features, {"EN303645-5.4-1": ["t"]}), "EN18031-SSM-1").hole == "part-only"
    assert row(matrix(catalogue, features, {}), "EN18031-SSM-1").hole == "no-test"


def test_without_a_device_nothing_is_ruled_out(catalogue: Catalogue) -> None:
    found = matrix(catalogue, None, {})
    counts = found.counts()
    assert found.product == ""
    assert counts.holes == 637 - counts.informative
    assert counts.applicable == counts.not_applicable == 0


def test_counts_add_up(catalogue: Catalogue) -> None:
    found = matrix(catalogue, LOCK, {"CN-FRT-8.a": ["a"], "CN-FRT-13.a": ["does not apply"], "CN-PIPL-29": []})
    for document in found.rows:
        counts = found.counts(document)
        states = counts.applicable + counts.not_applicable + counts.undecided + counts.informative
        assert states == counts.clauses, document
    assert found.counts().tested == 1
    assert len(found.holes()) == found.counts().holes


def test_the_ics_reaches_the_matrix(catalogue: Catalogue) -> None:
    found = matrix(catalogue, LOCK, {}, {"EN303645-5.5-3": "no"})
    assert row(found, "EN303645-5.5-3").state is State.NOT_APPLICABLE


def test_a_test_for_an_unknown_clause_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError) as caught:
        matrix(catalogue, LOCK, {"CN-FRT-8.z": ["t"]})
    assert caught.value.code == "USE-CAT-001"


def test_the_matrix_is_json_with_all_that_a_reader_needs(catalogue: Catalogue) -> None:
    data = json.loads(json.dumps(matrix(catalogue, LOCK, {"CN-FRT-8.a": ["t"]}).to_json()))
    assert data["schema"] == "conformance-matrix/1"
    assert data["totals"]["clauses"] == 637
    (document,) = (each for each in data["documents"] if each["id"] == "CN-FRT")
    (clause,) = (each for each in document["clauses"] if each["id"] == "CN-FRT-8.a")
    assert clause["state"] == "applicable"
    assert clause["why"] == "collects_face is true"
    assert clause["tests"] == ["t"]
    assert clause["judged"] == "measured"
    assert clause["text_status"] == "verbatim"
    assert clause["hole"] is None

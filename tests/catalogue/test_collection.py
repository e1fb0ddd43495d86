"""Asking for a clause or document by id, and what is said when there is none."""

from __future__ import annotations

import pytest

from pytest_conformance.catalogue import Catalogue
from pytest_conformance.errors import UsageError


def test_an_unknown_clause_is_refused_with_the_nearest_ids(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError) as caught:
        catalogue.clause("CN-FRT-8.bb")
    assert caught.value.code == "USE-CAT-001"
    assert "CN-FRT-8.b" in caught.value.expected


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("cn-frt-8.b", "CN-FRT-8.b"),
        ("CN-FRT-8", "CN-FRT-8.a"),
        ("EN303645-5-5-1", "EN303645-5.5-1"),
        ("CNFRT8.b", "CN-FRT-8.b"),
        ("CRA", "CRA-I-1-1"),
    ],
)
def test_the_nearest_ids_hold_what_was_meant(catalogue: Catalogue, typed: str, meant: str) -> None:
    near = catalogue.nearest(typed)
    assert meant in near
    assert len(near) <= 5


def test_nothing_is_near_to_nonsense(catalogue: Catalogue) -> None:
    assert catalogue.nearest("") == []
    assert catalogue.nearest("@" * 5000) == []


def test_an_unknown_document_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError) as caught:
        catalogue.clauses_of("CN-FTR")
    assert caught.value.code == "USE-CAT-010"
    assert "CN-FRT" in caught.value.expected

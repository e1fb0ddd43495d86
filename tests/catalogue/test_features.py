"""The vocabulary: names, meanings, and checks of declared values."""

from __future__ import annotations

import pytest

from pytest_conformance.catalogue import PRODUCT_KINDS, check_features, load_features


def test_every_feature_has_a_meaning_in_both_languages_and_values_where_it_is_a_choice() -> None:
    for feature in load_features().values():
        assert feature.en
        assert any("\u4e00" <= character <= "\u9fff" for character in feature.zh), feature.name
        assert bool(feature.values) == (feature.type == "choice")
        assert bool(feature.unit) == (feature.type == "number")


def test_the_kinds_of_product_are_those_that_clauses_apply_to() -> None:
    assert load_features()["product"].values == PRODUCT_KINDS


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"camra": True}, "did you mean camera"),
        ({"camera": "yes"}, "true or false"),
        ({"camera": 1}, "true or false"),
        ({"product": "lok"}, "did you mean 'lock'"),
        ({"product": ["lock"]}, "takes one of"),
        ({"stored_faces_count": True}, "a number"),
        ({"stored_faces_count": float("nan")}, "a number"),
    ],
)
def test_a_wrong_declaration_is_explained(declared: dict[str, object], said: str) -> None:
    (line,) = check_features(declared)
    assert said in line


def test_a_right_declaration_has_no_problem() -> None:
    assert check_features({"product": "lock", "camera": False, "stored_faces_count": 100}) == []

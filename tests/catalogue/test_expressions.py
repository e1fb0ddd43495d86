"""Conditions: grammar, positions of errors, Kleene's three values, and that nothing but its own error escapes."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_conformance.catalogue import ExpressionError, evaluate, parse
from pytest_conformance.catalogue.expressions import DEEPEST, LONGEST, features_of

THREE = {"t": True, "f": False}
"""The feature `u` is left out: unknown."""


def value(text: str, **features: bool | int | float | str) -> bool | None:
    return evaluate(parse(text), features).value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("always", True),
        ("true", True),
        ("false", False),
        ("camera", True),
        ("not camera", False),
        ("camera == true and product == lock", True),
        ("camera == false or product in [wearable, lock]", True),
        ("product in [wearable]", False),
        ("product != lock", False),
        ("faces >= 100", True),
        ("faces > 100", False),
        ("faces <= 99.5", False),
        ("faces < 100.5", True),
        ("faces == 100", True),
        ("not (camera and product == camera)", True),
        ("product == lock or camera == false and faces == 1", True),
        ("(product == lock or camera == false) and faces == 1", False),
    ],
)
def test_an_expression_over_declared_features_is_true_or_false(text: str, expected: bool) -> None:
    assert value(text, camera=True, product="lock", faces=100) is expected


def kleene_and(left: bool | None, right: bool | None) -> bool | None:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def kleene_or(left: bool | None, right: bool | None) -> bool | None:
    negated = kleene_and(None if left is None else not left, None if right is None else not right)
    return None if negated is None else not negated


@pytest.mark.parametrize(("left", "right"), list(itertools.product("tfu", repeat=2)))
def test_and_and_or_follow_kleenes_tables(left: str, right: str) -> None:
    meaning = {"t": True, "f": False, "u": None}
    assert value(f"{left} and {right}", **THREE) is kleene_and(meaning[left], meaning[right])
    assert value(f"{left} or {right}", **THREE) is kleene_or(meaning[left], meaning[right])


def test_not_leaves_the_unknown_unknown() -> None:
    assert [value(f"not {name}", **THREE) for name in "tfu"] == [False, True, None]


def test_unknown_names_the_features_that_nobody_declared_and_only_those() -> None:
    truth = evaluate(parse("t and (first or second == lock) and first"), THREE)
    assert truth.value is None
    assert truth.missing == ("first", "second")


def test_a_decided_value_says_which_declared_feature_decided_it() -> None:
    assert evaluate(parse("t and f and unknown_one"), THREE).because == ("f is false",)
    assert evaluate(parse("f or t"), THREE).because == ("t is true",)


def test_a_bool_is_not_a_number_nor_a_word() -> None:
    assert value("a == 1", a=True) is False
    assert value("a == true", a=1) is False
    assert value("a == true", a="true") is False


def test_order_is_asked_of_numbers_only() -> None:
    with pytest.raises(ExpressionError, match="has no order"):
        value("product > 3", product="lock")
    with pytest.raises(ExpressionError, match="has no order"):
        value("faces > 3", faces=True)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("camera ==", 9),
        ("camera == true and", 18),
        ("camera & microphone", 7),
        ("(camera", 7),
        ("camera)", 6),
        ("product in lock", 11),
        ("product in []", 12),
        ("product in [lock", 16),
        ("camera = true", 7),
        ("== true", 0),
        ("1 == camera", 0),
        ("processing rests on consent", 11),
        ("camera.__class__", 6),
        ("f()", 1),
        ("faces > 1e400", 8),
    ],
)
def test_a_bad_expression_is_refused_with_its_position(text: str, position: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert caught.value.code == "USE-CAT-008"
    assert caught.value.position == position


def test_length_and_depth_are_bounded() -> None:
    with pytest.raises(ExpressionError, match="characters"):
        parse("a or " * LONGEST + "a")
    with pytest.raises(ExpressionError, match="levels"):
        parse("(" * (DEEPEST + 1) + "a" + ")" * (DEEPEST + 1))
    with pytest.raises(ExpressionError, match="levels"):
        parse("not " * 400 + "a")
    assert value("(" * (DEEPEST - 1) + "a" + ")" * (DEEPEST - 1), a=True) is True


def test_features_of_an_expression_are_its_left_sides() -> None:
    assert features_of(parse("a and not (b in [c, d] or e > 3)")) == {"a", "b", "e"}


words = st.sampled_from(
    [
        "a",
        "b",
        "and",
        "or",
        "not",
        "in",
        "(",
        ")",
        "[",
        "]",
        ",",
        "==",
        "!=",
        "<",
        ">=",
        "true",
        "always",
        "3",
        "-1.5",
        "é",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=80), st.lists(words, max_size=25).map(" ".join)))
def test_no_text_makes_it_raise_anything_but_its_own_error(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        expression = parse(text)
        evaluate(expression, {})
        evaluate(expression, {"a": True, "b": "word"})


literals = st.sampled_from(["t", "f", "u", "v", "t == false", "u == true"])
trees = st.recursive(
    literals,
    lambda inner: st.one_of(
        inner.map(lambda each: f"not ({each})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) and ({pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) or ({pair[1]})"),
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(trees)
def test_what_is_decided_stays_so_whatever_the_unknown_turns_out_to_be(text: str) -> None:
    known = value(text, **THREE)
    if known is not None:
        for u, v in itertools.product((True, False), repeat=2):
            assert value(text, **THREE, u=u, v=v) is known

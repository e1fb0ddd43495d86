"""Applicability: kind, condition, ICS, prose; every answer with its reason."""

from __future__ import annotations

import pytest

from pytest_conformance.catalogue import Catalogue, State, Support, Value

LOCK: dict[str, Value] = {"product": "lock", "collects_face": True, "cloud_face_consent": False}


def state(catalogue: Catalogue, clause_id: str, features: dict[str, Value], **ics: Support) -> State:
    answers = dict.fromkeys([clause_id] if ics else [], next(iter(ics.values()), Support.YES))
    return catalogue.applicability(clause_id, features, answers).state


def test_a_clause_for_other_kinds_does_not_apply_and_says_for_which_it_is(catalogue: Catalogue) -> None:
    found = catalogue.applicability("CN-LOCK-GA-LOCK", {"product": "camera"})
    assert found.state is State.NOT_APPLICABLE
    assert found.why == "applies to lock, not to a camera"


def test_a_condition_that_does_not_hold_rules_the_clause_out_with_the_declared_fact(catalogue: Catalogue) -> None:
    found = catalogue.applicability("CN-FRT-8.b", {**LOCK, "cloud_face_consent": True})
    assert found.state is State.NOT_APPLICABLE
    assert found.why == "cloud_face_consent is true"
    assert not found.applies


def test_a_condition_that_holds_makes_it_apply(catalogue: Catalogue) -> None:
    found = catalogue.applicability("CN-FRT-8.b", LOCK)
    assert found.state is State.APPLICABLE
    assert found.applies
    assert found.counts


def test_an_undeclared_feature_leaves_it_open_and_is_named(catalogue: Catalogue) -> None:
    found = catalogue.applicability("CN-FRT-8.b", {"product": "lock"})
    assert found.state is State.UNKNOWN
    assert found.why == "not declared: collects_face, cloud_face_consent"
    assert found.applies
    assert not found.counts


def test_an_undeclared_product_leaves_open_what_is_not_for_all_kinds(catalogue: Catalogue) -> None:
    assert catalogue.applicability("CN-FRT-8.b", {"collects_face": False}).state is State.NOT_APPLICABLE
    found = catalogue.applicability("GDPR-5-1b", {})
    assert (found.state, found.why) == (State.UNKNOWN, "not declared: product")
    assert catalogue.applicability("EN303645-5.2-1", {}).state is State.APPLICABLE


def test_an_unconditional_clause_always_applies(catalogue: Catalogue) -> None:
    assert catalogue.applicability("EN303645-5.2-1", {"product": "lock"}).why == "always"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, State.PROSE),
        (Support.YES, State.APPLICABLE),
        (Support.NO, State.APPLICABLE),
        (Support.NOT_APPLICABLE, State.NOT_APPLICABLE),
    ],
)
def test_a_condition_in_prose_is_settled_by_the_ics_alone(
    catalogue: Catalogue, answer: Support | None, expected: State
) -> None:
    features: dict[str, Value] = {"product": "terminal", "networked": True, "payment": True}
    answers = {} if answer is None else {"x": answer}
    assert state(catalogue, "EN18031-GEC-8", features, **answers) is expected


def test_prose_does_not_outweigh_a_scope_that_rules_it_out(catalogue: Catalogue) -> None:
    features: dict[str, Value] = {"product": "terminal", "networked": True, "payment": False}
    assert state(catalogue, "EN18031-GEC-8", features, x=Support.YES) is State.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("clause_id", "answer", "expected"),
    [
        ("EN303645-5.5-3", Support.NO, State.NOT_APPLICABLE),
        ("EN303645-5.5-3", Support.YES, State.APPLICABLE),
        ("EN303645-5.5-1", Support.NO, State.APPLICABLE),
        ("EN303645-5.5-1", Support.NOT_APPLICABLE, State.APPLICABLE),
    ],
)
def test_the_ics_takes_out_recommendations_but_never_mandatory_provisions(
    catalogue: Catalogue, clause_id: str, answer: Support, expected: State
) -> None:
    assert state(catalogue, clause_id, {"product": "lock"}, x=answer) is expected


def test_the_ics_settles_a_feature_that_nobody_declared(catalogue: Catalogue) -> None:
    assert state(catalogue, "EN303645-5.1-2", {"product": "lock"}, x=Support.NOT_APPLICABLE) is State.NOT_APPLICABLE
    assert state(catalogue, "EN303645-5.1-2", {"product": "lock"}, x=Support.YES) is State.APPLICABLE


def test_ics_answers_may_be_words_but_only_the_three(catalogue: Catalogue) -> None:
    assert not catalogue.applicability("EN303645-5.5-3", {"product": "lock"}, {"EN303645-5.5-3": "no"}).applies
    with pytest.raises(ValueError, match="perhaps"):
        catalogue.applicability("EN303645-5.5-3", {"product": "lock"}, {"EN303645-5.5-3": "perhaps"})

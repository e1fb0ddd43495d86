"""The fold over contributions only worsens and loses nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_conformance.verdicts import Cause, Contribution, Verdict, fold

GIVEN = [
    Verdict.PASS,
    Verdict.CONDITIONAL_PASS,
    Verdict.INCONCLUSIVE,
    Verdict.CONDITIONAL_FAIL,
    Verdict.FAIL,
]
contributions = st.lists(
    st.builds(
        Contribution, st.sampled_from(GIVEN), st.text(max_size=3), st.sampled_from(Cause), reason=st.text(max_size=3)
    ),
    min_size=1,
    max_size=8,
)


def test_gravity_follows_the_order_of_the_architecture() -> None:
    assert [verdict.gravity for verdict in GIVEN] == [0, 1, 2, 3, 4]
    assert Verdict.NOT_APPLICABLE.gravity == Verdict.NOT_TESTED.gravity == -1


@given(contributions)
def test_the_fold_is_the_gravest_of_all(said: list[Contribution]) -> None:
    assert fold(said).verdict.gravity == max(each.verdict.gravity for each in said)


@given(contributions, contributions)
def test_more_contributions_only_worsen(said: list[Contribution], more: list[Contribution]) -> None:
    assert fold([*said, *more]).verdict.gravity >= fold(said).verdict.gravity
    assert fold([*more, *said]).verdict is fold([*said, *more]).verdict


@given(contributions)
def test_every_contribution_is_kept_in_order(said: list[Contribution]) -> None:
    assert fold(iter(said)).contributions == tuple(said)


@given(contributions)
def test_cause_and_reason_are_those_of_the_first_gravest(said: list[Contribution]) -> None:
    folded = fold(said)
    first = next(each for each in said if each.verdict is folded.verdict)
    assert (folded.cause, folded.reason) == (first.cause, first.reason)


def test_not_tested_counts_only_when_nothing_else_was_said() -> None:
    untested = Contribution(Verdict.NOT_TESTED, "a")
    assert fold([untested]).verdict is Verdict.NOT_TESTED
    assert fold([untested, Contribution(Verdict.PASS, "b")]).verdict is Verdict.PASS


def test_nothing_cannot_be_folded() -> None:
    with pytest.raises(ValueError, match="no contribution"):
        fold([])


def test_no_test_may_contribute_not_applicable() -> None:
    with pytest.raises(ValueError, match="computed from the declaration"):
        fold([Contribution(Verdict.FAIL, "a"), Contribution(Verdict.NOT_APPLICABLE, "b")])

"""The plan and the exit code that judges it, over a catalogue of real clauses."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pytest

from pytest_conformance.catalogue import Catalogue, load_catalogue
from pytest_conformance.declaration import Declaration, find_declaration, load_declaration
from pytest_conformance.resources import shipped
from pytest_conformance.running.plan import Planned, conclude, exit_code, make_plan
from pytest_conformance.verdicts import Cause, Contribution, Verdict

ONE, TWO, HOLE = "CN-FRT-8.a", "CN-FRT-8.b", "CN-FRT-7.a"


@cache
def catalogue() -> Catalogue:
    return load_catalogue()


@cache
def lock() -> Declaration:
    return load_declaration(find_declaration("mock-lock", shipped("fixtures")))


def plan(deselected: Sequence[str] = ()) -> dict[str, Planned]:
    return make_plan(catalogue(), lock(), {ONE: ["t::one"], TWO: ["t::two", "t::three"]}, deselected)


def code(*said: tuple[str, Verdict], require_all: bool = False) -> int:
    made = plan()
    verdicts = conclude(made, [((clause,), Contribution(verdict, "t")) for clause, verdict in said])
    return exit_code(made, verdicts, require_all=require_all)


def test_every_clause_of_the_catalogue_is_planned_or_says_why_not() -> None:
    made = plan()
    assert set(made) == set(catalogue().clauses)
    assert all(row.reason for row in made.values() if not row.tests)
    assert made[HOLE].reason == "no-test"
    assert {row.reason for row in made.values() if not row.applies} - {"no-test", ""}


def test_a_clause_whose_tests_were_left_out_says_so() -> None:
    made = plan(deselected=[HOLE, ONE])
    assert made[HOLE].reason == "deselected"
    assert made[ONE].reason == "", "one of its tests is still selected"
    assert not made[ONE].deselected


def test_a_row_names_tests_and_applicability() -> None:
    row = plan()[TWO].row()
    assert (row.id, row.document, row.applicable, row.tests) == (TWO, "CN-FRT", True, ("t::two", "t::three"))


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        (Verdict.PASS, Verdict.PASS, 0),
        (Verdict.PASS, Verdict.CONDITIONAL_PASS, 0),
        (Verdict.PASS, Verdict.FAIL, 1),
        (Verdict.PASS, Verdict.CONDITIONAL_FAIL, 1),
        (Verdict.INCONCLUSIVE, Verdict.FAIL, 1),
        (Verdict.PASS, Verdict.INCONCLUSIVE, 10),
    ],
)
def test_the_exit_code_judges_the_plan(one: Verdict, two: Verdict, expected: int) -> None:
    assert code((ONE, one), (TWO, two)) == expected


def test_something_planned_that_was_not_tested_is_undecided() -> None:
    assert code((ONE, Verdict.PASS)) == 10


def test_a_hole_counts_only_when_all_is_required() -> None:
    passed = ((ONE, Verdict.PASS), (TWO, Verdict.PASS))
    assert code(*passed) == 0
    assert code(*passed, require_all=True) == 10


def test_what_is_said_of_a_clause_without_a_test_does_not_count() -> None:
    assert code((ONE, Verdict.PASS), (TWO, Verdict.PASS), (HOLE, Verdict.INCONCLUSIVE)) == 0


def test_nothing_said_of_a_selected_test_is_an_abort() -> None:
    verdicts = conclude(plan(), [])
    assert (verdicts[ONE].verdict, verdicts[ONE].cause) == (Verdict.NOT_TESTED, Cause.ABORTED)
    assert (verdicts[HOLE].verdict, verdicts[HOLE].cause) == (Verdict.NOT_TESTED, None)


def test_a_clause_that_does_not_apply_stays_so_whatever_a_test_says() -> None:
    made = plan()
    clause = next(name for name, row in made.items() if not row.applies)
    verdict = conclude(made, [((clause,), Contribution(Verdict.FAIL, "t"))])[clause]
    assert verdict.verdict is Verdict.NOT_APPLICABLE
    assert verdict.reason


def test_one_test_may_speak_of_several_clauses_and_several_of_one() -> None:
    failed, passed = Contribution(Verdict.FAIL, "b"), Contribution(Verdict.PASS, "a")
    verdicts = conclude(plan(), [((ONE, TWO), passed), ((TWO,), failed), (("no such clause",), failed)])
    assert verdicts[ONE].contributions == (passed,)
    assert verdicts[TWO].contributions == (passed, failed)
    assert verdicts[TWO].verdict is Verdict.FAIL

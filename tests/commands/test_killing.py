"""What a validation concludes from what the runs said. Pure."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_conformance.commands.killing import Fate, KindTable, Ran, Said, Variant, chosen, judge_variant, said_in

PASS, FAIL, OPEN = Said("PASS"), Said("FAIL", "dut", "it did"), Said("INCONCLUSIVE", "method", "no plan")
GOOD = Ran({"A": PASS, "B": PASS})


def fates(breaks: tuple[str, ...], **said: Said) -> dict[str, Fate]:
    cells = judge_variant(Variant("bad", "lock", breaks), said, GOOD.said)
    return {each.clause: each.fate for each in cells}


@pytest.mark.parametrize(
    ("breaks", "said", "fate"),
    [
        (("A",), FAIL, Fate.CAUGHT),
        (("A",), PASS, Fate.MISSED),
        (("A",), OPEN, Fate.MISSED),
        (("A",), Said("CONDITIONAL_FAIL", "dut"), Fate.MISSED),
        ((), FAIL, Fate.FALSE_ALARM),
        ((), Said("CONDITIONAL_FAIL", "dut"), Fate.FALSE_ALARM),
        ((), OPEN, Fate.DISTURBED),
        ((), PASS, Fate.QUIET),
        ((), Said("CONDITIONAL_PASS"), Fate.QUIET),
    ],
)
def test_each_clause_has_the_fate_that_its_verdict_means(breaks: tuple[str, ...], said: Said, fate: Fate) -> None:
    assert fates(breaks, A=said) == {"A": fate}


def test_a_broken_clause_that_said_nothing_is_missed_where_it_is_tested_and_else_unreachable() -> None:
    assert fates(("A", "C"), B=PASS) == {"A": Fate.MISSED, "B": Fate.QUIET, "C": Fate.UNREACHABLE}


def table(*cells: tuple[str, tuple[str, ...], dict[str, Said]], good: Ran = GOOD, **more: Any) -> KindTable:
    made = [
        cell for name, breaks, said in cells for cell in judge_variant(Variant(name, "lock", breaks), said, good.said)
    ]
    return KindTable("lock", "mock-lock", good, tuple(made), **more)


ALL_CAUGHT = (("a", ("A",), {"A": FAIL, "B": PASS}), ("b", ("B",), {"A": PASS, "B": FAIL}))


def test_all_is_well_when_each_clause_is_killed_and_the_good_device_passes() -> None:
    made = table(*ALL_CAUGHT)
    assert made.good_enough
    assert made.survivors == ()
    assert made.names("A", Fate.CAUGHT) == ("a",)


def test_a_clause_that_nothing_kills_is_a_survivor() -> None:
    made = table(ALL_CAUGHT[0])
    assert made.survivors == ("B",)
    assert not made.good_enough


def test_a_selection_of_variants_calls_nothing_a_survivor() -> None:
    assert table(ALL_CAUGHT[0], judged_all=False).good_enough


def test_one_miss_spoils_it_though_the_clause_is_killed_elsewhere() -> None:
    assert not table(*ALL_CAUGHT, ("c", ("A",), {"A": PASS, "B": PASS})).good_enough


def test_a_false_alarm_spoils_it() -> None:
    assert not table(*ALL_CAUGHT, ("c", (), {"A": PASS, "B": FAIL})).good_enough


def test_what_cannot_be_concluded_beside_the_point_spoils_nothing() -> None:
    assert table(*ALL_CAUGHT, ("c", (), {"A": PASS, "B": OPEN})).good_enough


@pytest.mark.parametrize("said", [FAIL, OPEN, Said("CONDITIONAL_PASS"), Said("NOT_TESTED", "aborted")])
def test_a_good_device_that_does_not_pass_spoils_it(said: Said) -> None:
    made = table(*ALL_CAUGHT, good=Ran({"A": PASS, "B": said}))
    assert set(made.not_passing) == {"B"}
    assert not made.good_enough


@pytest.mark.parametrize(
    "more", [{"skipped": "cannot be loaded"}, {"troubles": {"c": "exit code 3"}}, {"good": Ran({}, "exit code 11")}]
)
def test_missing_runs_are_not_taken_for_good(more: dict[str, Any]) -> None:
    made = table(*ALL_CAUGHT, **more)
    assert not made.complete
    assert not made.good_enough


def test_a_kind_without_any_tested_clause_is_not_good() -> None:
    assert not KindTable("lock", "mock-lock", Ran({})).good_enough


def row(clause: str, verdict: str, tests: list[str], derived: list[str] | None = None) -> dict[str, Any]:
    return {
        "id": clause, "verdict": verdict, "cause": None, "reason": "r", "tests": tests, "derived_from": derived or [],
    }  # fmt: skip


def test_only_what_tests_of_its_own_said_of_an_applicable_clause_counts() -> None:
    rows = [
        row("A", "FAIL", ["t"]),
        row("B", "NOT_TESTED", []),
        row("C", "NOT_APPLICABLE", ["t"]),
        row("D", "FAIL", ["t"], ["A"]),
        row("E", "NOT_TESTED", ["t"]),
    ]
    assert said_in({"clauses": rows}) == {"A": Said("FAIL", "", "r"), "E": Said("NOT_TESTED", "", "r")}


def test_a_variant_of_its_own_takes_the_place_of_one_for_any_kind() -> None:
    rows = [
        {"name": "x", "kind": "lock", "breaks": ["B"], "does": "own"},
        {"name": "x", "kind": "any", "breaks": ["A"], "does": "any"},
        {"name": "y", "kind": "any", "breaks": [], "does": ""},
        {"name": "z", "kind": "camera", "breaks": [], "does": ""},
    ]
    found = chosen(rows, "lock")
    assert set(found) == {"x", "y"}
    assert found["x"].breaks == ("B",)
    assert chosen(rows, "camera")["x"].breaks == ("A",)

"""What one presentation counts as: deeds before words, and trials that must not count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_conformance.analysis.biometrics.campaigns import Conditions
from pytest_conformance.clock import SECOND
from pytest_conformance.devices.roles import Answer, Recognised
from pytest_conformance.procedures.trial_judging import Judged, judge_trial

LIMITS = {"lux": (100.0, 1000.0), "temperature": (15.0, 35.0)}
INSIDE = Conditions(lux=300.0)
ACCEPTED, REJECTED, GAVE_UP = (Answer(name, 12 * SECOND) for name in ("accepted", "rejected", "none"))
OPENED = Recognised(5 * SECOND, 10 * SECOND, 20 * SECOND, (ACCEPTED,), (int(12.5 * SECOND),))
RESISTED = replace(OPENED, answers=(REJECTED,), acted=())


def judged(seen: Recognised, conditions: Conditions = INSIDE, stepped: str = "") -> Judged:
    return judge_trial(seen, conditions, LIMITS, stepped)


def test_a_trial_that_counts_has_its_outcome_and_its_time() -> None:
    assert judged(OPENED) == Judged("accepted", "", "", INSIDE, 2.5)
    assert judged(RESISTED) == Judged("rejected", "", "", INSIDE, 2.0)
    assert judged(replace(RESISTED, answers=(GAVE_UP,))) == Judged("none", "", "", INSIDE)
    assert judged(replace(RESISTED, answers=())).outcome == "none"


def test_C07_what_it_did_counts_more_than_what_it_said_and_the_contradiction_is_told() -> None:
    opened = judged(replace(OPENED, answers=(REJECTED,)))
    assert (opened.outcome, opened.void) == ("accepted", "")
    assert "said rejected" in opened.said
    stuck = judged(replace(RESISTED, answers=(ACCEPTED,)))
    assert (stuck.outcome, stuck.void) == ("rejected", "")
    assert "did not open" in stuck.said


def test_a_device_that_only_speaks_is_taken_by_its_word() -> None:
    assert judged(replace(OPENED, acted=None)).outcome == "accepted"
    assert judged(replace(OPENED, acted=None)).said == ""


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (replace(OPENED, answers=(Answer("accepted", 9 * SECOND),)), "answer-before-stimulus"),
        (replace(OPENED, acted=(9 * SECOND,)), "answer-before-stimulus"),
        (replace(OPENED, answers=(ACCEPTED, REJECTED)), "two-outcomes"),
        (replace(OPENED, acted=(12 * SECOND, 14 * SECOND)), "two-outcomes"),
        (replace(RESISTED, answers=(), locked_out=True), "lockout"),
        (replace(OPENED, restarted=True), "restart"),
        (replace(OPENED, appeared=False), "no-stimulus"),
    ],
)
def test_a_trial_that_must_not_count_says_why(seen: Recognised, reason: str) -> None:
    found = judged(seen)
    assert found.void == reason
    assert found.said


def test_conditions_outside_the_method_void_the_trial_and_unknown_ones_do_not() -> None:
    dark = judged(OPENED, Conditions(lux=99.0))
    assert (dark.void, dark.said) == ("conditions", "lux 99 is outside 100 to 1000")
    assert judged(OPENED, Conditions(lux=100.0, temperature=35.0)).void == ""
    assert judged(OPENED, Conditions(lux=300.0, temperature=36.0)).void == "conditions"
    assert judged(OPENED, Conditions()).void == ""


def test_a_clock_that_stepped_voids_before_anything_else() -> None:
    found = judged(replace(OPENED, restarted=True), stepped="the wall clock stepped by +3600.000 s")
    assert (found.void, found.said) == ("clock-step", "the wall clock stepped by +3600.000 s")


def test_two_equal_answers_are_one() -> None:
    assert judged(replace(RESISTED, answers=(REJECTED, REJECTED))).void == ""

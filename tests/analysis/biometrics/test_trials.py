"""Recorded trials: void ones are left out, doubled ones refused, and silence is counted as silence."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_conformance.analysis.biometrics import AttackTrial, iapar_table, responses_by_species
from pytest_conformance.errors import MethodError

TRIALS = [
    AttackTrial("1", "print", "anna", "p1", "rejected"),
    AttackTrial("2", "print", "anna", "p1", "accepted", void="light 812 lx, allowed 200 to 500 lx"),
    AttackTrial("3", "mask", "ben", "m1", "none"),
    AttackTrial("4", "mask", "ben", "m1", "accepted"),
]


def test_void_trials_are_left_out_and_the_rest_counted_by_species() -> None:
    counts = responses_by_species(TRIALS)
    assert {name: dataclasses.astuple(each) for name, each in counts.items()} == {"print": (1, 0, 0), "mask": (0, 1, 1)}
    assert iapar_table(counts).maximum == 0.5


def test_a_species_with_nothing_but_void_trials_is_named() -> None:
    with pytest.raises(MethodError, match=r"MET-BIO-003.*'print' is void"):
        responses_by_species([TRIALS[1], TRIALS[3]])


def test_a_trial_with_two_outcomes_is_refused_even_when_they_agree() -> None:
    with pytest.raises(MethodError, match=r"MET-BIO-023.*'4' has 2 outcomes"):
        responses_by_species([*TRIALS, TRIALS[3]])


def test_a_response_that_is_none_of_the_three_is_refused() -> None:
    with pytest.raises(MethodError, match=r"MET-BIO-023.*'unlocked'"):
        responses_by_species([dataclasses.replace(TRIALS[0], response="unlocked")])  # type: ignore[arg-type]

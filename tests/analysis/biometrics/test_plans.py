"""Campaigns: cells decide, the campaign follows, curtailed and full runs agree, and a sealed plan cannot change."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np
import pytest

from pytest_conformance.analysis.biometrics.counting import ArtefactPlan, Decision, FixedPlan, QuantilePlan, run_in_full
from pytest_conformance.analysis.biometrics.plans import (
    Campaign,
    CampaignPlan,
    bio_itc_face_level_1,
    per_species_plan,
    plan_as_data,
    plan_from_data,
    run_campaign,
    seal,
)
from pytest_conformance.analysis.biometrics.sprt import SequentialPlan
from pytest_conformance.errors import MethodError

SPECIES = [f"species-{index}" for index in range(8)]
PEOPLE = ["anna", "ben", "chen"]
TWO = per_species_plan({"print": FixedPlan(3, 0), "mask": FixedPlan(4, 1)})


def order(plan: CampaignPlan, generator: np.random.Generator) -> list[tuple[str, ...]]:
    cells = [cell for cell, each in plan.cells.items() for _ in range(each.most)]
    return [cells[index] for index in generator.permutation(len(cells))]


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.15, 0.3])
def test_simulated_bio_itc_campaigns_have_the_verdict_of_the_full_plan(rate: float) -> None:
    plan, generator = bio_itc_face_level_1(SPECIES, PEOPLE), np.random.default_rng(int(rate * 1000))
    for _ in range(40):
        outcomes = {cell: (generator.random(20) < rate).tolist() for cell in plan.cells}
        full = [run_in_full(plan.cells[cell], each) for cell, each in outcomes.items()]
        due = Decision.FAIL if any(each.decision is Decision.FAIL for each in full) else Decision.PASS
        feeds = {cell: iter(each) for cell, each in outcomes.items()}
        found = run_campaign(plan, ((cell, next(feeds[cell])) for cell in order(plan, generator)))
        assert found.decision is due
        assert found.used <= sum(each.used for each in full)


def test_the_face_plan_is_eight_by_three_by_three() -> None:
    plan = bio_itc_face_level_1(SPECIES, PEOPLE)
    assert (len(plan.cells), plan.most, plan.text_status) == (72, 1440, "seen")
    clean = run_campaign(plan, ((cell, False) for cell in plan.cells for _ in range(20)))
    assert (clean.decision, clean.used) == (Decision.PASS, 72 * 9)
    for species, people in ((SPECIES[:7], PEOPLE), (SPECIES, PEOPLE[:2]), (SPECIES, ["anna", "ben", "ben"])):
        with pytest.raises(MethodError, match="MET-BIO-020"):
            bio_itc_face_level_1(species, people)


def test_the_first_failed_species_ends_the_campaign() -> None:
    state = Campaign(TWO).feed(("mask",), False).feed(("print",), True)
    assert (state.decision, state.failed, state.open_cells) == (Decision.FAIL, (("print",),), ())
    with pytest.raises(MethodError, match="MET-BIO-021"):
        state.feed(("mask",), False)


def test_a_complete_table_can_be_asked_for_with_the_same_verdict() -> None:
    state = Campaign(dataclasses.replace(TWO, stop_at_failure=False)).feed(("print",), True)
    assert (state.decision, state.open_cells) == (Decision.CONTINUE, (("mask",),))
    for _ in range(3):
        state = state.feed(("mask",), False)
    assert (state.decision, state.used) == (Decision.FAIL, 4)


def test_every_species_must_pass() -> None:
    state = Campaign(TWO)
    for _ in range(3):
        state = state.feed(("print",), False)
    assert (state.decision, state.open_cells) == (Decision.CONTINUE, (("mask",),))
    with pytest.raises(MethodError, match="MET-BIO-021"):
        state.feed(("print",), False)


def test_an_unfinished_campaign_has_no_verdict() -> None:
    with pytest.raises(MethodError, match=r"MET-BIO-026.*2 of 2 cells are open"):
        Campaign(TWO).feed(("print",), False).require_decision()
    assert Campaign(TWO).feed(("print",), True).require_decision() is Decision.FAIL


def test_what_is_not_planned_is_refused() -> None:
    with pytest.raises(MethodError, match=r"MET-BIO-022.*replay"):
        Campaign(TWO).feed(("replay",), False)
    with pytest.raises(MethodError, match="MET-BIO-020"):
        per_species_plan({})


def test_feeding_leaves_the_earlier_state_and_the_plan_as_they_were() -> None:
    before = Campaign(TWO).feed(("print",), False)
    before.feed(("print",), True)
    assert (before.used, before.failed, before.tallies[("print",)].errors) == (1, (), 0)
    with pytest.raises(TypeError):
        TWO.cells[("print",)] = FixedPlan(1)  # type: ignore[index]


@pytest.mark.parametrize(
    "plan",
    [
        FixedPlan(59),
        ArtefactPlan(),
        SequentialPlan("0.01", "0.15", "0.05", "0.05", 60),
        QuantilePlan(1.0, "0.95", "0.95", 2),
    ],
    ids=lambda plan: type(plan).__name__,
)
def test_a_plan_survives_being_written_as_data(plan: Any) -> None:
    assert plan_from_data(plan_as_data(plan)) == plan


@pytest.mark.parametrize(
    "data", [{}, {"kind": "sprint"}, {"kind": "fixed", "m": 3}, {"kind": "fixed", "n": 3, "c": 3}, {"kind": "sprt"}]
)
def test_data_that_is_no_plan_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(MethodError, match="MET-BIO-020"):
        plan_from_data(data)


def test_a_sealed_plan_is_known_again_and_any_change_is_named() -> None:
    sealed = seal(TWO, 7, "standard 1.0")
    sealed.require_same(copy.copy(TWO), 7, "standard 1.0")
    easier = per_species_plan({"print": FixedPlan(3, 1), "mask": FixedPlan(4, 1)})
    for plan, seed, profile, part in (
        (easier, 7, "standard 1.0", "cells"),
        (TWO, 8, "standard 1.0", "seed"),
        (TWO, 7, "standard 1.1", "profile"),
        (dataclasses.replace(TWO, text_status="seen"), 7, "standard 1.0", "text_status"),
    ):
        with pytest.raises(MethodError, match=rf"MET-BIO-024.*{part}"):
            sealed.require_same(plan, seed, profile)

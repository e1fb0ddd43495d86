"""Attack tables: the worst species is the headline, non-responses are counted three ways, silence is never success."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_conformance.analysis.biometrics import (
    AttackDecisions,
    apcer_table,
    bpcer,
    iapar,
    iapar_table,
    riapar,
    zero_failure_bound,
)
from pytest_conformance.errors import MethodError


def decisions(attack: int, bona_fide: int, silent: int = 0) -> AttackDecisions:
    return AttackDecisions(attack, bona_fide, silent)


def test_non_responses_are_counted_three_ways() -> None:
    row = apcer_table({"print": decisions(15, 3, 2)}).per_species["print"]
    assert (row.responding, row.all, row.worst) == pytest.approx((3 / 18, 3 / 20, 5 / 20))
    assert row.non_response_rate == pytest.approx(0.1)


def test_the_worst_species_is_named_and_ties_name_both() -> None:
    table = apcer_table({"a": decisions(9, 1), "b": decisions(90, 10), "c": decisions(100, 0)})
    assert (table.maximum, table.worst_species) == (0.1, ("a", "b"))
    assert not table.equal_counts


def test_a_species_without_any_response_is_flagged_and_has_no_bound() -> None:
    table = apcer_table({"dark": decisions(0, 0, 20), "print": decisions(20, 0)})
    assert (table.unresponsive, table.worst_species, table.maximum) == (("dark",), ("print",), 0.0)
    with pytest.raises(MethodError, match=r"MET-BIO-007.*does not respond"):
        table.per_species["dark"].interval()
    assert not table.per_species["dark"].meets("0.15")
    assert not table.per_species["dark"].meets("0.15", "responding")


def test_when_nothing_ever_responded_there_is_no_maximum() -> None:
    table = apcer_table({"dark": decisions(0, 0, 20)})
    assert (table.maximum, table.worst_species) == (None, ())


def test_a_sleeping_device_does_not_look_secure_from_outside() -> None:
    asleep = iapar_table({"print": {"rejected": 0, "accepted": 0, "non_response": 20}})
    assert (asleep.maximum, asleep.unresponsive) == (None, ("print",))
    worst = iapar_table({"print": {"rejected": 0, "accepted": 0, "non_response": 20}}, non_responses="worst")
    assert worst.maximum == 1.0


def test_iapar_counts_all_presentations_unless_told_otherwise() -> None:
    counts = {"print": {"rejected": 15, "accepted": 1, "non_response": 4}}
    assert iapar_table(counts).maximum == pytest.approx(1 / 20)
    assert iapar_table(counts, non_responses="responding").maximum == pytest.approx(1 / 16)
    assert iapar(1, 20) == 0.05


def test_the_bound_of_a_clean_species_is_the_zero_failure_bound() -> None:
    row = iapar_table({"print": {"rejected": 20, "accepted": 0, "non_response": 0}}).per_species["print"]
    assert row.interval(0.95).upper == pytest.approx(zero_failure_bound(20))


def test_a_limit_is_met_exactly_on_it_and_the_worst_count_decides() -> None:
    row = apcer_table({"print": decisions(93, 6, 1)}).per_species["print"]
    assert row.meets("0.07")
    assert row.meets("7 %", "responding")
    assert not row.meets("0.0699")
    assert row.meets("0.06", "all")


def test_rates_up_to_an_attack_potential_leave_higher_ones_out() -> None:
    species = {"print": decisions(20, 0), "mask": decisions(15, 5)}
    table = apcer_table(species, {"print": "enhanced-basic", "mask": "high"})
    assert table.by_potential == {"basic": None, "enhanced-basic": 0.0, "moderate": 0.0, "high": 0.25}


@pytest.mark.parametrize(
    ("species", "potential", "code"),
    [
        ({}, None, "MET-BIO-007"),
        ({"print": decisions(0, 0, 0)}, None, "MET-BIO-003"),
        ({"print": decisions(-1, 2)}, None, "MET-BIO-002"),
        ({"print": {"classified_attack": 1}}, None, "MET-BIO-007"),
        ({"print": {"classified_attack": 1, "classified_bona_fide": 0, "no_response": 0}}, None, "MET-BIO-007"),
        ({"print": decisions(1, 1)}, {"print": "beyond"}, "MET-BIO-007"),
        ({"print": decisions(1, 1)}, {}, "MET-BIO-007"),
        ({"print": decisions(1, 1)}, {"print": "basic", "mask": "high"}, "MET-BIO-007"),
    ],
)
def test_tables_that_cannot_be_made_are_refused(species: Any, potential: Any, code: str) -> None:
    with pytest.raises(MethodError) as caught:
        apcer_table(species, potential)
    assert caught.value.code == code


def test_bona_fide_users_who_get_no_decision_are_not_forgotten() -> None:
    found = bpcer(0, 0, 5)
    assert (found.bpcer_responding, found.bpcer_all, found.bpcer_worst, found.bpnrr) == (None, 0.0, 1.0, 1.0)
    with pytest.raises(MethodError, match="MET-BIO-003"):
        bpcer(0, 0, 0)


def test_a_lock_that_rejects_everybody_has_the_riapar_of_its_rejections() -> None:
    assert riapar("0", "1") == 1.0
    assert riapar(1, 1) == 2.0
    with pytest.raises(MethodError, match="MET-BIO-001"):
        riapar(7, 0)

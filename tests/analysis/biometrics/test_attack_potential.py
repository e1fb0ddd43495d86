"""Attack potential: every factor once, every level known, bands at their edges."""

from __future__ import annotations

import pytest

from pytest_conformance.analysis.biometrics import attack_potential
from pytest_conformance.errors import MethodError

EASY = {"elapsed": "<=1d", "expertise": "layman", "knowledge": "public", "toe_access": "easy", "equipment": "standard"}
QUICK = {
    "elapsed": "<=1d",
    "expertise": "layman",
    "toe_access": "easy",
    "bio_access": "without_notice",
    "equipment": "standard",
}


@pytest.mark.parametrize(
    ("first", "then", "total", "band"),
    [
        ({}, {}, 0, "<10"),
        ({"elapsed": "<=1w"}, {"elapsed": "<=1m"}, 9, "<10"),
        ({"elapsed": "<=2w"}, {"elapsed": "<=1m"}, 10, "10-19"),
        ({"elapsed": ">1m", "expertise": "expert"}, {"elapsed": "<=1m"}, 20, "20-29"),
        ({"expertise": "Multiple experts", "knowledge": "critical"}, {"elapsed": ">1m"}, 32, "30-39"),
        ({"knowledge": "critical"}, {"elapsed": ">1m", "expertise": "expert", "toe_access": "difficult"}, 40, ">=40"),
    ],
)
def test_points_add_up_to_their_band(first: dict[str, str], then: dict[str, str], total: int, band: str) -> None:
    found = attack_potential({**EASY, **first}, {**QUICK, **then})
    assert (found.total, found.band, sum(found.points.values())) == (total, band, total)


def test_another_spelling_of_a_level_is_the_same_level() -> None:
    assert attack_potential({**EASY, "equipment": "Specialized"}, {**QUICK, "bio_access": "non-cooperative"}).total == 4


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({**EASY, "equipment": "magic"}, QUICK),
        ({key: EASY[key] for key in EASY if key != "knowledge"}, QUICK),
        (EASY, {**QUICK, "knowledge": "public"}),
        (EASY, {**QUICK, "expertise": "multiple experts"}),
        ({**EASY, "bio_access": "cooperative"}, QUICK),
    ],
)
def test_factors_and_levels_that_are_not_rated_are_refused(first: dict[str, str], then: dict[str, str]) -> None:
    with pytest.raises(MethodError, match="MET-BIO-010"):
        attack_potential(first, then)

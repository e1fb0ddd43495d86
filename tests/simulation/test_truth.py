"""A stated truth: rates that are met, clusters that stay themselves, the same seed the same outcomes, refusals."""

from __future__ import annotations

import math
import statistics

import pytest

from pytest_conformance.simulation.scene.holders import HOLDERS, Content
from pytest_conformance.simulation.truth import FIRST_HOLDER, Draws, Truth, read_truth, species_of

PRINT = Content("print", "S1", "print-matt", 1)
OWNER = Content("live", "S1")


def share(draws: Draws, content: Content, known: bool, outcome: str, n: int = 4000) -> float:
    return sum(draws.outcome(content, known) == outcome for _ in range(n)) / n


def test_rates_are_those_that_are_stated() -> None:
    truth = Truth({"print-matt": 0.15}, impostors=0.02, rejects=0.05, silent=0.1)
    draws = Draws(truth, 1)
    assert share(draws, PRINT, False, "accepted") == pytest.approx(0.15 * 0.9, abs=0.02)
    assert share(draws, PRINT, False, "none") == pytest.approx(0.1, abs=0.02)
    assert share(draws, OWNER, True, "rejected") == pytest.approx(0.05 * 0.9, abs=0.015)
    assert share(draws, OWNER, False, "accepted") == pytest.approx(0.02 * 0.9, abs=0.01)
    assert share(draws, Content("print", "S1", "print-other"), False, "accepted", 500) == 0.0


def test_the_same_seed_gives_the_same_outcomes_and_another_one_others() -> None:
    def stream(seed: int) -> list[str]:
        draws = Draws(Truth({"print-matt": 0.5}, correlation=0.2), seed)
        return [draws.outcome(PRINT, False) for _ in range(60)]

    assert stream(1) == stream(1) != stream(2)


def test_a_device_that_is_built_anew_draws_on_where_it_was() -> None:
    truth = Truth({"print-matt": 0.4}, silent=0.1, correlation=0.2)

    def drawn(draws: Draws, count: int) -> list[tuple[str, float]]:
        return [(draws.outcome(PRINT, False), draws.seconds()) for _ in range(count)]

    whole = drawn(Draws(truth, 3), 60)
    assert drawn(Draws(truth, 3, 20), 40) == whole[20:] != whole[:40]


def test_clustering_spreads_the_rates_of_people_and_artefacts_about_the_stated_one() -> None:
    draws = Draws(Truth({"mask": 0.3}, correlation=0.2), 1)
    rates = [
        draws.rate(Content("mask-3d", f"P{person}", "mask", number), False)
        for person in range(300)
        for number in range(3)
    ]
    assert statistics.fmean(rates) == pytest.approx(0.3, abs=0.04)
    assert statistics.pstdev(rates) > 0.2
    one = Content("mask-3d", "P1", "mask", 1)
    assert draws.rate(one, False) == draws.rate(one, False)
    within = statistics.fmean(statistics.pvariance(rates[at : at + 3]) for at in range(0, 900, 3))
    assert within < statistics.pvariance(rates) * 0.75


def test_decision_times_have_the_stated_median_and_spread() -> None:
    draws = Draws(Truth(median=0.8, spread=0.3), 1)
    times = [draws.seconds() for _ in range(4000)]
    assert statistics.median(times) == pytest.approx(0.8, rel=0.04)
    assert statistics.pstdev(math.log(each) for each in times) == pytest.approx(0.3, rel=0.06)


def test_artefacts_are_mounted_species_by_species_beside_what_is_there() -> None:
    mounted = Truth({"print-matt": 0.0, "cut-card": 0.1, "mask-resin": 0.1}, people=2, artefacts=2).mounted()
    assert list(mounted) == list(range(FIRST_HOLDER, FIRST_HOLDER + 12))
    assert not set(mounted) & set(HOLDERS)
    assert mounted[FIRST_HOLDER + 5] == Content("cut-mask", "S1", "cut-card", 2)
    assert mounted[FIRST_HOLDER + 11].kind == "mask-3d"
    assert Truth({"print-matt": 0.0}).mounted() == {}


def test_what_is_mounted_without_a_truth_has_the_species_of_the_registers() -> None:
    assert species_of(HOLDERS[6]) == "screen-replay"
    assert species_of(HOLDERS[5]) == "print"


@pytest.mark.parametrize(
    "text",
    [
        '{"accepts": {"print": 1.5}}',
        '{"rejects": -0.1}',
        '{"correlation": 1}',
        '{"median": 0}',
        '{"acepts": {}}',
        "[]",
        "{",
    ],
)
def test_a_truth_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(LookupError, match="truth"):
        read_truth(text)


def test_no_truth_is_none() -> None:
    assert read_truth("") is None
    assert read_truth('{"accepts": {"print": 0.2}}') == Truth({"print": 0.2})

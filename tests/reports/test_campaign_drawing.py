"""Campaigns become pictures, each with its data: rates against the limit, the path, DET, trials with the void ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_conformance.reports.campaign_drawing import boundaries, campaign_plots, is_campaign

PNG = b"\x89PNG\r\n\x1a\n"


def trial(number: int, species: str, outcome: str, void: str = "", score: float | None = None) -> dict[str, Any]:
    genuine = not species
    shown = {"artefact": "" if genuine else f"A-{species}", "species": species, "bona_fide": genuine, "subject": "S1"}
    return {"number": number, **shown, "outcome": outcome, "void": void, "score": score}


def row(name: str, n: int, errors: int, **more: Any) -> dict[str, Any]:
    rates = {"rate": errors / n, "interval": {"lower": 0.0, "upper": 0.3}, "upper": 0.25, "limit": "7 %"}
    return (
        {"name": name, "n": n, "errors": errors, "void": 1, "clustered": None, "clustered_upper": None} | rates | more
    )


def campaign(**more: Any) -> dict[str, Any]:
    trials = [
        trial(1, "print", "rejected", score=-1.0),
        trial(2, "print", "accepted", score=0.4),
        trial(3, "print", "none", void="lockout"),
        trial(4, "", "accepted", score=2.0),
        trial(5, "", "rejected", score=0.1),
    ]
    plan = {"kind": "fixed", "title": "attacks", "risks": {"c": "0"}, "confidence": "0.95"}
    end = {"end": "decided", "verdict": "fail", "used": 4, "void": 1}
    species = [row("print", 2, 1)]
    return {"plan": plan, "trials": trials, "species": species, "bona_fide": None, "decided": end} | more


def drawn(value: dict[str, Any]) -> dict[str, dict[str, Any]]:
    plots = list(campaign_plots("attack_campaign", value))
    assert all(each.png.startswith(PNG) for each in plots)
    return {each.name: json.loads(each.data) for each in plots}


def test_a_campaign_has_four_pictures_with_their_data() -> None:
    assert is_campaign(campaign())
    assert set(drawn(campaign())) == {"species-rates", "sequential-path", "det", "outcome-grid"}


def test_rates_stand_beside_the_limit_worst_first() -> None:
    data = drawn(campaign(species=[row("mask", 10, 0), row("print", 10, 5)]))["species-rates"]
    assert [each["name"] for each in data["species"]] == ["print", "mask"]
    assert data["limit"] == 0.07
    assert data["confidence"] == "95 %"


def test_limits_that_differ_are_not_drawn_as_one() -> None:
    data = drawn(campaign(species=[row("mask", 10, 0, limit="15 %"), row("print", 10, 5)]))["species-rates"]
    assert data["limit"] is None


def test_the_clustered_interval_is_drawn_where_there_is_one() -> None:
    clustered = row("print", 10, 5, clustered={"lower": 0.1, "upper": 0.9}, clustered_upper=0.8)
    (found,) = drawn(campaign(species=[clustered]))["species-rates"]["species"]
    assert (found["lower"], found["upper"], found["bound"]) == (0.1, 0.9, 0.8)


def test_a_species_without_a_rate_is_shown_as_such() -> None:
    silent = row("print", 3, 0, rate=None, interval=None, upper=None)
    (found,) = drawn(campaign(species=[silent]))["species-rates"]["species"]
    assert found["rate"] is None


def test_void_trials_are_in_the_grid_and_not_in_the_path() -> None:
    data = drawn(campaign())
    assert data["outcome-grid"]["rows"]["A-print"]["3"]["outcome"] == "void"
    assert data["sequential-path"]["paths"] == {"print": [False, True], "genuine": [False, True]}


def test_without_scores_there_is_no_det() -> None:
    trials = [{**each, "score": None} for each in campaign()["trials"]]
    assert "det" not in drawn(campaign(trials=trials))


def test_an_empty_campaign_draws_nothing() -> None:
    assert drawn(campaign(trials=[], species=[])) == {}


def test_walds_lines_decide_where_the_test_does() -> None:
    from pytest_conformance.analysis.biometrics.plans import Decision, SequentialPlan

    plan = {"kind": "sprt", "risks": {"p0": "1 %", "p1": "15 %", "alpha": "5 %", "beta": "5 %"}}
    fails, passes = boundaries(plan, 50)
    test = SequentialPlan("0.01", "0.15", "0.05", "0.05", 60)
    for used in range(1, 51):
        for errors in range(min(used, 12) + 1):
            due = test.decide(used, errors)
            assert (due is Decision.FAIL) == (errors >= fails.errors[used]), (used, errors)
            assert (due is Decision.PASS) == (errors <= passes.errors[used]), (used, errors)


@pytest.mark.parametrize("risks", [{}, {"c": "none"}, {"p0": "1 %"}])
def test_a_rule_without_numbers_has_no_line(risks: dict[str, str]) -> None:
    assert boundaries({"kind": "fixed", "risks": risks}, 10) == []

"""Plan files are read strictly, their rules become counting plans; what cannot be followed is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_conformance.analysis.biometrics.counting import ArtefactPlan, FixedPlan, QuantilePlan
from pytest_conformance.analysis.biometrics.sprt import SequentialPlan
from pytest_conformance.bench.schemas import schemas
from pytest_conformance.errors import UsageError
from pytest_conformance.resources import shipped
from pytest_conformance.stimulus.planfile import PlanFile, counting, find_plan, load_plan
from pytest_conformance.yamlfile import FileError, parse

PLAN = """\
schema: conformance-plan/1
name: small
version: "1"
title: a small plan
kind: attack
cells: species
rules:
  attack: {kind: fixed, n: 10, c: 1}
conditions:
  lux: {lower: 100 lx, upper: 1000 lx}
limits:
  - {name: IAPAR, value: 7 %, text_status: seen, source: a document}
source: a document
text_status: seen
"""
LIMITS = "limits:\n  - {name: IAPAR, value: 7 %, text_status: seen, source: a document}\n"
SAMPLES = {"presentations": 4, "spoofs": 5, "latency": 6, "passers_by": 7}


def plan(old: str = "", new: str = "") -> PlanFile:
    assert old in PLAN
    return parse("p.yaml", PLAN.replace(old, new, 1).encode()).validate(PlanFile)


def problem(old: str, new: str) -> str:
    with pytest.raises(FileError) as caught:
        plan(old, new)
    return str(caught.value)


def rule(written: str) -> object:
    read = plan("{kind: fixed, n: 10, c: 1}", written).rules.attack
    assert read is not None
    return counting(read, SAMPLES)


def test_rules_become_the_counting_plans_of_the_statistics() -> None:
    assert rule("{kind: fixed, n: 10, c: 1}") == FixedPlan(10, 1)
    assert rule("{kind: fixed, n_from: spoofs}") == FixedPlan(5, 0)
    assert rule("{kind: zero-failure, limit: 7 %, confidence: 95 %}") == FixedPlan(42, 0)
    assert rule("{kind: bio-itc-artefact}") == ArtefactPlan(10, 10)
    sequential = rule("{kind: sprt, p0: 1 %, p1: 15 %, alpha: 5 %, beta: 0.05, most: 60}")
    assert sequential == SequentialPlan("1 %", "15 %", "5 %", "0.05", 60)


def test_times_are_judged_by_an_order_statistic() -> None:
    written = PLAN.replace("kind: attack", "kind: latency").replace(
        "attack: {kind: fixed, n: 10, c: 1}", "time: {kind: order-statistic, limit: 1 s, exceedances: 1}"
    )
    read = parse("p.yaml", written.encode()).validate(PlanFile).rules.time
    assert read is not None
    assert counting(read, SAMPLES) == QuantilePlan(1.0, "0.95", "0.95", 1)
    assert counting(read, SAMPLES).most == 93


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("n: 10, c: 1", "n: 10, c: 10", "c = 10"),
        ("n: 10, c: 1", "c: 1", "either n or n_from"),
        ("n: 10, c: 1", "n: 10, n_from: spoofs", "either n or n_from"),
        ("kind: fixed, n: 10", "kind: fixd, n: 10", "fixd"),
        ("{kind: fixed, n: 10, c: 1}", "{kind: order-statistic, limit: 1 s}", "rule for times"),
        ("{kind: fixed, n: 10, c: 1}", "{kind: zero-failure, limit: 107 %}", "outside 0 to 1"),
        ("{kind: fixed, n: 10, c: 1}", "{kind: sprt, p0: 15 %, p1: 1 %, alpha: 5 %, beta: 5 %, most: 60}", "p0 = 15"),
        ("  attack: {", "  genuine: {", "needs a rule for attack"),
        ("lower: 100 lx", "lower: 2000 lx", "above the upper end"),
        ("lower: 100 lx", "lower: 100", "no unit"),
        ("text_status: seen, source", "text_status: read, source", "verbatim"),
        (
            "limits:\n  - {name: IAPAR, value: 7 %, text_status: seen, source: a document}\n",
            "limits: []\n",
            "at least 1 item",
        ),
        ("version:", "versoin:", "did you mean 'version'"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(old: str, new: str, said: str) -> None:
    assert said in problem(old, new)


def test_an_attack_plan_has_no_rule_for_genuine_presentations() -> None:
    assert "no genuine trials" in problem("rules:\n", "rules:\n  genuine: {kind: fixed, n: 3}\n")


def test_every_shipped_plan_is_read_and_says_how_its_limits_are_known() -> None:
    paths = sorted((shipped("fixtures") / "plans").glob("*.yaml"))
    assert len(paths) >= 7
    for path in paths:
        read = load_plan(path)
        assert read.name == path.stem
        assert all(limit.source for limit in read.limits)
    bio = load_plan(find_plan("bio-itc-face-1", Path()))
    assert (bio.numbers.species, bio.numbers.people, bio.numbers.artefacts) == (8, 3, 3)


def test_an_unknown_plan_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError) as caught:
        find_plan("bio-itc-face-2", Path())
    assert caught.value.code == "USE-PLN-001"
    assert "bio-itc-face-1" in str(caught.value)


def test_the_schema_of_plans_is_published() -> None:
    schema = schemas()["conformance-plan/1"]
    assert set(schema["properties"]) >= {"rules", "conditions", "limits", "confidence"}
    assert "sprt" in json.dumps(schema)

"""Group I, operator and method: what a person or a plan leaves open is said, never guessed."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.errors import MethodError
from pytest_conformance.resources import shipped
from pytest_conformance.running.judging import Judgement, contribution
from pytest_conformance.verdicts import DecisionRule, Limit


@pytest.mark.parametrize(
    ("rule", "value", "verdict"),
    [
        (DecisionRule.SIMPLE, 1.95, "PASS"),
        (DecisionRule.GUARDED, 1.95, "INCONCLUSIVE"),
        (DecisionRule.CONDITIONAL, 1.95, "CONDITIONAL_PASS"),
        (DecisionRule.CONDITIONAL, 2.05, "CONDITIONAL_FAIL"),
    ],
)
def test_I11_a_value_inside_the_uncertainty_of_its_limit(rule: DecisionRule, value: float, verdict: str) -> None:
    """A value in the guard band: judged by the agreed rule; limit and uncertainty stand beside it in the record."""
    judgement, found = Judgement(rule), None
    try:
        judgement.require("decision", value, Limit("s", upper=2.0), uncertainty=0.1, n=20)
    except (AssertionError, MethodError) as error:
        found = error
    said = contribution("t", "call", found, judgement)
    assert said is not None
    assert said.verdict.value == verdict
    (measured,) = said.measurements
    assert (measured.value, measured.uncertainty, measured.limit) == (value, 0.1, "<= 2 s")
    assert ("U = 0.1 s" in said.reason) is (verdict != "PASS")


LIMITED = """
@clause("CN-FRT-10.b", limit="decision")
def test_decides_in_time(powered):
    assert powered.is_on()

@clause("CN-FRT-8.a")
def test_needs_no_limit(powered):
    assert powered.is_on()
"""
DECLARED, RULE = "  decision: 1.5 s\n", "decision_rule: simple\n"


@pytest.mark.parametrize(
    ("limit", "rule", "accredited", "said"),
    [
        (False, True, "", "MET-LIM-002"),
        (True, True, "", ""),
        (False, True, "--accredited", "MET-LIM-002: CN-FRT-10.b cannot be judged"),
        (True, False, "--accredited", "MET-LIM-003: profile 'standard' agrees on no decision rule"),
    ],
)
def test_I13_a_clause_without_its_limit(
    conduct: Any, bench_file: Any, far: Any, tmp_path: Path, limit: bool, rule: bool, accredited: str, said: str
) -> None:
    """No limit or no decision rule: INCONCLUSIVE(method), nothing is measured; an accredited run is refused."""
    declaration, profile = tmp_path / "mine.yaml", tmp_path / "profile.yaml"
    text = (shipped("fixtures") / "devices" / "mock-lock.yaml").read_text("utf-8")
    assert DECLARED in text
    declaration.write_text(text if limit else text.replace(DECLARED, ""), "utf-8")
    text = (shipped("fixtures") / "profiles" / "standard.yaml").read_text("utf-8")
    assert RULE in text
    profile.write_text(text if rule else text.replace(RULE, ""), "utf-8")
    file = bench_file(
        supply="calibration: {certificate: c, body: b, due: 2999-01-01}",
        rest=f"validated: {version('pytest-conformance')}\n",
    )

    ran = conduct(LIMITED, file, f"--dut={declaration}", f"--profile={profile}", *filter(None, [accredited]))

    if accredited:
        assert ran.process.returncode == 11, ran.out
        (note,) = [each.data["text"] for each in ran.events("note") if "refused to start" in each.data["text"]]
        assert said in note
        assert far.output == [], "nothing was powered"
    else:
        verdict = ("PASS", None) if limit else ("INCONCLUSIVE", "method")
        assert ran.verdict("CN-FRT-10.b") == verdict, ran.out
        assert ran.events("verdict")[0].data["code"] == said
        assert ran.verdict("CN-FRT-8.a") == ("PASS", None)
    assert not far.powered()

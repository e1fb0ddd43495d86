"""Campaigns at a camera and at a watch that know faces, from the command line: a stated truth, and declared rates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.resources import shipped
from tests.system.conftest import Ran, conduct_in

SUITE = """
from pytest_conformance.procedures.campaign_judging import require_resisted

@clause("CN-STD-41819-pad")
def test_attacks(campaign, recogniser, judgement, run):
    require_resisted(campaign.run("species-by-profile", recogniser), judgement)
"""


@pytest.mark.parametrize("dut", ["mock-face-camera", "mock-face-watch"])
def test_the_species_that_the_truth_lets_in_is_the_one_that_is_found(dut: str, tmp_path: Path) -> None:
    text = (shipped("benches") / "mock-campaign.yaml").read_text()
    start, end = text.index("    accepts:"), text.index("    rejects:")
    names = "print-glossy: 0 %, print-bent: 0 %, cut-paper: 0 %, cut-card: 0 %, mask-resin: 0 %, mask-silicone: 0 %"
    accepts = f"    accepts: {{print-matt: 0 %, {names}, mask-latex: 100 %}}\n"
    bench = tmp_path / "truth.yaml"
    bench.write_text(text[:start] + accepts + text[end:].replace("rejects: 2 %", "rejects: 0 %"))

    ran = conduct_in(tmp_path, SUITE, "--profile=quick", f"--dut={dut}", bench=str(bench))

    row = ran.clauses["CN-STD-41819-pad"]
    assert (row["verdict"], row["cause"]) == ("FAIL", "dut"), ran.out
    assert "accepted: mask-latex" in row["reason"]
    trials = [each.data for each in ran.of_type("trial")]
    assert {each["outcome"] for each in trials if each["bona_fide"]} == {"accepted"}
    assert {each["species"] for each in trials if each["outcome"] == "accepted"} == {"", "mask-latex"}
    assert not [each for each in trials if each["void"]]


def declared(folder: Path, dut: str) -> str:
    """A declaration of the face device that claims ISO/IEC 30107-3, so that its declared rates are held against it."""
    text = (shipped("fixtures") / "devices" / f"{dut}.yaml").read_text("utf-8")
    assert "claims_iso_30107: false" in text
    file = folder / f"{dut}.yaml"
    file.write_text(text.replace("claims_iso_30107: false", "claims_iso_30107: true"), "utf-8")
    return str(file)


def claims(folder: Path, dut: str, *options: str) -> Any:
    """Run the shipped test of the declared rates; return its clause's row."""
    options = (f"--dut={declared(folder, dut)}", "--profile=quick", "--clauses=ISO19795-1-size", *options)
    ran: Ran = conduct_in(folder, "", *options)
    return ran.clauses["ISO19795-1-size"]


@pytest.mark.parametrize(("dut", "bad"), [("mock-face-camera", "knows-everybody"), ("mock-face-watch", "")])
def test_declared_rates_are_refuted_by_strangers_and_not_shown_by_few_trials(
    dut: str, bad: str, tmp_path: Path
) -> None:
    row = claims(tmp_path, dut, *([f"--known-bad={bad}"] if bad else []))
    if bad:
        assert (row["verdict"], row["cause"]) == ("FAIL", "dut")
        assert row["reason"].startswith("FAR: ")
    else:
        assert (row["verdict"], row["cause"]) == ("INCONCLUSIVE", "method")
        assert row["reason"].startswith("MET-CAM-002")

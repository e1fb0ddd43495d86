"""The long plans in full, from the command line, at a lock with a stated truth: BIO-iTC's toolbox and Wald's test."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.resources import shipped
from tests.system.conftest import Ran, conduct_in

SPECIES = 8


def run(folder: Path, plan: str, clause: str, rate: str) -> Ran:
    """Run the shipped test of `clause` by `plan` at a lock that accepts every species at `rate`."""
    bench = (shipped("benches") / "mock-campaign.yaml").read_text()
    start, end = bench.index("accepts:"), bench.index("rejects:")
    accepts = re.sub(r": \d+ %", f": {rate}", bench[start:end])
    (folder / "bench.yaml").write_text(
        bench[:start] + accepts + bench[end:].replace("correlation: 5 %", "correlation: 0 %")
    )
    lock = (shipped("fixtures") / "devices" / "mock-lock.yaml").read_text("utf-8")
    (folder / "mock-lock.yaml").write_text(lock.replace("claims_bio_itc_level: 0", "claims_bio_itc_level: 1"), "utf-8")
    profile = (shipped("fixtures") / "profiles" / "quick.yaml").read_text()
    (folder / "long.yaml").write_text(profile.replace("name: quick", "name: long") + f"\nplans: {{attack: {plan}}}\n")
    options = (f"--dut={folder / 'mock-lock.yaml'}", f"--profile={folder / 'long.yaml'}", f"--clauses={clause}")
    return conduct_in(folder, "", *options, bench=str(folder / "bench.yaml"))


def ended(ran: Ran) -> tuple[Any, list[Any]]:
    (how,) = (each.data["decided"] for each in ran.of_type("campaign") if each.data["state"] == "ended")
    trials = [each.data for each in ran.of_type("trial")]
    assert not [each for each in trials if each["void"]]
    return how, [each for each in trials if not each["bona_fide"]]


def test_the_toolbox_of_bio_itc_passes_a_lock_that_resists(tmp_path: Path) -> None:
    ran = run(tmp_path, "bio-itc-face-1", "BIO-ITC-PAD1", "0 %")

    row = ran.clauses["BIO-ITC-PAD1"]
    assert (row["verdict"], row["cause"]) == ("PASS", None), ran.out
    how, attacks = ended(ran)
    shown = Counter(each["artefact"] for each in attacks)
    # nine clean presentations of ten: the tenth could be the first match only, which passes as well
    assert (len(shown), set(shown.values()), how["used"]) == (SPECIES * 3 * 3, {9}, SPECIES * 3 * 3 * 9)
    assert "of at most 1440 presentations" in how["statement"]


def test_the_toolbox_of_bio_itc_fails_at_the_third_match_of_one_artefact(tmp_path: Path) -> None:
    ran = run(tmp_path, "bio-itc-face-1", "BIO-ITC-PAD1", "30 %")

    row = ran.clauses["BIO-ITC-PAD1"]
    assert (row["verdict"], row["cause"]) == ("FAIL", "dut"), ran.out
    _, attacks = ended(ran)
    matches = Counter(each["artefact"] for each in attacks if each["outcome"] == "accepted")
    assert max(matches.values()) == 3
    assert matches[attacks[-1]["artefact"]] == 3
    assert list(matches.values()).count(3) == 1


@pytest.mark.parametrize(("rate", "verdict"), [("0 %", "pass"), ("50 %", "fail")])
def test_walds_test_decides_species_by_species(tmp_path: Path, rate: str, verdict: str) -> None:
    ran = run(tmp_path, "sequential-1-15", "CN-LOCK-GB-B", rate)

    how, attacks = ended(ran)
    assert (how["end"], how["verdict"]) == ("decided", verdict), ran.out
    assert ran.clauses["CN-LOCK-GB-B"]["verdict"] == ("PASS" if verdict == "pass" else "FAIL")
    shown = Counter(each["species"] + each["artefact"].rpartition("-S")[0] for each in attacks)
    if verdict == "pass":  # ln(0.05) is passed after 20 clean presentations of ln(0.85 / 0.99) each
        assert (len(shown), set(shown.values())) == (SPECIES, {20})
    else:
        assert how["used"] < 40

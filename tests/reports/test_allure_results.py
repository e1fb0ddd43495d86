"""Allure's results and junit.xml come from the record alone, each verdict as what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from pytest_conformance.record import PlannedClause, Run
from pytest_conformance.record.vault import Vault
from pytest_conformance.reports import build_views
from pytest_conformance.verdicts import Cause, Contribution, Measurement, Verdict


@pytest.fixture
def folder(tmp_path: Path, hostile: str) -> Path:
    run = Run.start(tmp_path, {"bench": "mock", "mode": "mock", "device": {"model": hostile, "sample": "S1"}})
    tests = ("s/t.py::test_p", "s/t.py::test_f", "s/t.py::test_i", "s/t.py::test_n")
    clauses = [PlannedClause(f"A-{n}", "A", True, title=hostile, tests=(test,)) for n, test in enumerate(tests)]
    run.plan(clauses, documents={"A": {"title": hostile, "title_zh": "", "edition": "1"}})
    run.test = tests[0]
    with run.step("Stimulate", hostile):
        picture = cv2.imencode(".png", np.random.default_rng(1).integers(0, 255, (60, 40, 3), np.uint8))[1].tobytes()
        run.evidence(picture + b"SECRETFACE", name=hostile, media_type="image/png", face=True)
        run.evidence(b"a,b", name="table", media_type="text/csv")
    run.verdict(["A-0"], Contribution(Verdict.PASS, tests[0], measurements=(Measurement("=cmd()", 1.0, "s"),)))
    run.test = ""
    run.verdict(
        ["A-1"], Contribution(Verdict.FAIL, tests[1], Cause.DUT, hostile), explanation=f"assert 1 == 2 {hostile}"
    )
    said = Contribution(Verdict.INCONCLUSIVE, tests[2], Cause.BENCH, "BEN-LNK-001: gone", "BEN-LNK-001")
    run.verdict(["A-2"], said)
    run.stop(1)
    build_views(run.folder)
    return run.folder


def results(folder: Path) -> dict[str, dict[str, Any]]:
    files = (folder / "allure-results").glob("*-result.json")
    return {each["name"]: each for each in (json.loads(file.read_bytes()) for file in files)}


def test_each_verdict_has_the_status_that_it_is(folder: Path) -> None:
    found = results(folder)

    assert {name: each["status"] for name, each in found.items()} == {
        "test_p": "passed",
        "test_f": "failed",
        "test_i": "broken",
        "test_n": "skipped",
    }
    assert found["test_i"]["statusDetails"]["message"].startswith("Bench fault: INCONCLUSIVE: BEN-LNK-001")
    assert "assert 1 == 2" in found["test_f"]["statusDetails"]["trace"]


def test_steps_hold_what_happened_in_them_and_faces_are_blurred(folder: Path) -> None:
    (step,) = results(folder)["test_p"]["steps"]

    assert step["status"] == "passed"
    assert [each["type"] for each in step["attachments"]] == ["image/png", "text/plain"]
    shown = (folder / "allure-results" / step["attachments"][0]["source"]).read_bytes()
    assert shown.startswith(b"\x89PNG")
    everything = b"".join(each.read_bytes() for each in (folder / "allure-results").iterdir())
    assert b"SECRETFACE" not in everything


def test_measured_values_are_neutralised_for_spreadsheets(folder: Path) -> None:
    (table,) = results(folder)["test_p"]["attachments"]

    assert b"'=cmd()" in (folder / "allure-results" / table["source"]).read_bytes()


def test_device_text_is_escaped_in_every_file(folder: Path) -> None:
    for file in (folder / "allure-results").glob("*.json"):
        text = json.dumps(json.loads(file.read_bytes()), ensure_ascii=False)
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_junit_shows_inconclusive_as_an_error_with_its_cause(folder: Path) -> None:
    root = ElementTree.fromstring((folder / "junit.xml").read_bytes())
    (suite,) = root
    cases = {case.get("name"): case for case in suite.iter("testcase")}

    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    error = cases["test_i"].find("error")
    assert error is not None
    assert error.get("type") == "INCONCLUSIVE(bench)"
    assert cases["test_i"].find("failure") is None
    failure = cases["test_f"].find("failure")
    assert failure is not None
    assert failure.get("type") == "FAIL(dut)"
    assert cases["test_n"].find("skipped") is not None


def test_a_sealed_face_is_attached_once_and_blurred(tmp_path: Path) -> None:
    run = Run.start(tmp_path / "runs", {"bench": "own"})
    run.vault = Vault(tmp_path / "vault")
    run.plan([PlannedClause("A-1", "A", True, tests=("t.py::one",))], documents={})
    run.test = "t.py::one"
    picture = cv2.imencode(".png", np.random.default_rng(1).integers(0, 255, (80, 80, 3), np.uint8))[1].tobytes()
    run.evidence(picture, name="face.png", media_type="image/png", caption="somebody", face=True)
    run.verdict(["A-1"], Contribution(Verdict.PASS, "t.py::one"))
    run.stop(0)
    build_views(run.folder)
    (result,) = results(run.folder).values()
    assert [each["name"] for each in result["attachments"]] == ["somebody (face, blurred)"]


def test_a_test_of_which_nothing_is_told_has_the_time_of_its_plan(folder: Path) -> None:
    found = results(folder)
    assert found["test_n"]["status"] == "skipped"
    for each in found.values():
        assert each["stop"] >= each["start"] > 1_700_000_000_000, each["name"]

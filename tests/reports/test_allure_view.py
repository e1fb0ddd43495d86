"""The bridge to allure-pytest, in whole pytest sessions of their own."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

import pytest_conformance
from pytest_conformance.record import read_journal, verify_run

pytest_plugins = ["pytester"]

CONFTEST = r"""
from pathlib import Path

import pytest

from pytest_conformance.errors import LinkError
from pytest_conformance.record import PlannedClause, Run
from pytest_conformance.reports.allure_files import write_allure_files
from pytest_conformance.reports.allure_view import AllureView, label_item
from pytest_conformance.reports.escaped_reports import EscapedReports
from pytest_conformance.reports.reading import read_record
from pytest_conformance.verdicts import Cause, Contribution, Measurement, Verdict

HOSTILE = "<script>alert(1)</script>\x1b[31m\ud800\u202e"
CLAUSES = [
    PlannedClause("A-1", "A", True, title="keep it local", chapter="Article 8", text_status="verbatim",
                  severity="major"),
    PlannedClause("B-2", "B", True, title="tell people", chapter="2", text_status="memory", severity="critical"),
]
DOCUMENTS = {"A": {"title": "Measures", "edition": "2025"}, "B": {"title": "Code"}}
STATE = {}


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    worker = getattr(config, "workerinput", None)
    run = Run.join(Path(worker["run"])) if worker else Run.start(Path("runs").absolute(), {"bench": "mock"})
    folder = Path(config.option.allure_report_dir or run.folder / "allure-results").absolute()
    config.option.allure_report_dir = str(folder)
    STATE.update(run=run, folder=folder, worker=bool(worker))
    STATE["view"] = AllureView(run, {"bench": "mock", "sample": HOSTILE, "firmware": ""})
    config.pluginmanager.register(STATE["view"])
    config.pluginmanager.register(EscapedReports())


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["run"] = str(STATE["run"].folder)


def pytest_collection_modifyitems(items):
    for item in items:
        label_item(item, CLAUSES, DOCUMENTS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        error = call.excinfo.value if call.excinfo else None
        measured = getattr(item, "measured", ())
        if isinstance(error, LinkError):
            said = Contribution(Verdict.INCONCLUSIVE, item.nodeid, Cause.BENCH, str(error), error.code)
        elif error is not None:
            said = Contribution(Verdict.FAIL, item.nodeid, Cause.DUT, HOSTILE, "", item.funcargs.get("cited", ()))
        elif "limit" in item.name:
            said = Contribution(Verdict.FAIL, item.nodeid, Cause.DUT, "t is 2 s, limit <= 1 s", "",
                                (Measurement("=t", 2.0, "s", 0.1, "<= 1 s", 5),))
        else:
            said = Contribution(Verdict.PASS, item.nodeid)
        STATE["view"].judged(item.nodeid, said)
    return report


@pytest.fixture(scope="session")
def run():
    return STATE["run"]


@pytest.fixture(scope="session")
def traffic(run):
    import cv2
    import numpy as np

    with run.step("Stimulate", "enrol " + HOSTILE):
        picture = cv2.imencode(".png", np.full((40, 40, 3), 99, np.uint8))[1].tobytes()
        run.evidence(picture + b"<script>", name="../x.html", media_type="image/png", caption="shown", face=True)
        run.evidence(b"<html>\xff\x1b", name=HOSTILE, media_type="text/plain")
        run.evidence(b"<html><script>", name="page", media_type="text/html")
        run.evidence(b"pcap", name="capture", media_type="application/x-pcapng")
        run.evidence(b"name", name="who", media_type="text/plain", caption="a name", face=True)


def pytest_sessionfinish(session, exitstatus):
    if not STATE["worker"]:
        STATE["run"].stop(int(exitstatus))
        write_allure_files(read_record(STATE["run"].folder), STATE["folder"])
"""

TESTS = r"""
import logging

import allure

from pytest_conformance.errors import LinkError


def test_good(traffic, run):
    allure.dynamic.label("device", "\ud800\x1b")
    allure.dynamic.description_html("<script>alert(1)</script>")
    allure.dynamic.link("javascript:alert(1)", name="click")
    with run.step("Evaluate", "look"):
        pass


def test_link(run):
    with run.step("Measure", "read"):
        raise LinkError("BEN-LNK-001", "gone \ud800")


def test_bad(traffic):
    logging.getLogger().warning("a lone surrogate \udcff and \x1b[31m colour")
    assert False, "no \ud800"


def test_limit():
    pass
"""


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    root = Path(pytest_conformance.__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", str(root))
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_clauses=TESTS)
    return pytester


def _results(folder: Path) -> dict[str, dict[str, Any]]:
    results = [json.loads(file.read_text("utf-8")) for file in folder.glob("*-result.json")]
    return {result["name"]: result for result in results}


def _labels(result: dict[str, Any], name: str) -> list[str]:
    return [label["value"] for label in result["labels"] if label["name"] == name]


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "parallel"])
def test_a_session_with_hostile_text_ends_with_what_was_judged(session: pytest.Pytester, workers: list[str]) -> None:
    outcome = session.runpytest_subprocess("-p", "no:randomly", *workers, timeout=120)

    assert outcome.ret == 1, outcome.outlines
    assert not set("".join(outcome.outlines)) & set("\x1b\u202e\ud800"), "the terminal is not acted upon"
    (run,) = (session.path / "runs").iterdir()
    results = _results(run / "allure-results")
    status = {name: result["status"] for name, result in results.items()}
    assert status == {"test_good": "passed", "test_link": "broken", "test_bad": "failed", "test_limit": "failed"}
    assert results["test_link"]["statusDetails"]["message"].startswith("Bench fault: INCONCLUSIVE: BEN-LNK-001")
    assert results["test_bad"]["statusDetails"]["message"].startswith("Device finding: FAIL: <script>")
    assert results["test_limit"]["statusDetails"]["message"].startswith("Limit exceeded: FAIL: t is 2 s")
    assert not [event.data for event in read_journal(run / "journal.jsonl") if event.type == "note"]
    assert verify_run(run) == []


@pytest.fixture
def results(session: pytest.Pytester) -> Path:
    session.runpytest_subprocess("-p", "no:randomly", timeout=120)
    (run,) = (session.path / "runs").iterdir()
    return run / "allure-results"


def test_labels_parameters_and_steps_tell_what_was_judged_where(results: Path) -> None:
    good = _results(results)["test_good"]

    assert _labels(good, "epic") == ["Code", "Measures (2025)"]
    assert _labels(good, "feature") == ["A Article 8", "B 2"]
    assert _labels(good, "story") == ["A-1 keep it local", "B-2 tell people"]
    assert _labels(good, "severity") == ["critical"]
    assert _labels(good, "tag") == ["text not checked"]
    assert _labels(good, "host") == []
    assert _labels(good, "device") == ["\\ud800\\x1b"]
    assert "descriptionHtml" not in good
    assert "links" not in good
    parameters = {each["name"]: each for each in good["parameters"]}
    assert set(parameters) == {"bench", "sample"}
    assert parameters["sample"]["value"] == "<script>alert(1)</script>\\x1b[31m\\ud800\\u202e"
    assert parameters["bench"]["excluded"] is True
    assert [step["name"] for step in good["steps"]] == ["Evaluate: look"]
    (step,) = _results(results)["test_link"]["steps"]
    assert step["status"] == "broken"


def test_evidence_stands_at_the_fixture_that_made_it_and_is_harmless(results: Path) -> None:
    befores = [
        before
        for file in results.glob("*-container.json")
        for before in json.loads(file.read_text("utf-8")).get("befores", [])
        if before["name"] == "traffic"
    ]
    (step,) = befores[0]["steps"]
    attached = {each["name"]: each for each in step["attachments"]}

    assert step["name"].startswith("Stimulate: enrol <script>")
    assert set(attached) == {
        "shown (face, blurred)",
        "<script>alert(1)</script>\\x1b[31m\\ud800\\u202e",
        "page",
        "capture",
        "a name",
    }
    for name in ("page", "capture"):
        assert b"bytes, kept as" in (results / attached[name]["source"]).read_bytes(), "named, not handed on"
    picture = (results / attached["shown (face, blurred)"]["source"]).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert b"script" not in picture
    assert b"personal data" in (results / attached["a name"]["source"]).read_bytes()
    assert not list(results.glob("*.html"))
    assert {file.suffix for file in results.glob("*-attachment*")} <= {".png", ".txt", ".csv"}


def test_measured_values_and_logs_are_attached_escaped(results: Path) -> None:
    limit = _results(results)["test_limit"]
    (table,) = [each for each in limit["attachments"] if each["name"] == "measured values"]
    text = (results / table["source"]).read_text()
    assert "'=t,2.0,0.1,s,<= 1 s,5" in text

    bad = _results(results)["test_bad"]
    (log,) = [each for each in bad["attachments"] if each["name"] == "log"]
    shown = (results / log["source"]).read_text()
    assert "a lone surrogate \\udcff and \\x1b[31m colour" in shown


def test_environment_and_categories_stand_beside_the_results(results: Path) -> None:
    assert "Bench = mock" in (results / "environment.properties").read_text("ascii")
    names = [each["name"] for each in json.loads((results / "categories.json").read_text("ascii"))]
    assert names[:4] == ["Limit exceeded", "Device finding", "Device did not cooperate", "Bench fault"]


def test_no_result_names_the_host(results: Path) -> None:
    host = socket.gethostname()
    for file in results.glob("*.json"):
        assert f'"{host}"' not in file.read_text("utf-8")


def test_an_explicit_folder_is_respected(session: pytest.Pytester) -> None:
    session.runpytest_subprocess("-p", "no:randomly", "--alluredir", "elsewhere", timeout=120)

    assert len(_results(session.path / "elsewhere")) == 4


def test_K01_a_broken_view_leaves_verdicts_and_record_alone(session: pytest.Pytester) -> None:
    broken = (
        CONFTEST
        + r"""

import allure_commons.logger


def fail(self, item):
    raise OSError(28, "No space left on device")


allure_commons.logger.AllureFileLogger._report_item = fail
"""
    )
    session.makeconftest(broken)

    outcome = session.runpytest_subprocess("-p", "no:randomly", timeout=120)

    outcome.assert_outcomes(passed=2, failed=2)
    (run,) = (session.path / "runs").iterdir()
    notes = [event.data["text"] for event in read_journal(run / "journal.jsonl") if event.type == "note"]
    assert notes == ["the Allure view had a fault: OSError: [Errno 28] No space left on device"]

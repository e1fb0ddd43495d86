"""`conformance matrix`: coverage by the tests that pytest collects, without any bench."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from pytest_conformance.cli import main
from pytest_conformance.commands import collected_tests, matrix
from pytest_conformance.commands.collected_tests import tests_by_clause as by_clause
from pytest_conformance.errors import UsageError

TESTS = {"CN-FRT-8.b": ["suites/locks/test_a.py::test_b"]}


@pytest.fixture
def few_tests(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Let only TESTS exist; what was asked for is kept."""
    asked: list[list[str]] = []

    def collected(kinds: Any) -> dict[str, list[str]]:
        asked.append(list(kinds))
        return TESTS

    monkeypatch.setattr(collected_tests, "tests_by_clause", collected)
    return asked


def rows(said: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for document in said["documents"]:
        yield from document["clauses"]


def test_collection_names_the_tests_of_each_clause_for_each_kind() -> None:
    found = by_clause(["lock"])
    assert any("suites/locks/" in name for name in found["CN-FRT-8.b"])
    assert not any("suites/cameras/" in name for names in found.values() for name in names)
    both = by_clause(["lock", "camera", "wearable"])
    assert {name.split("/")[1] for names in both.values() for name in names} >= {"common", "locks", "cameras"}


def test_the_matrix_starts_no_bench_even_when_the_project_asks_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., CompletedProcess[str]]
) -> None:
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nconformance_bench = mock\naddopts = --bench=nowhere --dut=nothing\n"
    )
    monkeypatch.setenv("PYTEST_ADDOPTS", "--bench=mock")
    done = command("matrix", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert [each.name for each in tmp_path.iterdir()] == ["pytest.ini"]
    tested = {row["id"]: row["tests"] for row in rows(json.loads(done.stdout)) if row["tests"]}
    assert "CN-FRT-8.b" in tested
    assert "EN303645-5.1-4" in tested


def test_suites_that_a_laboratory_adds_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "test_own.py").write_text(
        "from pytest_conformance import clause\n@clause('CN-PIPL-51')\ndef test_own():\n    raise SystemExit\n"
    )
    (tmp_path / "conftest.py").write_text(
        "from pathlib import Path\n"
        "def pytest_conformance_suites(kind):\n"
        "    return [Path(__file__).parent / 'more'] if kind == 'camera' else []\n"
    )
    monkeypatch.chdir(tmp_path)
    assert by_clause(["camera"])["CN-PIPL-51"] == ["more/test_own.py::test_own"]
    assert "CN-PIPL-51" not in by_clause(["lock"])


def test_a_suite_that_cannot_be_imported_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "test_broken.py").write_text("import a_library_that_nobody_has\n")
    (tmp_path / "conftest.py").write_text(
        "from pathlib import Path\n"
        "def pytest_conformance_suites(kind):\n"
        "    return [Path(__file__).parent / 'test_broken.py']\n"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="a_library_that_nobody_has") as caught:
        by_clause(["lock"])
    assert caught.value.code == "USE-SUI-001"


def test_without_a_device_nothing_is_ruled_out(few_tests: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["product"] is None
    assert said["totals"]["tested"] == 1
    assert few_tests == [["lock", "camera", "wearable"]]


def test_a_device_rules_clauses_out_and_asks_for_its_own_suites(
    few_tests: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["matrix", "--dut", "mock-camera", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["product"] == "camera"
    states = {row["id"]: row["state"] for row in rows(said)}
    assert states["CN-FRT-8.b"] == "applicable"
    assert "not_applicable" in states.values()
    assert few_tests == [["camera"]]


def test_clauses_and_a_document_narrow_what_is_shown_but_not_what_is_judged(
    few_tests: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["matrix", "--clauses", "CN-FRT-8.*", "--json"]) == 0
    some = {row["id"]: row for row in rows(json.loads(capsys.readouterr().out))}
    assert set(some) == {"CN-FRT-8.a", "CN-FRT-8.b", "CN-FRT-8.c"}
    assert main(["matrix", "--document", "CN-FRT", "--json"]) == 0
    (document,) = json.loads(capsys.readouterr().out)["documents"]
    assert document["id"] == "CN-FRT"
    assert {row["id"]: row for row in document["clauses"]}["CN-FRT-8.b"] == some["CN-FRT-8.b"]


def test_for_people_there_is_a_table(few_tests: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", "--document", "CN-FRT"]) == 0
    said = capsys.readouterr().out
    assert "CN-FRT-8.b" in said
    assert "suites/locks/test_a.py::test_b" in said


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--document", "CN-FTR"], "USE-CAT-010"),
        (["--clauses", "XX-*"], "USE-CLS-002"),
        (["--dut", "mock-lok"], "USE-DUT-001"),
    ],
)
def test_what_does_not_exist_is_refused(
    arguments: list[str], code: str, few_tests: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["matrix", *arguments]) == 11
    assert code in capsys.readouterr().err


def test_a_test_that_names_an_unknown_clause_is_refused_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(collected_tests, "tests_by_clause", lambda kinds: {"CN-FRT-8.x": ["t"]})
    assert matrix.OK == 0
    assert main(["matrix"]) == 11
    assert "CN-FRT-8.a" in capsys.readouterr().err

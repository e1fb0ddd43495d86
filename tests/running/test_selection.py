"""Which suites fit a kind of device, what a test judges and how it is called, and unknown clause ids."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_conformance.catalogue import load_catalogue
from pytest_conformance.running import selection
from pytest_conformance.running.selection import clauses_of, matches, suite_paths, unknown_clauses


def item(nodeid: str, *marks: tuple[str, ...]) -> Any:
    return SimpleNamespace(
        nodeid=nodeid,
        iter_markers=lambda name: [SimpleNamespace(args=ids, kwargs={}) for ids in marks if name == "clause"],
    )


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("common", "locks", "cameras", "wearables"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(selection, "shipped", lambda name: tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "folders"),
    [
        ("lock", ["common", "locks"]),
        ("camera", ["common", "cameras"]),
        ("wearable", ["common", "wearables"]),
        ("toaster", ["common"]),
    ],
)
def test_a_kind_has_its_own_suites_and_the_common_ones(root: Path, kind: str, folders: list[str]) -> None:
    assert suite_paths(kind) == [root / name for name in folders]


def test_a_new_kind_may_bring_its_folder(root: Path) -> None:
    (root / "toasters").mkdir()
    assert suite_paths("toaster") == [root / "common", root / "toasters"]


def test_plugins_add_suites_that_exist(root: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    def suites(kind: str) -> list[Any]:
        asked.append(kind)
        return [[tmp_path / "cameras"], None, [tmp_path / "nowhere"]]

    hook = SimpleNamespace(pytest_conformance_suites=suites)
    assert suite_paths("lock", hook) == [root / "common", root / "locks", tmp_path / "cameras"]
    assert asked == ["lock"]


def test_the_shipped_suites_are_there() -> None:
    assert {path.name for path in suite_paths("lock")} == {"common", "locks"}


def test_a_test_s_clauses_are_those_of_all_its_marks_each_once() -> None:
    assert clauses_of(item("t", ("B", "A"), ("C", "A"))) == ("B", "A", "C")
    assert clauses_of(item("t")) == ()


@pytest.mark.parametrize(
    ("nodeid", "name"),
    [
        ("suites/locks/test_a.py::test_b[1]", "suites/locks/test_a.py::test_b[1]"),
        (
            "../../.venv/lib/python3.11/site-packages/pytest_conformance/shipped/suites/locks/test_a.py::test_b",
            "suites/locks/test_a.py::test_b",
        ),
        ("suites/old/suites/common/test_a.py::T::test_b", "suites/common/test_a.py::T::test_b"),
        ("mine\\suites\\locks\\test_a.py::test_b[a/suites/b]", "suites/locks/test_a.py::test_b[a/suites/b]"),
        ("mine/test_a.py::test_b", "mine/test_a.py::test_b"),
        ("mine/my_suites/test_a.py::test_b", "mine/my_suites/test_a.py::test_b"),
    ],
)
def test_shipped_tests_are_called_the_same_wherever_they_lie(nodeid: str, name: str) -> None:
    assert selection.test_name(nodeid) == name
    assert selection.test_name(item(nodeid)) == name


def test_an_unknown_clause_is_named_with_near_ones() -> None:
    lines = unknown_clauses([item("t.py::a", ("CN-FTR-8.b", "CN-FRT-8.b")), item("t.py::b")], load_catalogue())
    (line,) = lines
    assert line.startswith("t.py::a: no document has clause 'CN-FTR-8.b'; nearest: CN-FRT-8.b")


@pytest.mark.parametrize(
    ("ids", "patterns", "wanted"),
    [
        (("CN-FRT-8.b",), "CN-FRT-*", True),
        (("CN-FRT-8.b",), "CN-PIPL-*", False),
        (("CN-FRT-8.b",), " CN-PIPL-* , CN-FRT-8.b ", True),
        (("CN-FRT-8.b",), "cn-frt-8.b", False),
        (("A", "CN-FRT-8.b"), "CN-FRT-?.b", True),
        ((), "CN-*", False),
        ((), "", True),
        (("A",), " , ", True),
    ],
)
def test_patterns_choose_clauses(ids: tuple[str, ...], patterns: str, wanted: bool) -> None:
    assert matches(ids, patterns) is wanted

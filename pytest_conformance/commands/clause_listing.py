"""A pytest plugin that collects the suites of some kinds of devices and writes which tests judge which clause.

Loaded only by `collected_tests`, in a process of its own: nothing is run, and no bench is started.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.running.selection import clauses_of, suite_paths, test_name

KEY = pytest.StashKey[dict[str, list[str]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance-listing")
    group.addoption("--listing-kinds", default="", help="kinds of devices whose suites are collected, with commas")
    group.addoption("--listing-file", default="", help="file that receives the tests of each clause as JSON")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    kinds = str(config.getoption("--listing-kinds")).split(",")
    paths = dict.fromkeys(str(path) for kind in kinds for path in suite_paths(kind, config.hook))
    config.args = list(paths)
    config.option.importmode = "importlib"
    config.stash[KEY] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Shipped suites are collected wherever they lie, also inside a virtual environment."""
    chosen = [Path(argument) for argument in config.args]
    return False if any(collection_path == each or collection_path in each.parents for each in chosen) else None


def pytest_collection_finish(session: pytest.Session) -> None:
    found: dict[str, list[str]] = session.config.stash[KEY]
    for item in session.items:
        for clause_id in clauses_of(item):
            found.setdefault(clause_id, []).append(test_name(item))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    said: dict[str, Any] = {"exit": int(exitstatus), "tests": session.config.stash.get(KEY, {})}
    Path(str(session.config.getoption("--listing-file"))).write_text(json.dumps(said), "utf-8")

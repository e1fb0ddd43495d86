"""The page of fixtures and procedures is what the sources say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).resolve().parent.parent / "tools" / "fixture_list.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fixture_list", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fixture_list"] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(tool: ModuleType) -> None:
    assert tool.PAGE.read_text(encoding="utf-8") == tool.page(), "run: .venv/bin/python tools/fixture_list.py"


def test_every_public_fixture_is_listed_with_its_text(tool: ModuleType) -> None:
    found = {each.name: each.text for each in tool.public_fixtures()}
    assert {"bench", "device", "declaration", "judgement", "lock", "supply", "watch"} <= set(found)
    assert [name for name, text in found.items() if not text] == []


def test_a_procedure_comes_with_its_observation_and_the_clauses_it_serves(tool: ModuleType, tmp_path: Path) -> None:
    rooms, suites = tmp_path / "procedures", tmp_path / "suites"
    rooms.mkdir()
    suites.mkdir()
    (rooms / "doors.py").write_text(
        "@dataclass(frozen=True)\nclass Doors:\n    open: int\n    shut: int\n\n"
        '@procedure\ndef doors(lock) -> Doors:\n    """Open and shut each door.\n\n    More.\n    """\n'
    )
    (suites / "test_rule.py").write_text(
        '@clause("R-10.a")\ndef test_a(doors): ...\n\n@clause("R-2.a")\ndef test_b(doors, judgement): ...\n'
    )
    (made,) = tool.procedures(rooms, suites)["doors"]
    assert made == tool.Fixture("doors", "Open and shut each door.", "Doors", ("open", "shut"), ("R-2.a", "R-10.a"))

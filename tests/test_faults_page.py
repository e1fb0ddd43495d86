"""The page of fault cases is what the tests say: each case has a test, or a reason why it has none."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).resolve().parent.parent / "tools" / "faults.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("faults_tool", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["faults_tool"] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(tool: ModuleType) -> None:
    assert tool.PAGE.read_text(encoding="utf-8") == tool.page(), "run: .venv/bin/python tools/faults.py"


def test_every_case_has_a_test_or_a_reason(tool: ModuleType) -> None:
    assert tool.problems() == []
    assert len(tool.cases()) == 166


def test_a_test_speaks_for_each_id_in_its_name(tool: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "test_group_A.py").write_text(
        "def test_A06_A07_the_dead_man_falls(): ...\n\n"
        '@LONG\ndef test_A02_interrupt():\n    """It ends well.\n\n    More.\n    """\n'
    )
    found = [(each.case, each.seen, each.long) for each in tool.shown(tmp_path)]
    assert found == [
        ("A06", "the dead man falls", False),
        ("A07", "the dead man falls", False),
        ("A02", "It ends well", True),
    ]

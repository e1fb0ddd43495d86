"""The page of error codes is what the sources say, and each code has one class, of the family that its prefix names."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).resolve().parent.parent / "tools" / "error_codes.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("error_codes", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["error_codes"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def uses(tool: ModuleType) -> list:
    return list(tool.Sources(*tool.FOLDERS).uses())


def package(folder: Path, text: str) -> Path:
    """Write a package with the real error tree and one module of `text`."""
    made = folder / "pytest_conformance"
    made.mkdir()
    (made / "errors.py").write_text((TOOL.parent.parent / "pytest_conformance" / "errors.py").read_text())
    (made / "room.py").write_text(text)
    return made


def test_the_page_is_up_to_date(tool: ModuleType, uses: list) -> None:
    assert tool.PAGE.read_text(encoding="utf-8") == tool.page(uses), "run: .venv/bin/python tools/error_codes.py"


def test_each_code_has_one_class_one_family_and_a_meaning(tool: ModuleType, uses: list) -> None:
    assert tool.conflicts(uses) == []


def test_every_code_that_stands_in_the_sources_is_on_the_page(tool: ModuleType) -> None:
    text = tool.PAGE.read_text(encoding="utf-8")
    quoted = re.compile(rf"[\"']({tool.CODE.pattern})[\"']")
    written = {
        found[1]
        for folder in tool.FOLDERS
        for path in folder.rglob("*.py")
        for found in quoted.finditer(path.read_text(encoding="utf-8"))
    }
    assert len(written) > 200
    assert [code for code in sorted(written) if f"| `{code}` |" not in text] == []


def test_a_code_under_two_classes_is_told_with_both_places(tool: ModuleType, tmp_path: Path) -> None:
    made = package(
        tmp_path,
        "def one(): raise LinkError('BEN-XXX-001', 'the cable is out')\n"
        "def two(): raise InstrumentError('BEN-XXX-001', 'the cable is out')\n",
    )
    wrong = tool.conflicts(list(tool.Sources(made).uses()))
    assert wrong[0].startswith("BEN-XXX-001 is used for InstrumentError and LinkError: ")
    assert wrong[0].endswith("pytest_conformance/room.py:1, pytest_conformance/room.py:2")


def test_a_prefix_of_another_family_is_told(tool: ModuleType, tmp_path: Path) -> None:
    made = package(tmp_path, "def one(): raise LinkError('MET-XXX-001', 'the cable is out')\n")
    wrong = tool.conflicts(list(tool.Sources(made).uses()))
    assert wrong[0].startswith("MET-XXX-001 is used for LinkError, another family")


def test_a_code_without_a_readable_meaning_is_told(tool: ModuleType, tmp_path: Path) -> None:
    made = package(tmp_path, "def one(why): raise LinkError('BEN-XXX-001', why)\n")
    wrong = tool.conflicts(list(tool.Sources(made).uses()))
    assert wrong[0].startswith("BEN-XXX-001 has no message that can be read here")


def test_helpers_subclasses_and_messages_built_at_run_time_are_understood(tool: ModuleType, tmp_path: Path) -> None:
    made = package(
        tmp_path,
        "class PortError(LinkError): pass\n"
        "def faulty(code, what): return PortError(code, what)\n"
        "def one(n): raise faulty('BEN-XXX-001', f'port {n} is gone')\n"
        "def two(error):\n"
        "    if error.code != 'BEN-XXX-002': raise MethodError('MET-XXX-001', 'no limit', todo='give one')\n",
    )
    found = {each.code: each for each in tool.Sources(made).uses()}
    assert set(found) == {"BEN-XXX-001", "MET-XXX-001"}
    assert (found["BEN-XXX-001"].error, found["BEN-XXX-001"].message) == ("LinkError", "port … is gone")
    assert (found["MET-XXX-001"].error, found["MET-XXX-001"].todo) == ("MethodError", "give one")

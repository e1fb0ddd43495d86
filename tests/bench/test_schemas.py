from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_conformance.bench.schemas import schemas
from pytest_conformance.commands.schema import _schemas as printed
from pytest_conformance.resources import shipped
from pytest_conformance.yamlfile import Bare, parse, read

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "files.md"
FILES = sorted([*shipped("benches").glob("*.yaml"), *shipped("fixtures").glob("*/*.yaml")])


def plain(data: Any) -> Any:
    """Return `data` as an editor's YAML reader gives it: text where this package keeps a bare word apart."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [plain(value) for value in data]
    return data.written if isinstance(data, Bare) else data


def validator(name: str) -> jsonschema.Draft202012Validator:
    """Return what checks a file of that schema; those of the rooms above this one are what the command prints."""
    return jsonschema.Draft202012Validator(printed()[name]())


def test_there_is_a_schema_for_each_kind_of_file() -> None:
    assert list(schemas()) == [
        "conformance-artefacts/1",
        "conformance-bench/1",
        "conformance-declaration/1",
        "conformance-order/1",
        "conformance-plan/1",
        "conformance-profile/1",
        "conformance-subjects/1",
    ]


@pytest.mark.parametrize("name", list(schemas()))
def test_each_schema_is_one(name: str) -> None:
    schema = schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["schema"]["const"] == name
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_shipped_files_meet_their_schemas(path: Path) -> None:
    data = read(path).data
    assert [error.message for error in validator(data["schema"]).iter_errors(plain(data))] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_schemas_refuse_unknown_keys_and_missing_ones(path: Path) -> None:
    data = plain(read(path).data)
    name = data["schema"]
    assert list(validator(name).iter_errors({**data, "unknwon": 1}))
    assert list(validator(name).iter_errors({key: value for key, value in data.items() if key != "schema"}))


def test_the_schemas_know_that_quantities_are_text_with_units() -> None:
    data = plain(read(shipped("fixtures") / "profiles" / "quick.yaml").data)
    data["windows"]["soak"] = 60
    assert list(validator("conformance-profile/1").iter_errors(data))


def test_the_examples_of_the_docs_are_read_and_meet_their_schemas() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    names = []
    for example in examples:
        data = plain(parse("docs", example.encode()).data)
        names.append(data.get("schema"))
        if names[-1] not in (None, "conformance-profile/1"):  # the profile is shown in part
            assert [error.message for error in validator(names[-1]).iter_errors(data)] == []
    assert len(set(names)) == 8


def test_every_code_of_the_files_is_in_the_docs() -> None:
    docs = DOCS.read_text(encoding="utf-8")
    rooms = [ROOT / "pytest_conformance" / name for name in ("yamlfile", "declaration", "bench/file.py", "stimulus")]
    sources = [path for room in rooms for path in ([room] if room.is_file() else room.glob("*.py"))]
    codes = {
        code for path in sources for code in re.findall(r"USE-(?:FIL|DEC|BEN|REG|DUT|PRO)-\d{3}", path.read_text())
    }
    shortened = {"USE-BEN-002", "USE-BEN-011", "USE-BEN-012", "USE-BEN-013", "USE-REG-003"}
    assert codes
    assert {code for code in codes - shortened if code not in docs} == set()

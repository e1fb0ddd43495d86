from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_conformance.bench.schemas import schemas
from pytest_conformance.resources import shipped
from pytest_conformance.yamlfile import Bare, read

FILES = sorted([*shipped("benches").glob("*.yaml"), *shipped("fixtures").glob("*/*.yaml")])


def plain(data: Any) -> Any:
    """Return `data` as an editor's YAML reader gives it: text where this package keeps a bare word apart."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [plain(value) for value in data]
    return data.written if isinstance(data, Bare) else data


def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schemas()[name])


def test_there_is_a_schema_for_each_kind_of_file() -> None:
    assert list(schemas()) == [
        "conformance-artefacts/1",
        "conformance-bench/1",
        "conformance-declaration/1",
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

"""The JSON Schema of catalogue files accepts what is shipped and refuses unknown keys."""

from __future__ import annotations

import jsonschema
import pytest

from pytest_conformance.catalogue.schema import catalogue_schema
from pytest_conformance.catalogue.source import SHIPPED, read_folder


def test_every_shipped_document_is_valid_against_the_json_schema() -> None:
    validator = jsonschema.Draft202012Validator(catalogue_schema())
    for file in read_folder(SHIPPED)["documents"]:
        validator.validate(file)


def test_the_json_schema_refuses_an_unknown_key() -> None:
    file = dict(read_folder(SHIPPED)["documents"][0])
    file["clauses"] = [{**file["clauses"][0], "colour": "red"}]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(file, catalogue_schema())

from __future__ import annotations

import pytest

from pytest_conformance.catalogue import load_catalogue
from pytest_conformance.declaration.ixit import TABLES, IxitTables, Row, attribute, referring_fields


def test_the_tables_are_those_of_the_catalogue_in_its_order() -> None:
    tables = load_catalogue().documents["etsi-en-303-645"].tables["ixit_tables"]
    assert list(TABLES) == [table["name"] for table in tables]


def test_each_table_has_as_many_fields_as_the_standard_names() -> None:
    for table in load_catalogue().documents["etsi-en-303-645"].tables["ixit_tables"]:
        assert len(TABLES[table["name"]].split()) == len(table["fields"]), table["name"]


def test_fields_that_refer_to_rows_are_known_by_table() -> None:
    assert referring_fields()["28-LogIntf"] == {"access": ("15-PhyIntf",)}
    assert referring_fields()["29-InpVal"] == {"source": ("27-UserIntf", "28-LogIntf")}
    assert set(TABLES) == set(referring_fields())


def test_all_tables_are_empty_unless_given() -> None:
    tables = IxitTables()
    assert dict(tables) == dict.fromkeys(TABLES, ())  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        tables.rows("30-Other")


def test_a_row_says_nothing_in_fields_that_it_leaves_out() -> None:
    tables = IxitTables.model_validate({"1-AuthMech": [{"id": "A", "description": "x"}]})
    (row,) = tables.rows("1-AuthMech")
    assert isinstance(row, Row)
    assert (row.text("description"), row.text("authentication_factor"), row.references("description")) == ("x", "", ())
    assert attribute("1-AuthMech") == "table_1_AuthMech"

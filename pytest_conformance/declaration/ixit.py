"""The IXIT tables of ETSI TS 103 701, as models of a declaration's section `ixit`.

Field names are the standard's in lower case with underscores. A field that refers to rows holds a list of ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, create_model

from pytest_conformance.yamlfile.model import Name, Part, Text
from pytest_conformance.yamlfile.scalars import as_written

Answer = Annotated[Literal["yes", "no"], BeforeValidator(as_written)]

YES_NO = "?"
"""Marks a field that is answered by yes or no."""

# Table: fields. "name?" is answered by yes or no; "name>11,28" lists rows of these tables.
TABLES: Mapping[str, str] = {
    "1-AuthMech": "description authentication_factor password_generation_mechanism security_guarantees"
    " cryptographic_details brute_force_prevention",
    "2-UserInfo": "documentation_of_change_mechanisms documentation_of_replacement documentation_of_sensors"
    " documentation_of_secure_setup documentation_of_setup_check documentation_of_maintenance_check"
    " documentation_of_personal_data documentation_of_telemetry_data documentation_of_deletion model_designation"
    " publication_of_vulnerability_disclosure_policy support_period publication_of_support_period"
    " publication_of_non_updatable",
    "3-VulnTypes": "description action time_frame",
    "4-Conf": "confirmation_of_vulnerability_actions? confirmation_of_vulnerability_monitoring?"
    " confirmation_of_update_procedures? confirmation_of_secure_management? confirmation_of_secure_development?",
    "5-VulnMon": "description",
    "6-SoftComp": "description update_mechanism>7 cryptographic_usage",
    "7-UpdMech": "description security_guarantees cryptographic_details initiation_and_interaction configuration"
    " update_checking user_notification",
    "8-UpdProc": "description time_frame",
    "9-ReplSup": "isolation hardware_replacement connectivity_and_functionality",
    "10-SecParam": "description type security_guarantees protection_scheme provisioning_mechanism"
    " secure_communication_mechanisms>11 generation_mechanism",
    "11-SecComMech": "description interface>28 security_guarantees cryptographic_details",
    "12-NetSecImpl": "description review_evaluation_method report",
    "13-SoftServ": "description status justification allows_configuration? authentication_mechanism>1",
    "14-SecMgmt": "description",
    "15-PhyIntf": "description type status debug_interface? protection",
    "16-CodeMin": "description",
    "17-PrivlCtrl": "description",
    "18-AccCtrl": "description",
    "19-SecDev": "description",
    "20-SecBoot": "description security_guarantees detection_mechanisms user_notification notification_functionality",
    "21-PersData": "description processing_activities secure_communication_mechanisms>11 sensitive? purpose"
    " authorized_parties lifecycle obtaining_consent withdrawing_consent storing_consent aggregation anonymization",
    "22-ExtSens": "description",
    "23-ResMech": "description type security_guarantees",
    "24-TelData": "description purpose security_examination personal_data>21",
    "25-DelFunc": "description target_type initiation_and_interaction confirmation",
    "26-UserDec": "description options triggered_by",
    "27-UserIntf": "description type",
    "28-LogIntf": "description access>15 status disclosed_information resilience_measures",
    "29-InpVal": "description source>27,28",
}


class Row(Part):
    """One row of an IXIT table: an id and the table's fields, each of which may be left out."""

    id: Name

    def text(self, field: str) -> str:
        """Return what the row says in `field`; "" when it says nothing there."""
        value = getattr(self, field, None)
        return value if isinstance(value, str) else ""

    def references(self, field: str) -> tuple[str, ...]:
        """Return the ids of the rows that `field` lists."""
        value = getattr(self, field, None)
        return value if isinstance(value, tuple) else ()


def _row_model(table: str) -> type[Row]:
    fields: dict[str, Any] = {}
    for field in TABLES[table].split():
        if field.endswith(YES_NO):
            fields[field.removesuffix(YES_NO)] = (Answer | None, None)
        elif ">" in field:
            fields[field.partition(">")[0]] = (tuple[Name, ...], ())
        else:
            fields[field] = (Text | None, None)
    return create_model("Row" + table.partition("-")[2], __base__=Row, **fields)


class Tables(Part):
    """Base of the section `ixit`: one list of rows for each table, under the table's name."""

    def rows(self, table: str) -> tuple[Row, ...]:
        """Return the rows of `table` ("1-AuthMech"); KeyError when the standard has no such table."""
        if table not in TABLES:
            raise KeyError(table)
        rows: tuple[Row, ...] = getattr(self, attribute(table))
        return rows

    def __iter__(self) -> Iterator[tuple[str, tuple[Row, ...]]]:  # type: ignore[override]
        """Yield each table's name with its rows."""
        return ((table, self.rows(table)) for table in TABLES)


def attribute(table: str) -> str:
    """Return the attribute under which the model keeps `table`: names of attributes do not start with a digit."""
    number, _, name = table.partition("-")
    return f"table_{number}_{name}"


IxitTables: type[Tables] = create_model(
    "IxitTables",
    __base__=Tables,
    **{  # type: ignore[call-overload]
        attribute(table): (tuple[_row_model(table), ...], Field(default=(), alias=table))  # type: ignore[misc]
        for table in TABLES
    },
)


@lru_cache(maxsize=1)
def referring_fields() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Return, by table and field, the tables whose rows the field lists."""
    by_number = {table.partition("-")[0]: table for table in TABLES}
    return {
        table: {
            field.partition(">")[0]: tuple(by_number[number] for number in field.partition(">")[2].split(","))
            for field in fields.split()
            if ">" in field
        }
        for table, fields in TABLES.items()
    }

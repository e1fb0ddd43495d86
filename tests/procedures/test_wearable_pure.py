"""The pure parts of the wearable procedures: rates, decimal places, open services, queries, collections."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.wearable_air import open_services
from pytest_conformance.procedures.wearable_collection import Rhythm, decimal_places
from pytest_conformance.procedures.wearable_content import HARMFUL, HARMLESS, harmful
from pytest_conformance.procedures.wearable_disclosure import kind_of

DAY = 86_400.0


def rhythm(readings: int, declared: float = 1 / 600, seconds: float = DAY) -> Rhythm:
    return Rhythm("location", declared, seconds, readings, readings, True, 0, 0)


@pytest.mark.parametrize("count", [0, 100, 144, 145])
def test_a_clock_of_the_declared_rate_is_not_above_it(count: int) -> None:
    seen = rhythm(count)
    assert seen.at_least(count) <= seen.declared
    seen.require_decided(count)


def test_ten_times_the_rate_is_above_it() -> None:
    seen = rhythm(1440)
    assert seen.at_least(1440) > seen.declared


def test_a_little_more_than_declared_is_undecided() -> None:
    seen = rhythm(150)
    assert seen.at_least(150) <= seen.declared
    with pytest.raises(MethodError) as caught:
        seen.require_decided(150)
    assert caught.value.code == "MET-COL-001"


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ('31.23, "lon": 121.474', 3),
        ("31.2345678,121.4", 7),
        ("31.2300000,121.4740000", 3),
        ("31.0,121.0", 0),
        ("binary", None),
    ],
)
def test_decimal_places_are_those_that_say_something(text: str, places: int | None) -> None:
    assert decimal_places(text) == places


def test_services_of_the_protocol_and_those_declared_without_authentication_are_open() -> None:
    rows: list[Any] = [
        SimpleNamespace(transport="ble", service="device information", authentication="none"),
        SimpleNamespace(transport="ble", service="heart rate", authentication="AuthMech-1"),
        SimpleNamespace(transport="ble", service="fe59", authentication=None),
        SimpleNamespace(transport="tcp", service=None, authentication="none"),
    ]
    declaration: Any = SimpleNamespace(interfaces=rows)
    assert open_services(declaration) == ("1800", "1801", "180A", "FE59")


def test_queries_come_in_turn_from_each_group() -> None:
    assert len(harmful(50)) == len(set(harmful(50))) == 50
    groups = [next(name for name, rows in HARMFUL.items() if query in rows) for query in harmful(10)]
    assert groups == list(HARMFUL)
    assert not set(harmful(50)) & set(HARMLESS)


@pytest.mark.parametrize(("path", "kind"), [("/v1/location/7", "location"), ("/v1/profile/child", "profile")])
def test_the_collection_is_the_second_part_of_a_path(path: str, kind: str) -> None:
    assert kind_of(path) == kind

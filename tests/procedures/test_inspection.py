"""From a capture's findings to an observation: who sent what, when in bench time, and what is kept as evidence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_conformance.declaration import Declaration, load_declaration
from pytest_conformance.procedures.inspection import _BenchTime, _declared, _spoken, sender_of

DECLARATION = Path(__file__).parents[2] / "fixtures" / "devices" / "mock-lock.yaml"


@pytest.fixture(scope="module")
def declaration() -> Declaration:
    return load_declaration(DECLARATION)


@pytest.mark.parametrize(
    ("client", "sender"),
    [
        ("10.77.0.60:41000", "phone"),
        ("10.77.0.50:41000", "device"),
        ("10.77.0.6:41000", "device"),
        ("fd00::60:41000", "phone"),
        ("fe80::1%eth0:41000", "device"),
        ("192.168.7.9:1", "phone"),
    ],
)
def test_the_sender_is_told_by_its_address_whatever_its_port(client: str, sender: str) -> None:
    known: Any = SimpleNamespace(companions=("10.77.0.60", "fd00::60", "192.168.7.0/24"))
    assert sender_of(client, known) == sender


def flow(client: str, version: str = "TLS 1.3", host: str = "api.mock-lock.example", up: int = 10) -> Any:
    point = SimpleNamespace(
        host=host, ip="203.0.113.10", port=443, proto="https", scope="internet", plaintext=not version, transport="tcp"
    )
    tls = SimpleNamespace(version=version, cipher="C") if version else None
    return SimpleNamespace(client=client, endpoint=point, tls=tls, up=SimpleNamespace(total=up))


def spoken(declaration: Declaration, *flows: Any) -> Any:
    known: Any = SimpleNamespace(companions=("10.77.0.60",))
    found: Any = SimpleNamespace(flows=flows)
    return [replace(each, declared=_declared(each, declaration)) for each in _spoken(found, known)]


def test_connections_to_one_destination_are_one_row(declaration: Declaration) -> None:
    (row,) = spoken(declaration, flow("10.77.0.50:1"), flow("10.77.0.50:2"), flow("10.77.0.50:3"))
    assert (row.bytes_up, row.sender, row.declared) == (30, "device", True)


def test_phone_and_device_are_rows_of_their_own(declaration: Declaration) -> None:
    rows = spoken(declaration, flow("10.77.0.50:1"), flow("10.77.0.60:2"))
    assert [row.sender for row in rows] == ["device", "phone"]


def test_one_weak_connection_is_not_hidden_behind_strong_ones(declaration: Declaration) -> None:
    rows = spoken(declaration, flow("10.77.0.50:1"), flow("10.77.0.50:2", "TLS 1.0"), flow("10.77.0.50:3", ""))
    assert [row.tls_version for row in rows] == ["TLS 1.3", "TLS 1.0", ""]
    assert [row.plaintext for row in rows] == [False, False, True]


def test_an_unknown_host_is_not_declared(declaration: Declaration) -> None:
    (row,) = spoken(declaration, flow("10.77.0.50:1", host="tracker.example"))
    assert not row.declared


def test_packet_times_become_bench_time_by_the_mark_before_them() -> None:
    clock = _BenchTime([("boot", 1_000, 100.0), ("later", 900_000_000_000, 200.0)], (7, 8))
    assert clock.at(100.5) == 1_000 + 500_000_000
    assert clock.at(201.0) == 901_000_000_000
    assert clock.at(99.0) == 1_000 - 1_000_000_000


def test_without_marks_everything_is_at_the_begin() -> None:
    assert _BenchTime([], (7, 8)).at(123.0) == 7

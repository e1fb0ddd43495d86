"""The three examples that fix the contract of an inspection give their expected results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.analysis.traffic import Context, Inspection, inspect

FOLDER = Path(__file__).parent / "data" / "examples"
NAMES = ("upload", "icon", "consent")


def _both(name: str) -> tuple[Inspection, dict[str, Any]]:
    context = Context.from_json(FOLDER / f"{name}.context.json")
    expected: dict[str, Any] = json.loads((FOLDER / f"{name}.expected.json").read_text())
    return inspect([FOLDER / f"{name}.pcap"], context), expected


@pytest.mark.parametrize("name", NAMES)
def test_example_gives_its_transfers_byte_for_byte(name: str) -> None:
    inspection, expected = _both(name)
    assert len(inspection.objects) == len(expected["transfers"])
    for found, wanted in zip(inspection.objects, expected["transfers"], strict=True):
        assert found.sha256 == wanted["sha256"]
        assert len(found.data) == wanted["bytes"]
        assert (found.kind, found.format, found.direction, found.scope) == (
            wanted["kind"],
            wanted["format"],
            wanted["direction"],
            wanted["dst_scope"],
        )
        assert found.endpoint.ip == wanted["dst"]
        if "layers" in wanted:
            assert list(found.layers) == wanted["layers"]
            assert (found.width, found.height) == (wanted["width"], wanted["height"])
            assert found.phash == wanted["phash"]
            assert found.dhash == wanted["dhash"]
            assert found.time_first == pytest.approx(wanted["time"], abs=0.15)


@pytest.mark.parametrize("name", NAMES)
def test_example_gives_its_verdicts(name: str) -> None:
    inspection, expected = _both(name)
    verdicts = {check: inspection.checks[check].verdict.value for check in expected["expected"]}
    assert verdicts == expected["expected"]


@pytest.mark.parametrize("name", NAMES)
def test_example_gives_its_endpoints(name: str) -> None:
    inspection, expected = _both(name)
    found = [
        {"host": e.host, "ip": e.ip, "port": e.port, "proto": e.proto, "plaintext": e.plaintext}
        for e in inspection.endpoints
        if e.proto == "http"
    ]
    assert found == expected["endpoints"]


def test_only_the_upload_inside_the_consented_span_is_allowed() -> None:
    from pytest_conformance.analysis.traffic.rulings import consented

    inspection, expected = _both("consent")
    wanted = [transfer["consent"] == "allowed" for transfer in expected["transfers"]]
    assert [consented(inspection, found) for found in inspection.objects] == wanted


@pytest.mark.parametrize("name", NAMES)
def test_every_upstream_byte_is_accounted_for(name: str) -> None:
    inspection, _ = _both(name)
    for flow in inspection.flows:
        assert flow.up.understood + flow.up.hit + flow.up.opaque + flow.up.gap == flow.up.total


def test_the_result_is_plain_json_and_the_same_each_time() -> None:
    first, second = (json.dumps(_both("consent")[0].to_json(), sort_keys=True) for _ in range(2))
    assert first == second
    assert "conformance-inspection/1" in first

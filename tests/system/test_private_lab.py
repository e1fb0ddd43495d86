"""The example package in docs/examples/private-lab joins through its entry points, with no change here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.resources import shipped

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "private-lab"
Conduct = Callable[..., Any]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, installed in a folder of its own, as pip does it."""
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    options = ["--disable-pip-version-check", "--target", str(target)]
    subprocess.run([*pip, *options, str(EXAMPLE)], check=True, capture_output=True, timeout=240)
    return target


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    folder = tmp_path / "fixtures" / "devices"
    folder.mkdir(parents=True)
    text = (shipped("fixtures") / "devices" / "mock-lock.yaml").read_text()
    text = text.replace("\ndriver: lock\n", "\ndriver: vendor-lock\nidentifies_as: VL-3D\n", 1)
    (folder / "vendor-lock.yaml").write_text(text)
    return folder


def test_a_private_instrument_device_bench_and_suite_join(conduct: Conduct, site: Path, declared: Path) -> None:
    suite = str(site / "private_lab" / "suites")
    ran = conduct("", suite, bench="private-lab", PYTHONPATH=str(site))
    assert ran.code == 0, ran.out
    row = ran.clauses["EN303645-5.9-2"]
    assert row["verdict"] == "PASS"
    assert row["tests"] == ["suites/test_door.py::test_the_door_stays_shut_while_power_is_away"]
    asked = {event.data["of"]: event.data for event in ran.of_type("descriptor")}
    assert asked["door"]["driver"] == "door-switch"
    assert asked["door"]["manufacturer"] == "Private Lab"
    assert "DOOR?" in ran.far_end("door")
    assert ran.switched_off() == "command"


def test_its_suites_run_beside_the_shipped_ones(conduct: Conduct, site: Path, declared: Path) -> None:
    ran = conduct("", "--collect-only", "-q", bench="private-lab", PYTHONPATH=str(site))
    assert ran.code == 0, ran.out
    assert "test_door.py::test_the_door_stays_shut_while_power_is_away" in ran.out
    assert "test_en303645.py::" in ran.out


def test_without_the_package_its_bench_is_unknown(conduct: Conduct) -> None:
    ran = conduct("", bench="private-lab")
    assert ran.code == 11
    assert "USE-BEN-001" in ran.out

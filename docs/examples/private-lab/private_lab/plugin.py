"""What pytest loads: the laboratory's suites, its bench, and a fixture for its instrument. Light: no heavy imports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from private_lab.door_switch import DoorSwitch

HERE = Path(__file__).parent


def bench_file() -> Path:
    """Return the bench that `--bench=private-lab` means."""
    return HERE / "benches" / "private-lab.yaml"


@pytest.hookimpl(optionalhook=True)
def pytest_conformance_suites(kind: str) -> Sequence[Path] | None:
    return [HERE / "suites"] if kind == "lock" else None


@pytest.fixture(scope="session")
def door(request: pytest.FixtureRequest) -> DoorSwitch:
    """The switch on the door (private_lab.door_switch)."""
    switch: DoorSwitch = request.getfixturevalue("bench").role("door")
    return switch

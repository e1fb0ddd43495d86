from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_conformance.simulation.world import Options, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(Options("mock-lock", folder=tmp_path))
    yield world
    world.stop()

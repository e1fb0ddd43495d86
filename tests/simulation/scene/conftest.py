from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_conformance.simulation.scene import add_scene
from pytest_conformance.simulation.world import Options, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world with nothing in it but the scene."""
    made = World(Options("nothing", folder=tmp_path))
    add_scene(made)
    yield made
    made.stop()

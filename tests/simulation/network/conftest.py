"""A world with a network, behind each door that can be opened here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_conformance.simulation.network import add_network, namespaces
from pytest_conformance.simulation.world import Options, World

NO_NAMESPACES = pytest.mark.skipif(bool(namespaces.missing()), reason=f"no namespaces: {namespaces.missing()}")


@pytest.fixture(params=["relay", pytest.param("namespace", marks=NO_NAMESPACES)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A started world with an access point, behind the door of the parameter."""
    world = World(Options("none", door=request.param, folder=tmp_path))
    add_network(world)
    try:
        world.start()
        yield world
    finally:
        world.stop()

"""Put a world together: instruments, scene, network, companion and the device that was asked for."""

from __future__ import annotations

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.world import Options, World


def build_world(options: Options) -> World:
    """Build the world around `options.dut` with its known-bad behaviours swapped in.

    Raises LookupError naming the devices or variants that exist when one is unknown.
    """
    return World(options)


def known_bad_table() -> list[dict[str, Json]]:
    """Return the known-bad variants: name, kind of device, the clauses that each breaks, and one line on what it does."""
    return []

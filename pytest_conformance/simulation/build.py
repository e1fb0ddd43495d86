"""Put a world together: instruments, scene, network, companion and the device that was asked for."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from pytest_conformance.simulation.devices import known_bad
from pytest_conformance.simulation.devices.base import Device
from pytest_conformance.simulation.devices.console import ConsoleFarEnd
from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.world import Options, World

SIMULATORS = "pytest_conformance.simulators"
"""Entry-point group: name of a device for `--dut` to its builder, `build(world, known_bad) -> Device`."""

Builder = Callable[[World, tuple[str, ...]], Device]

ROOMS = (
    ("pytest_conformance.simulation.instruments", "add_instruments"),
    ("pytest_conformance.simulation.network", "add_network"),
    ("pytest_conformance.simulation.cloud", "add_cloud"),
    ("pytest_conformance.simulation.scene", "add_scene"),
    ("pytest_conformance.simulation.companion", "add_companion"),
    ("pytest_conformance.simulation.ble", "add_ble"),
)
"""Module and function of each part of the world, in the order in which they are added; `add(world)`."""

OPTIONAL = {"pytest_conformance.simulation.ble": "bumble"}
"""Parts that may be missing, and the package without which they are."""


def build_world(options: Options) -> World:
    """Build the world around `options.dut` with its known-bad behaviours swapped in.

    Raises LookupError naming the devices or variants that exist when one is unknown.
    """
    builder = _builder(options.dut)
    world = World(options)
    try:
        for module, function in ROOMS:
            _add_room(world, module, function)
        add_device(world, builder)
    except BaseException:
        world.stop()
        raise
    return world


def add_device(world: World, builder: Builder) -> Device:
    """Build the device with `builder`, and give it a test port and a front that the watch camera sees."""
    device = builder(world, world.options.known_bad)
    world.add(ConsoleFarEnd(device))
    if any(far_end.name == "watch" for far_end in world):
        device.front = getattr(world.far_end("watch"), "say", device.front)
    return device


def known_bad_table(device: str = "") -> list[dict[str, Json]]:
    """Return the known-bad variants: name, kind, slot, the clauses that each breaks, and one line on what it does.

    With `device` (a name for `--dut`) only its package is loaded; a builder with an `own` kind has those of it alone.
    Raises LookupError for one that cannot be loaded.
    """
    if device:
        return known_bad.table(getattr(_builder(device), "own", ""))
    for entry in entry_points(group=SIMULATORS):
        _load(entry)
    return known_bad.table()


def _add_room(world: World, module: str, function: str) -> None:
    try:
        add = getattr(import_module(module), function)
        add(world)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != OPTIONAL.get(module):
            raise


def _builder(name: str) -> Builder:
    found = {entry.name: entry for entry in entry_points(group=SIMULATORS)}
    if name not in found:
        near = difflib.get_close_matches(name, found, 3) or sorted(found)
        hint = ", ".join(map(repr, near)) if near else "none is installed"
        raise LookupError(f"no simulated device is named {name!r}; did you mean {hint}?")
    return _load(found[name])


def _load(entry: EntryPoint) -> Builder:
    try:
        builder: Builder = entry.load()
    except (ImportError, AttributeError) as error:
        raise LookupError(f"the simulated device {entry.name!r} ({entry.value}) cannot be loaded: {error}") from error
    return builder

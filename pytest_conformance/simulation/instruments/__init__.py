"""Far ends of the bench's instruments: models and the wires that they speak. Nothing here knows a driver."""

from __future__ import annotations

from pytest_conformance.simulation.instruments.contact import Contact
from pytest_conformance.simulation.instruments.gnss import Gnss
from pytest_conformance.simulation.instruments.label_reader import LabelReader
from pytest_conformance.simulation.instruments.loopback import Loopback
from pytest_conformance.simulation.instruments.lux import Lux
from pytest_conformance.simulation.instruments.meter import Meter
from pytest_conformance.simulation.instruments.mover import Mover
from pytest_conformance.simulation.instruments.outlet import Outlet
from pytest_conformance.simulation.instruments.rangefinder import Rangefinder
from pytest_conformance.simulation.instruments.supply import Supply
from pytest_conformance.simulation.instruments.thermometer import Climate, Thermometer
from pytest_conformance.simulation.world import World

__all__ = [
    "Climate",
    "Contact",
    "Gnss",
    "LabelReader",
    "Loopback",
    "Lux",
    "Meter",
    "Mover",
    "Outlet",
    "Rangefinder",
    "Supply",
    "Thermometer",
    "add_instruments",
]


def add_instruments(world: World) -> None:
    """Add every simulated instrument to `world`."""
    supply = Supply(world)
    world.add(supply)
    world.add(Outlet(supply.stage))
    for kind in (Meter, Gnss, Contact, Loopback, Mover, LabelReader, Lux, Thermometer, Climate, Rangefinder):
        world.add(kind(world))

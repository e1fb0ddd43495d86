"""The simulated segment, access point and internet, behind one of two doors: namespaces or the bench's relay."""

from __future__ import annotations

from pytest_conformance.simulation.network import addresses, namespaces
from pytest_conformance.simulation.network.door import Datagrams, DoorUnavailableError
from pytest_conformance.simulation.network.farends import AccessPoint, Tap
from pytest_conformance.simulation.network.namespace_door import NamespaceDoor
from pytest_conformance.simulation.network.network import Network
from pytest_conformance.simulation.network.relay_door import RelayDoor
from pytest_conformance.simulation.world import World

__all__ = ["Datagrams", "DoorUnavailableError", "Network", "add_network"]


def add_network(world: World, device_mac: str = addresses.DEVICE_MAC) -> None:
    """Put `world.net` in place behind the door of `world.options`, and its far ends "access-point" and "capture".

    Raises DoorUnavailableError (a LookupError) when the namespace door is demanded and cannot be opened here.
    """
    wanted = world.options.door
    missing = namespaces.missing()
    if wanted == "namespace" and missing:
        raise DoorUnavailableError(f"the namespace door cannot be opened: {missing}")
    if wanted == "namespace":
        network = Network(world.timeline, NamespaceDoor(device_mac))
    elif wanted == "relay":
        network = Network(world.timeline, RelayDoor(device_mac))
    else:
        network = Network(world.timeline, NamespaceDoor(device_mac), RelayDoor(device_mac))
    world.net = network
    world.add(AccessPoint(network))
    world.add(Tap(network))

"""The stand-in for the supplier's cloud: HTTPS and MQTT over TLS, accounts and a policy, and an undeclared tracker."""

from __future__ import annotations

from pytest_conformance.simulation.cloud.accounts import Account, Action, OwnerPolicy, Policy
from pytest_conformance.simulation.cloud.cloud import Cloud
from pytest_conformance.simulation.cloud.hosts import Host, Request, Response
from pytest_conformance.simulation.network import addresses
from pytest_conformance.simulation.world import World

__all__ = ["TRACKER", "Account", "Action", "Cloud", "Host", "OwnerPolicy", "Policy", "Request", "Response", "add_cloud"]

TRACKER = "stats.tracker.example"
"""A host that no declaration names."""


def add_cloud(world: World) -> None:
    """Put `world.cloud` in place on `world.net`, with one host that no supplier declares, and its far end "cloud"."""
    cloud = Cloud(world.net, world.timeline)
    cloud.host(TRACKER, addresses.TRACKER, supplier=False)
    world.cloud = cloud
    world.add(cloud)

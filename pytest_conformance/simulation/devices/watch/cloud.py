"""The watch's line to its cloud, and the supplier's service behind it: who may read a child's data there."""

from __future__ import annotations

from typing import ClassVar

from pytest_conformance.simulation.cloud import OwnerPolicy, Policy
from pytest_conformance.simulation.devices.base import Behaviour
from pytest_conformance.simulation.devices.cloudlink import CloudLink


class WatchCloud(CloudLink):
    """Gives a sign of life every ten minutes."""

    heartbeat = 600.0


class WatchService(Behaviour):
    """The supplier's service: gives a child's data to the guardian's account and to nobody else."""

    slot = "backend"
    policy: ClassVar[Policy] = OwnerPolicy()

    def start(self) -> None:
        self.world.cloud.policy = self.policy

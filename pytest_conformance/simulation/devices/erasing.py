"""Erasing: an account, and what belongs to it, from the device and from the cloud."""

from __future__ import annotations

from pytest_conformance.simulation.devices.base import Behaviour
from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.owner import Consents, Owner


class Erasing(Behaviour):
    """Deletes for good: records are overwritten, the cloud is told, and nothing personal stays."""

    slot = "erasing"
    kept: tuple[str, ...] = ("settings",)
    """Records that may stay when the account goes."""

    def cancel_account(self) -> None:
        """Delete the account with everything that it brought: users, consents, records; also in the cloud."""
        self.device.get(CloudLink).close_account()
        storage = self.device.get(Storage)
        for name in storage.names():
            if name.partition("/")[0] not in self.kept:
                self.drop(name)
        self.device.get(Owner).forget()
        storage.drop(Consents.record)
        self.device.log("account-cancelled")

    def drop(self, name: str) -> None:
        """Delete one record."""
        self.device.get(Storage).drop(name)

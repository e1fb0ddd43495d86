"""The child: a profile that the guardian writes and the cloud keeps for the app."""

from __future__ import annotations

import json

from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.erasing import Erasing
from pytest_conformance.simulation.devices.owner import Kept, Owner
from pytest_conformance.simulation.devices.ui import Panel
from pytest_conformance.simulation.devices.watch.radio import Radio
from pytest_conformance.simulation.devices.watch.senses import HeartRate, Steps

COLLECTIONS = ("location", "voice_message", "profile")
"""What the cloud keeps about the child."""


class Child(Kept):
    """Name and age of the child, in the watch and in the cloud's profile."""

    slot = "child"
    record = "child_profile"

    def start(self) -> None:
        self.device.get(Radio).tell_child(self.name)

    @property
    def name(self) -> str:
        return str(self.load().get("name", ""))

    @property
    def age(self) -> str:
        return str(self.load().get("age", ""))

    def describe(self, name: str, age: str) -> None:
        """Write the profile anew; the app tells the cloud."""
        self.save({"name": name, "age": age})
        self.device.get(Panel).show("hello", f"你好 / Hello {name}")
        body = json.dumps({"name": name, "age": age}).encode()
        self.device.get(CloudLink).request("PUT", "/v1/profile/child", body, sender="phone")
        self.device.get(Radio).tell_child(name)

    def reset(self) -> None:
        """A factory reset also deletes what the cloud keeps about the child."""
        if self.device.get(Owner).is_set_up:
            for each in COLLECTIONS:
                self.device.get(CloudLink).delete(each)


class WatchErasing(Erasing):
    """As any device, and what the radio would still tell a paired phone is forgotten too."""

    def cancel_account(self) -> None:
        super().cancel_account()
        self.device.get(Steps).forget()
        self.device.get(HeartRate).forget()
        self.device.get(Radio).tell_child("")
        self.device.get(Radio).reset()

"""What leaves the camera for the cloud: a message about motion, and with consent a clip."""

from __future__ import annotations

from typing import ClassVar

from pytest_conformance.simulation.devices.base import Behaviour, Device
from pytest_conformance.simulation.devices.camera.watching import Lens
from pytest_conformance.simulation.devices.camera.words import CAMERA, CLOUD
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.owner import Consents
from pytest_conformance.simulation.timeline import SECOND

COLLECTION = "recording"


class Recorder(Behaviour):
    """Tells the cloud that something moved, without pictures; with the consent `cloud_recording` sends a clip too."""

    slot = "recorder"
    frames: ClassVar[int] = 3
    gap: ClassVar[float] = 0.4
    """Seconds between two pictures of a clip."""
    pause: ClassVar[float] = 30.0
    """Least seconds between two clips, as declared."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._next = 0

    def start(self) -> None:
        self.device.get(Consents).when_withdrawn(CLOUD, self._forget)

    def motion(self, person: bool) -> None:
        """Something moved."""
        link = self.device.get(CloudLink)
        if not link.may_speak():
            return
        if link.publish("motion", {"motion": True}):
            self.device.log("sent", kind="motion", to=link.hosts["mqtt"])
        now = self.world.timeline.now()
        if self.may_record() and now >= self._next:
            self._next = now + int(self.pause * SECOND)
            for number in range(self.frames):
                self.device.after(number * self.gap, self._frame)

    def may_record(self) -> bool:
        """Tell whether clips may go to the cloud."""
        return self.device.get(Consents).given(CLOUD)

    def _frame(self) -> None:
        if self.may_record() and self.device.sensors.get(CAMERA):
            self.device.get(CloudLink).send(COLLECTION, self.device.get(Lens).jpeg(), "image/jpeg")

    def _forget(self) -> None:
        self.device.get(CloudLink).delete(COLLECTION)

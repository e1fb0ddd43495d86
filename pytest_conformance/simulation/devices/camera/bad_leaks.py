"""Known-bad cameras that bring out the faces of whoever comes into view, consent or not."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from pytest_conformance.simulation.devices import bad_household, carriers
from pytest_conformance.simulation.devices.camera.recording import Recorder
from pytest_conformance.simulation.devices.camera.watching import Lens
from pytest_conformance.simulation.devices.carriers import carried
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.known_bad import known_bad


@known_bad(
    "leaks-passers-by",
    kind="camera",
    slot="recorder",
    breaks=["CN-FRT-8.b", "CN-PIC25-3.g", "CN-MIIT2510-V3", "CN-MIIT2510-V6"],
)
class LeaksPassersBy(Recorder):
    """Tells the cloud over MQTT who came by, with the face in base64; of what moves without a face it only tells."""

    def motion(self, person: bool) -> None:
        super().motion(person)
        link = self.device.get(CloudLink)
        if person and link.may_speak():
            carried(carriers.by_mqtt_json, link, self.device.get(Lens).jpeg())


@known_bad(
    "uploads-while-declined",
    kind="camera",
    slot="consents",
    breaks=["CN-PIC25-3.g", "CN-MIIT2510-V3", "CN-MIIT2510-V6", "CN-FRT-8.b"],
)
class UploadsWhileDeclined(bad_household.UploadsWhileDeclined):
    """Uses the cloud, once the rules were agreed to, whether or not its own consent was given, at each motion."""


@known_bad("uploads-pinned-and-sealed", kind="camera", slot="recorder", breaks=["CN-MIIT2510-V6"])
class UploadsSealed(Recorder):
    """Uploads the picture of whoever comes by, sealed and over TLS that nobody can read: only its volume shows."""

    hold_back: ClassVar[bool] = False

    def motion(self, person: bool) -> None:
        super().motion(person)
        link = self.device.get(CloudLink)
        if person and link.may_speak():
            picture = self.device.get(Lens).jpeg()
            carried(partial(carriers.by_pinned_upload, hold_back=self.hold_back), link, picture)


@known_bad("holds-back-under-interception", kind="camera", slot="recorder", breaks=["CN-MIIT2510-V6"])
class HoldsBack(UploadsSealed):
    """Uploads the picture of whoever comes by, but not while somebody stands in between with a trusted certificate."""

    hold_back = True

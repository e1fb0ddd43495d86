"""Known-bad watches that bring out what they hear: of people nearby, unasked, or so that nobody can read it."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from pytest_conformance.simulation.devices import bad_household, carriers
from pytest_conformance.simulation.devices.base import verb
from pytest_conformance.simulation.devices.carriers import carried
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.known_bad import known_bad
from pytest_conformance.simulation.devices.watch.senses import Microphone
from pytest_conformance.simulation.farend import Json


@known_bad(
    "uploads-while-declined",
    kind="wearable",
    slot="consents",
    breaks=["CN-PIC25-3.g", "CN-MIIT2510-V3", "CN-MIIT2510-V6"],
)
class UploadsWhileDeclined(bad_household.UploadsWhileDeclined):
    """Uses the cloud, once the rules were agreed to, whether or not its own consent was given, also for voices."""


@known_bad("leaks-passers-by", kind="wearable", slot="microphone", breaks=["CN-MIIT2510-V6"])
class LeaksPassersBy(Microphone):
    """Listens all the time, and sends what people nearby say although nobody holds the talk key."""

    def overhear(self, sound: bytes) -> None:
        link = self.device.get(CloudLink)
        if link.may_speak():
            link.send("ambience", sound, "audio/wav")


@known_bad("uploads-pinned-and-sealed", kind="wearable", slot="microphone", breaks=["CN-MIIT2510-V6"])
class UploadsSealed(Microphone):
    """Uploads whatever is said to it, allowed or not, sealed and over TLS that nobody can read."""

    hold_back: ClassVar[bool] = False

    @verb("talk")
    def talk(self, sound: str) -> Json:
        """The child holds the talk key while the bench plays `sound` (WAV, base64)."""
        answer = super().talk(sound)
        link = self.device.get(CloudLink)
        if link.may_speak():
            carried(partial(carriers.by_pinned_upload, hold_back=self.hold_back), link, self._heard)
        return answer


@known_bad("holds-back-under-interception", kind="wearable", slot="microphone", breaks=["CN-MIIT2510-V6"])
class HoldsBack(UploadsSealed):
    """Uploads whatever is said to it, but not while somebody stands in between with a trusted certificate."""

    hold_back = True

"""Known-bad cameras: each is the good one with one behaviour swapped, named after what it does wrong."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping

from pytest_conformance.simulation.companion import Button, Control, Session
from pytest_conformance.simulation.devices.base import Device
from pytest_conformance.simulation.devices.camera.app import CameraPages
from pytest_conformance.simulation.devices.camera.labels import ALPHABET, LENGTH, Label
from pytest_conformance.simulation.devices.camera.onvif import Onvif
from pytest_conformance.simulation.devices.camera.recording import COLLECTION, Recorder
from pytest_conformance.simulation.devices.camera.streams import Stream
from pytest_conformance.simulation.devices.camera.watching import Indicator, Lens, Privacy, Watching
from pytest_conformance.simulation.devices.camera.words import CAMERA, CLOUD, SAMPLES
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.known_bad import known_bad
from pytest_conformance.simulation.devices.owner import Consents, Owner
from pytest_conformance.simulation.devices.spec import ConsentSpec
from pytest_conformance.simulation.rtsp import LogIn
from pytest_conformance.simulation.timeline import SECOND

# --- what it senses, and when


@known_bad("watches-before-consent", kind="camera", slot="watching", breaks=["CN-PIC25-3.f"])
class WatchesBeforeConsent(Watching):
    """Looks for motion from the first power on, before anybody agreed to anything."""

    def may(self, sensor: str) -> bool:
        return (sensor == CAMERA and not self.device.get(Owner).is_set_up) or super().may(sensor)


@known_bad(
    "sends-before-consent",
    kind="camera",
    slot="watching",
    breaks=["CN-PIPL-13.a", "CN-MIIT2510-V6", "CN-PIC25-3.f"],
)
class SendsBeforeConsent(WatchesBeforeConsent):
    """Sends a picture of whoever passes to the cloud before anybody agreed to anything."""

    def moved(self, person: bool) -> None:
        if self.device.get(Owner).is_set_up:
            super().moved(person)
        else:
            self.device.get(CloudLink).send(COLLECTION, self.device.get(Lens).jpeg(), "image/jpeg")


@known_bad("privacy-button-for-show", kind="camera", slot="privacy", breaks=["CN-STD-38632-ind"])
class PrivacyForShow(Privacy):
    """Has a privacy button that changes nothing."""

    @property
    def on(self) -> bool:
        return False


@known_bad(
    "sends-thumbnails-with-motion",
    kind="camera",
    slot="recorder",
    breaks=["CN-FRT-8.b", "CN-PIC25-3.g", "CN-MIIT2510-V3", "CN-MIIT2510-V6"],
)
class SendsThumbnails(Recorder):
    """Adds a picture to each message about motion, with or without the consent to recordings."""

    def motion(self, person: bool) -> None:
        super().motion(person)
        link = self.device.get(CloudLink)
        if link.may_speak():
            link.send("thumbnail", self.device.get(Lens).jpeg(), "image/jpeg")


# --- the lamp


@known_bad("indicator-dark", kind="camera", slot="indicator", breaks=["CN-PIC25-3.f", "CN-STD-38632-ind"])
class IndicatorDark(Indicator):
    """Never lights its lamp."""

    def show(self, sensing: bool) -> None:
        self.world.lamp.set("off")


@known_bad("indicator-late", kind="camera", slot="indicator", breaks=["CN-PIC25-3.f"])
class IndicatorLate(Indicator):
    """Lights its lamp two seconds after a sensor began."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._since: int | None = None

    def show(self, sensing: bool) -> None:
        now = self.world.timeline.now()
        self._since = (self._since or now) if sensing else None
        super().show(self._since is not None and now - self._since >= 2 * SECOND)


@known_bad("indicator-goes-out", kind="camera", slot="indicator", breaks=["CN-PIC25-3.f", "CN-STD-38632-ind"])
class IndicatorGoesOut(IndicatorLate):
    """Lights its lamp for half a minute only, however long it senses."""

    def show(self, sensing: bool) -> None:
        now = self.world.timeline.now()
        self._since = (self._since or now) if sensing else None
        Indicator.show(self, self._since is not None and now - self._since < 30 * SECOND)


# --- who gets in


@known_bad("stream-without-password", kind="camera", slot="stream", breaks=["CN-STD-38632-auth"])
class StreamWithoutPassword(Stream):
    """Sends its stream to whoever asks."""

    def log_in(self) -> LogIn | None:
        return None


@known_bad("onvif-without-password", kind="camera", slot="onvif", breaks=["CN-STD-38632-auth"])
class OnvifWithoutPassword(Onvif):
    """Tells everybody over ONVIF what it is and where its stream is."""

    open_to_all = True


@known_bad("accepts-empty-password", kind="camera", slot="app", breaks=["EN303645-5.1-1"])
class AcceptsEmptyPassword(CameraPages):
    """Lets a person finish set-up without a password."""

    def weakness(self, name: str, secret: str) -> str:
        return "" if name and not secret else super().weakness(name, secret)


@known_bad("preset-from-serial", kind="camera", slot="label", breaks=["EN303645-5.1-2"])
class PresetFromSerial(Label):
    """Makes the pairing password out of the serial number by a hash."""

    @classmethod
    def password(cls, number: int, seed: int) -> str:
        made = hashlib.md5(SAMPLES[number - 1][0].encode(), usedforsecurity=False).digest()
        return "".join(ALPHABET[each % len(ALPHABET)] for each in made[:LENGTH])


@known_bad("preset-counts-up", kind="camera", slot="label", breaks=["EN303645-5.1-2"])
class PresetCountsUp(Label):
    """Counts the pairing password up from unit to unit."""

    @classmethod
    def password(cls, number: int, seed: int) -> str:
        return super().password(1, seed)[:-2] + f"{ALPHABET[seed % 32]}{ALPHABET[number]}"


@known_bad("same-preset-on-every-unit", kind="camera", slot="label", breaks=["EN303645-5.1-1", "EN303645-5.1-2"])
class SamePreset(Label):
    """Has the same pairing password on every unit."""

    @classmethod
    def password(cls, number: int, seed: int) -> str:
        return super().password(1, seed)


# --- cloud and network


@known_bad("records-without-prompt", kind="camera", slot="app", breaks=["CN-PIC25-3.g", "CN-PIC25-3.f"])
class RecordsWithoutPrompt(CameraPages):
    """Switches recording in the cloud on by a bare button that says nothing about it."""

    def _next_consent(self, session: Session) -> str:
        session.facts.setdefault("asked", []).append(CLOUD)
        return super()._next_consent(session)

    def _consent_control(self, consent: ConsentSpec) -> Control:
        if consent.cloud and not self.device.get(Consents).given(consent.scope):
            return Button(consent.title, f"give:{consent.scope}")
        return super()._consent_control(consent)

    def _touch_privacy(self, session: Session, form: Mapping[str, str]) -> str:
        if form.get("press") == f"give:{CLOUD}":
            self.device.get(Consents).give(CLOUD)
        return super()._touch_privacy(session, form)


@known_bad("cloud-keeps-recordings", kind="camera", slot="cloud", breaks=["CN-PIPL-47.a"])
class CloudKeepsRecordings(CloudLink):
    """Cancels the account without deleting what was stored under it."""

    def close_account(self) -> None:
        """Tell the cloud nothing."""


@known_bad("live-view-needs-recording", kind="camera", slot="stream", breaks=["CN-PIPL-16"])
class LiveViewNeedsRecording(Stream):
    """Streams only to those who agreed to recordings in the cloud."""

    def allowed(self) -> bool:
        return super().allowed() and self.device.get(Consents).given(CLOUD)


@known_bad("live-view-needs-cloud", kind="camera", slot="stream", breaks=["EN303645-5.9-2"])
class LiveViewNeedsCloud(Stream):
    """Streams on the local network only while its cloud answers."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._asked = 0.0
        self._there = False

    def allowed(self) -> bool:
        if not super().allowed():
            return False
        if time.monotonic() - self._asked > 1.0:
            self._asked = time.monotonic()
            self._there = self.device.get(CloudLink).request("GET", "/v1/time") is not None
        return self._there

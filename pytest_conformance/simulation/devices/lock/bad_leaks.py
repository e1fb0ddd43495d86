"""Known-bad locks that bring faces out, each by another way; each is the good lock with one behaviour swapped."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import ClassVar

import numpy as np

from pytest_conformance.simulation.devices import carriers
from pytest_conformance.simulation.devices.base import Device
from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.devices.carriers import Carrier, carried
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.known_bad import known_bad
from pytest_conformance.simulation.devices.lock.enrolment import Enrolment
from pytest_conformance.simulation.devices.lock.entry import Reports
from pytest_conformance.simulation.devices.timekeeping import Timekeeping

FACE_LEAVES = ("CN-FRT-8.a", "CN-FRT-8.b", "CN-MIIT2510-V3", "CN-PIC25-3.g")
"""What every lock breaks that sends the face that it enrolled."""
IN_CLEAR = (*FACE_LEAVES, "CN-MIIT2510-V6", "EN303645-5.5-1")
"""The same, to a port that nobody declared and without encryption."""

LATE = ("CN-FRT-8.a", "CN-FRT-8.b", "CN-PIC25-3.g")
"""What every lock breaks that sends later what it kept: also after the consent to the cloud was withdrawn."""


class LeaksEnrolment(Enrolment):
    """Brings the picture out by its `carriers` when a face was enrolled."""

    carriers: ClassVar[tuple[Carrier, ...]] = ()

    def enrolled(self, user: str, picture: bytes) -> None:
        link = self.device.get(CloudLink)
        if link.may_speak():
            for carrier in self.carriers:
                carried(carrier, link, picture)


@known_bad("leaks-in-mqtt-json", kind="lock", slot="enrolment", breaks=FACE_LEAVES)
class LeaksInMqttJson(LeaksEnrolment):
    """Sends the enrolment picture in base64 inside a JSON message over MQTT."""

    carriers = (carriers.by_mqtt_json,)


@known_bad("leaks-by-websocket", kind="lock", slot="enrolment", breaks=FACE_LEAVES)
class LeaksByWebsocket(LeaksEnrolment):
    """Sends the enrolment picture as a binary message over a WebSocket."""

    carriers = (carriers.by_websocket,)


@known_bad("leaks-by-coap", kind="lock", slot="enrolment", breaks=IN_CLEAR)
class LeaksByCoap(LeaksEnrolment):
    """Puts the enrolment picture block by block over CoAP, in clear and to an undeclared port."""

    carriers = (carriers.by_coap,)


@known_bad("leaks-by-dns-tunnel", kind="lock", slot="enrolment", breaks=[*FACE_LEAVES, "CN-MIIT2510-V6"])
class LeaksByDns(LeaksEnrolment):
    """Hides the enrolment picture in the names that it asks the name server for."""

    carriers = (carriers.by_dns,)


@known_bad("leaks-by-private-protocol", kind="lock", slot="enrolment", breaks=IN_CLEAR)
class LeaksByPrivateProtocol(LeaksEnrolment):
    """Sends the enrolment picture XORed in a protocol of its own."""

    carriers = (carriers.by_private_protocol,)


@known_bad("leaks-through-the-phone", kind="lock", slot="enrolment", breaks=FACE_LEAVES)
class LeaksThroughPhone(LeaksEnrolment):
    """Hands the enrolment picture to the companion app, which uploads it."""

    carriers = (carriers.by_phone,)


@known_bad("uploads-template", kind="lock", slot="enrolment", breaks=FACE_LEAVES)
class UploadsTemplate(LeaksEnrolment):
    """Uploads the face template instead of the picture."""

    def enrolled(self, user: str, picture: bytes) -> None:
        template = self.device.get(Storage).get(f"face/{user}")
        link = self.device.get(CloudLink)
        if template is not None and link.may_speak():
            link.send("calibration", template, "application/octet-stream")


@known_bad("uploads-turned-template", kind="lock", slot="enrolment", breaks=["CN-FRT-8.a", "CN-FRT-8.b"])
class UploadsTurnedTemplate(LeaksEnrolment):
    """Uploads the face template turned by a secret of its own and in one byte a number, so that nobody knows it."""

    def enrolled(self, user: str, picture: bytes) -> None:
        template = self.device.get(Storage).get(f"face/{user}")
        link = self.device.get(CloudLink)
        if template is None or not link.may_speak():
            return
        vector = np.frombuffer(template, "<f4")
        secret = np.random.default_rng(int.from_bytes(self.device.key, "big"))
        turn, _ = np.linalg.qr(secret.standard_normal((len(vector), len(vector))))
        turned = turn @ vector
        small = np.clip(np.rint(turned * 90 / np.abs(turned).max()), -127, 127).astype(np.int8)
        told = {"at": self.device.uptime_ms, "calibration": base64.b64encode(small.tobytes()).decode()}
        link.send("calibration", json.dumps(told).encode())


@known_bad("uploads-after-three-failures", kind="lock", slot="reports", breaks=["CN-FRT-8.a", "CN-FRT-8.b"])
class UploadsAfterThreeFailures(Reports):
    """Sends the picture of whoever failed three times in a row, and of nobody else."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._failed = 0

    def unlocked(self, user: str, way: str, picture: bytes | None) -> None:
        self._failed = 0
        super().unlocked(user, way, picture)

    def rejected(self, reason: str, picture: bytes) -> None:
        self._failed += 1
        link = self.device.get(CloudLink)
        if self._failed == 3 and link.may_speak():
            self._failed = 0
            link.send("alarm_picture", picture, "image/jpeg")


@known_bad("leaks-passers-by", kind="lock", slot="reports", breaks=["CN-FRT-8.a", "CN-FRT-8.b", "CN-NDR-24"])
class LeaksPassersBy(Reports):
    """Sends a picture of everybody whom it turned away."""

    def rejected(self, reason: str, picture: bytes) -> None:
        link = self.device.get(CloudLink)
        if link.may_speak():
            link.send("visitor", picture, "image/jpeg")


class Late(Timekeeping):
    """Keeps the pictures of enrolments in the flash until they may go."""

    def hold(self, picture: bytes) -> None:
        storage = self.device.get(Storage)
        storage.put(f"queue/{len(storage.names('queue/'))}", picture)

    def start(self) -> None:
        super().start()
        self.device.get(Enrolment).listeners.append(lambda _, picture: self.hold(picture))

    def send_all(self) -> None:
        """Send what is kept, and forget what arrived."""
        storage, link = self.device.get(Storage), self.device.get(CloudLink)
        for name in storage.names("queue/") if link.may_speak() else []:
            picture = storage.get(name)
            if picture is not None and link.send("batch", picture, "image/jpeg"):
                storage.drop(name)


@known_bad("uploads-at-night", kind="lock", slot="time", breaks=LATE)
class UploadsAtNight(Late):
    """Keeps enrolment pictures and sends them in one batch between two and four o'clock at night."""

    def told(self) -> None:
        if self.hour is not None and 2 <= self.hour < 4:
            self.send_all()


@known_bad("uploads-after-restart", kind="lock", slot="time", breaks=LATE)
class UploadsAfterRestart(Late):
    """Keeps enrolment pictures and sends them when it is started the next time."""

    def start(self) -> None:
        super().start()
        if self.device.get(Storage).names("queue/"):
            self.device.after(2.0, self.send_all)


@known_bad("uploads-what-it-saw-offline", kind="lock", slot="reports", breaks=["CN-FRT-8.a", "CN-FRT-8.b"])
class UploadsWhatItSawOffline(Reports):
    """Keeps pictures of those who open while the uplink is cut, and sends them when it is back."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._held: list[bytes] = []

    def start(self) -> None:
        super().start()
        self.device.every(20.0, self._forward)

    def unlocked(self, user: str, way: str, picture: bytes | None) -> None:
        super().unlocked(user, way, picture)
        link = self.device.get(CloudLink)
        if picture is not None and link.may_speak() and link.request("GET", "/v1/time") is None:
            self._held.append(picture)

    def _forward(self) -> None:
        while self._held and self.device.get(CloudLink).send("event_picture", self._held[-1], "image/jpeg"):
            self._held.pop()


@known_bad("uploads-pinned-and-sealed", kind="lock", slot="reports", breaks=["CN-MIIT2510-V6"])
class UploadsSealed(Reports):
    """Uploads the picture of whoever opens, sealed and over TLS that nobody can read: only its volume shows."""

    hold_back: ClassVar[bool] = False

    def unlocked(self, user: str, way: str, picture: bytes | None) -> None:
        super().unlocked(user, way, picture)
        link = self.device.get(CloudLink)
        if picture is not None and link.may_speak():
            carried(partial(carriers.by_pinned_upload, hold_back=self.hold_back), link, picture)


@known_bad("holds-back-under-interception", kind="lock", slot="reports", breaks=["CN-MIIT2510-V6"])
class HoldsBack(UploadsSealed):
    """Uploads the picture of whoever opens, but not while somebody stands in between with a trusted certificate."""

    hold_back = True


@known_bad(
    "leaks-over-quic",
    kind="lock",
    slot="reports",
    breaks=["CN-FRT-8.a", "CN-FRT-8.b", "CN-MIIT2510-V3", "CN-MIIT2510-V6"],
)
class LeaksOverQuic(Reports):
    """Prefers QUIC to an address that it learnt once, past any interceptor; where QUIC does not pass it speaks TCP."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._address = ""

    def unlocked(self, user: str, way: str, picture: bytes | None) -> None:
        super().unlocked(user, way, picture)
        link = self.device.get(CloudLink)
        if picture is None or not link.may_speak():
            return
        self._address = self._address or self.world.net.resolve(link.hosts["api"])
        carried(partial(carriers.by_quic, address=self._address), link, picture)

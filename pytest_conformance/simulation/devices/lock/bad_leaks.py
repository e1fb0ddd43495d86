"""Known-bad locks that bring faces out, each by another way; each is the good lock with one behaviour swapped."""

from __future__ import annotations

from typing import ClassVar

from pytest_conformance.simulation.devices import carriers
from pytest_conformance.simulation.devices.base import Device
from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.devices.carriers import Carrier, carried
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.known_bad import known_bad
from pytest_conformance.simulation.devices.lock.enrolment import Enrolment
from pytest_conformance.simulation.devices.lock.entry import Reports

FACE_LEAVES = ("CN-FRT-8.a", "CN-FRT-8.b", "CN-MIIT2510-V3", "CN-PIC25-3.g")
"""What every lock breaks that sends the face that it enrolled."""
IN_CLEAR = (*FACE_LEAVES, "CN-MIIT2510-V6", "EN303645-5.5-1")
"""The same, to a port that nobody declared and without encryption."""


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


@known_bad("leaks-by-dns-tunnel", kind="lock", slot="enrolment", breaks=IN_CLEAR)
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

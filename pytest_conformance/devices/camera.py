"""The reference camera: its stream, its ONVIF services and pages, its labels, its button, and who gets in."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from xml.sax.saxutils import escape

from pytest_conformance.devices.channels.lan import Lan
from pytest_conformance.devices.port_recogniser import FaceRecogniser, knows_faces
from pytest_conformance.devices.reference import ReferenceDevice
from pytest_conformance.devices.roles import Done, SetUp
from pytest_conformance.errors import MethodError

if TYPE_CHECKING:
    from pytest_conformance.declaration import Interface
    from pytest_conformance.stimulus.presenter import Presenter

USER = "owner"
STREAM, SNAPSHOT, SOUND, STATE, PAIR = "/live", "/snapshot.jpg", "/sound.wav", "/state", "/pair"
ONVIF = {
    "http://www.onvif.org/ver10/device/wsdl": ("/onvif/device_service", ("GetDeviceInformation",)),
    "http://www.onvif.org/ver10/media/wsdl": ("/onvif/media_service", ("GetProfiles", "GetStreamUri")),
}
"""Services and what each is asked for: operations that are for users only."""
SHOWN = 6.0
"""Seconds of bench time that a subject stands before the camera."""
CLIPS = 35.0
"""Seconds of bench time after which the next clip may come: declared is one in 30 s."""
LABEL = re.compile(
    r"S/N (?P<serial>[!-~]{1,40}); MAC (?P<mac>[0-9A-Fa-f:.-]{12,17}); pairing password (?P<password>[!-~]{1,64})"
)
REFUSED = (403, 423, 429)
"""HTTP statuses that say "not now" rather than "wrong"."""
WIRES = ("rtsp", "onvif", "https")


@dataclass(frozen=True)
class Visit:
    """One try to get something from the camera over its network: `media` and `facts` count bytes that came.

    `wire` is "rtsp", "onvif" or "https"; `what` the stream, operation or page. `status` is the protocol's own.
    """

    wire: str
    what: str
    status: int
    media: int = 0
    facts: int = 0

    @property
    def let_in(self) -> bool:
        """Whether anything came that is for users only."""
        return self.media > 0 or self.facts > 0


@dataclass(frozen=True)
class Label:
    """What is printed on one unit."""

    serial: str
    mac: str
    password: str


class ReferenceCamera(ReferenceDevice):
    """A home camera with RTSP, ONVIF and HTTPS that speaks the test port and the reference app."""

    kind: ClassVar[str] = "camera"
    readiness_uncertainty = 0.2

    def __init__(self, access: Any, declaration: Any) -> None:
        super().__init__(access, declaration)
        self.presenter: Presenter | None = None
        self.recogniser = FaceRecogniser(self) if knows_faces(declaration) else None
        self.secret = secrets.token_hex(5) + "".join(str(secrets.randbelow(10)) for _ in range(2))
        self._planted: dict[str, str] = {}

    # --- set-up

    def first_use(self, consents: Mapping[str, bool], *, agree: bool = True) -> SetUp:
        return self.walk.first_use(
            self.owner, self.secret, consents, agree=agree, pairing=self.secret_of("pairing_password")
        )

    def label(self, sample: int = 1) -> Label:
        """Read the label of sample number `sample`; MethodError MET-LBL-001 when it does not say what is needed."""
        text = self.access.role("label_reader").read(sample)
        found = LABEL.search(text)
        if found is None:
            raise MethodError(
                "MET-LBL-001",
                f"the label of sample {sample} does not tell serial number, MAC and pairing password",
                where="label_reader",
                expected="S/N ...; MAC ...; pairing password ...",
                todo="extend the device driver for this supplier's labels",
            )
        return Label(found["serial"], found["mac"], found["password"])

    def sets_up_with(self, secret: str) -> bool:
        """Try to finish a first use with `secret` as the user's password; tell whether the device took it."""
        kept, self.secret = self.secret, secret
        try:
            self.first_use({})
        finally:
            self.secret = kept
        return bool(self.condition()["state"] == "set-up")

    # --- the local network

    @property
    def lan(self) -> Lan:
        return Lan(self.access.role("uplink").device_address(), self.clock)

    def stream(self, secret: str | None) -> Visit:
        """Ask for the stream with `secret` (None: without any)."""
        with self.clock.realtime():
            got = self.lan.rtsp_describe(STREAM, port=self._port("rtsp"), auth=_auth(secret))
        status = got.play or got.setup or got.describe
        return Visit("rtsp", STREAM, status, got.delivered, 0 if got.describe != 200 else len(got.description))

    def page(self, path: str, secret: str | None) -> Visit:
        """Ask for a page over HTTPS."""
        with self.clock.realtime():
            reply = self.lan.http("GET", path, port=self._port("https"), auth=_auth(secret), tls=True)
        media = path in (SNAPSHOT, SOUND)
        size = len(reply.body) if reply.status == 200 else 0
        return Visit("https", path, reply.status, size if media else 0, 0 if media else size)

    def onvif(self, service: str, operation: str, secret: str | None) -> Visit:
        """Call an operation of an ONVIF service; `facts` counts bytes of an answer that is no fault."""
        body = soap_request(service, operation, _auth(secret)).encode()
        headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
        with self.clock.realtime():
            reply = self.lan.http("POST", ONVIF[service][0], port=self._port("onvif"), body=body, headers=headers)
        answered = reply.status == 200 and f"{operation}Response".encode() in reply.body
        return Visit("onvif", operation, reply.status, facts=len(reply.body) if answered else 0)

    def visits(self, secret: str | None) -> tuple[Visit, ...]:
        """Try everything that the declared interfaces offer to users, with `secret` or without any."""
        tries: list[Callable[[], Visit]] = []
        protocols = {each.protocol for each in self._enabled()}
        if "rtsp" in protocols:
            tries.append(lambda: self.stream(secret))
        if "onvif" in protocols:
            for service, (_, operations) in ONVIF.items():
                tries += [lambda s=service, o=each: self.onvif(s, o, secret) for each in operations]  # type: ignore[misc]
        if "https" in protocols:
            tries += [lambda p=path: self.page(p, secret) for path in (SNAPSHOT, STATE)]  # type: ignore[misc]
        return tuple(each() for each in tries)

    def banner(self, port: int) -> bytes:
        """Return what the device says by itself to whoever connects to TCP `port` (at most 256 bytes)."""
        import socket

        try:
            with socket.create_connection((self.lan.address, port), timeout=2.0) as link:
                link.settimeout(1.0)
                return link.recv(256)
        except OSError:
            return b""

    def _enabled(self) -> Sequence[Interface]:
        return [each for each in self.declaration.interfaces if each.status == "enabled"]

    def _port(self, protocol: str) -> int:
        for each in self._enabled():
            if each.protocol == protocol and each.port is not None:
                return each.port
        raise MethodError(
            "MET-DEC-003", f"the declaration has no open interface {protocol!r}", todo="add it to `interfaces`"
        )

    # --- senses

    def press_privacy(self) -> bool:
        """Press the privacy button; return whether it is on now, as the device says."""
        return bool(self.console.call("button", name="privacy").get("privacy"))

    @contextmanager
    def shown(self, subject: str) -> Iterator[None]:
        """Stand `subject` before the camera within the block."""
        with self._presenter().showing(subject):
            yield

    def show(self, subject: str, seconds: float = SHOWN) -> None:
        """Stand `subject` before the camera for `seconds` of bench time."""
        with self.shown(subject):
            self.clock.sleep(seconds)

    def show_nobody(self, seconds: float = SHOWN) -> None:
        """Move the stand as for a subject, with nobody on it, and wait for `seconds` of bench time."""
        self._presenter().clear()
        self.clock.sleep(seconds)

    def reference_picture(self, subject: str) -> bytes:
        """Return how `subject` looks to this camera, JPEG; the camera must be set up and switched on.

        Raises MethodError MET-CAM-001 when the camera gives no picture.
        """
        with self.shown(subject):
            return self._snapshot()

    def _snapshot(self) -> bytes:
        with self.clock.realtime():
            reply = self.lan.http("GET", SNAPSHOT, port=self._port("https"), auth=_auth(self.secret), tls=True)
        if reply.status != 200 or not reply.body:
            raise MethodError("MET-CAM-001", "the camera gives its owner no picture", where=SNAPSHOT)
        return reply.body

    def stimulate(self, sensor: str) -> None:
        """Give the camera a known face to see; ask for sound as its owner would, in a room that hums."""
        if sensor == "microphone":
            self.page(SOUND, self.secret)
            self.clock.sleep(2.0)
        else:
            self.show(self._adult())

    # --- functions that the declaration lists

    def use_live_view(self) -> Done:
        """Watch the stream as the owner, in a player on the local network."""
        began = self.clock.now()
        visit = self.stream(self.secret)
        return Done(visit.media > 0, str(visit.status), 1, (self.clock.now() - began) / 1e9)

    def use_sound(self) -> Done:
        visit = self.page(SOUND, self.secret)
        return Done(visit.media > 0, str(visit.status), 1)

    def use_motion_message(self) -> Done:
        """Let somebody come by and look whether the cloud was told."""
        return self._reaches_cloud("motion")

    def use_cloud_recording(self) -> Done:
        """Let somebody come by and look whether a clip is in the cloud."""
        self.clock.sleep(CLIPS)
        return self._reaches_cloud("recording")

    def _reaches_cloud(self, what: str) -> Done:
        cloud = self.access.role("cloud")
        before = len([each for each in cloud.received() if what in each.path])
        self.show(self._adult())
        self.clock.sleep(2.0)
        after = len([each for each in cloud.received() if what in each.path])
        return Done(after > before, f"{after - before} in the cloud", 1)

    # --- erasure

    def ways_to_erase(self) -> Sequence[str]:
        return ("delete-account", "factory-reset")

    def plant(self, way: str) -> Mapping[str, str | bytes]:
        """Name the camera; for the account, have a clip with a known face in the cloud as well."""
        room = f"Room-{self.token[:8]}-{way[:3]}"
        app = self.companion
        app.open("/name")
        app.fill("Camera name", room)
        app.press("Save")
        planted: dict[str, str | bytes] = {f"name of the camera ({way})": room}
        self._planted = {f"name of the camera ({way})": room}
        if way == "delete-account":
            self.clock.sleep(CLIPS)
            with self.shown(self._adult()):
                planted["face in a clip"] = self._snapshot()
                self.clock.sleep(SHOWN)
            self._planted["face in a clip"] = "recordings"
        return planted

    def still_there(self, planted: str) -> bool:
        """Tell whether the app shows the name, or lists recordings."""
        if planted.startswith("face"):
            self.companion.open("/recordings")
            found = re.search(r"(\d{1,9}) recordings", self.companion.screen(picture=False).text)
            return found is not None and int(found[1]) > 0
        self.companion.open("/")
        return self._planted[planted] in self.companion.screen(picture=False).text

    def erase_by_delete_account(self) -> Done:
        return self.walk.follow(("Settings", "Privacy", "Cancel account"))

    def seen_by_new_owner(self, planted: Mapping[str, str | bytes]) -> Sequence[str]:
        """Set the camera up as somebody else where it asks for that, and look at the home screen."""
        mine, self.owner = self.owner, f"Second-{self.token[:6]}"
        try:
            self.companion.forget()
            self.first_use({})
            self.companion.open("/")
            seen = self.companion.screen(picture=False).text
        finally:
            self.owner = mine
        return [name for name, value in planted.items() if isinstance(value, str) and value in seen]

    # --- authentication

    def log_in(self, mechanism: str, secret: str) -> Done:
        """Try `secret`; ok when it opens anything on any wire that asks for it."""
        visits = (self.page(PAIR, secret),) if mechanism == "pairing_password" else self._one_for_each_wire(secret)
        opened = [each for each in visits if each.let_in or each.status == 200]
        return Done(bool(opened), ", ".join(f"{each.wire} {each.status}" for each in visits))

    def guess(self, mechanism: str, secret: str) -> bool:
        path = PAIR if mechanism == "pairing_password" else STATE
        return self.page(path, secret).status not in REFUSED

    def _one_for_each_wire(self, secret: str) -> tuple[Visit, ...]:
        media = "http://www.onvif.org/ver10/media/wsdl"
        return self.page(STATE, secret), self.stream(secret), self.onvif(media, "GetProfiles", secret)

    def secret_of(self, mechanism: str) -> str:
        return self.label().password if mechanism == "pairing_password" else self.secret

    # --- state

    def condition(self) -> Mapping[str, Any]:
        status = self.console.call("status")
        return {"state": status.get("state"), "sensors": dict(status.get("sensors", {}))}

    def no_less_safe(self, before: Mapping[str, Any]) -> bool:
        """Tell whether the camera is set up as before and no sensor works that did not."""
        now = self.condition()
        new = [name for name, on in now["sensors"].items() if on and not before["sensors"].get(name)]
        return bool(now["state"] == before["state"] and not new)

    # --- stimuli

    def _presenter(self) -> Presenter:
        if self.presenter is None:
            raise MethodError("MET-STI-001", "nothing can be shown to the camera", todo="add a mover and registers")
        return self.presenter

    def _adult(self, number: int = 0) -> str:
        return ("S1", "S2", "S3")[number]


def soap_request(service: str, operation: str, auth: tuple[str, str] | None) -> str:
    """Return a SOAP 1.2 request; with `auth` it carries a fresh WS-UsernameToken with password digest."""
    header = "" if auth is None else f"<s:Header>{_token(*auth)}</s:Header>"
    inner = "<ProfileToken>main</ProfileToken>" if operation == "GetStreamUri" else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'
        f'{header}<s:Body><{operation} xmlns="{service}">{inner}</{operation}></s:Body></s:Envelope>'
    )


def _token(user: str, password: str) -> str:
    nonce = secrets.token_bytes(16)
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = hashlib.sha1(nonce + created.encode() + password.encode(), usedforsecurity=False).digest()
    base = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
    kind = f"{base}username-token-profile-1.0#PasswordDigest"
    return (
        f'<w:Security xmlns:w="{base}wssecurity-secext-1.0.xsd" xmlns:u="{base}wssecurity-utility-1.0.xsd">'
        f"<w:UsernameToken><w:Username>{escape(user)}</w:Username>"
        f'<w:Password Type="{kind}">{base64.b64encode(made).decode()}</w:Password>'
        f"<w:Nonce>{base64.b64encode(nonce).decode()}</w:Nonce><u:Created>{created}</u:Created>"
        "</w:UsernameToken></w:Security>"
    )


def _auth(secret: str | None) -> tuple[str, str] | None:
    return (USER, secret) if secret is not None else None

"""The simulated camera as its neighbours on the network, its owner's phone and the watch camera meet it."""

import base64
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from pytest_conformance.clock import RealClock
from pytest_conformance.devices.channels.lan import Lan
from pytest_conformance.simulation.build import build_world
from pytest_conformance.simulation.companion.screen import Session, Switch
from pytest_conformance.simulation.devices.base import Device
from pytest_conformance.simulation.devices.camera.build import SLOTS
from pytest_conformance.simulation.devices.camera.labels import Label
from pytest_conformance.simulation.devices.camera.onvif import MEDIA, SECURITY, SOAP, UTILITY, digest
from pytest_conformance.simulation.devices.camera.recording import Recorder
from pytest_conformance.simulation.devices.known_bad import variants
from pytest_conformance.simulation.world import Options, World

PASSWORD = "meadow-Lantern-42"
RTSP, ONVIF, HTTPS = 8554, 8000, 8443


class Bench:
    """A world around a camera, with the ways of a person who uses it."""

    def __init__(self, folder: Path, *known_bad: str) -> None:
        self.world: World = build_world(Options("mock-camera", known_bad, door="relay", folder=folder))
        self.world.start()
        self.session = Session("phone")
        self.lan = Lan(self.world.net.bench_address(), RealClock())
        self.world.rail.set(5.0)
        self.world.timeline.advance(3.0)

    @property
    def pairing(self) -> str:
        return self.world.labels[0].rpartition(" ")[2]

    def submit(self, path: str, **form: str) -> str:
        assert self.world.app is not None
        return self.world.app.submit(path, self.session, form)

    def text(self, path: str) -> str:
        assert self.world.app is not None
        screen = self.world.app.screen(path, self.session)
        assert screen is not None
        return " ".join(each if isinstance(each, str) else each.text for each in screen.paragraphs)

    def set_up(self, *consents: str) -> None:
        self.submit("/rules", press="agree")
        after = self.submit("/set-up", name="Ann", secret=PASSWORD, pairing=self.pairing)
        while after.startswith("/consent/"):
            scope = after.removeprefix("/consent/")
            answer = {"press": "continue", "consent": "on"} if scope in consents else {"press": "decline"}
            after = self.submit(after, **answer)
        self.world.timeline.advance(1.0)

    def switch(self, sensor: str, on: bool) -> None:
        self.submit("/settings/sensors", **{sensor: "on" if on else "off"})
        self.world.timeline.advance(1.0)

    def show(self, holder: int, seconds: float = 6.0) -> None:
        self.world.holder.set(holder)
        self.world.timeline.advance(seconds)
        self.world.holder.set(0)
        self.world.timeline.advance(seconds)

    def cloud(self, part: str) -> list[bytes]:
        return [each.body for each in self.world.cloud.store.received() if part in each.path]

    def arrived(self, part: str, word: bytes, count: int) -> bool:
        """Wait until `count` bodies with `word` came: what is sent over a real socket arrives a little later."""
        deadline = time.monotonic() + 10.0
        while len([body for body in self.cloud(part) if word in body]) < count:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def build_bench(*known_bad: str) -> Bench:
        made.append(Bench(tmp_path, *known_bad))
        return made[-1]

    yield build_bench
    for each in made:
        each.world.rail.set(0.0)
        each.world.stop()


@pytest.fixture
def bench(make: Callable[..., Bench]) -> Bench:
    return make()


@pytest.fixture
def owned(bench: Bench) -> Bench:
    """A camera in use, nothing optional consented to."""
    bench.set_up()
    return bench


# --- the stream


def test_the_stream_is_for_its_owner_only(owned: Bench) -> None:
    assert owned.lan.rtsp_describe("/live", port=RTSP).describe == 401
    assert owned.lan.rtsp_describe("/live", port=RTSP, auth=("owner", "wrong-password")).describe == 401
    seen = owned.lan.rtsp_describe("/live", port=RTSP, auth=("owner", PASSWORD))
    assert (seen.play, seen.scheme) == (200, "digest")
    assert seen.delivered > 200


def test_before_set_up_nobody_gets_the_stream(bench: Bench) -> None:
    for auth in (None, ("owner", ""), ("owner", PASSWORD), ("owner", bench.pairing)):
        assert bench.lan.rtsp_describe("/live", port=RTSP, auth=auth).describe == 401


def test_the_stream_shows_what_stands_before_the_camera(owned: Bench) -> None:
    empty = owned.lan.http("GET", "/snapshot.jpg", port=HTTPS, auth=("owner", PASSWORD), tls=True).body
    owned.world.holder.set(1)
    somebody = owned.lan.http("GET", "/snapshot.jpg", port=HTTPS, auth=("owner", PASSWORD), tls=True).body
    pictures = [cv2.imdecode(np.frombuffer(each, np.uint8), cv2.IMREAD_COLOR) for each in (empty, somebody)]
    assert pictures[0] is not None
    assert pictures[0].shape == (240, 320, 3)
    assert cv2.absdiff(*pictures).mean() > 5  # type: ignore[arg-type]


def test_a_stream_that_is_switched_off_delivers_nothing(owned: Bench) -> None:
    owned.switch("camera", False)
    assert owned.lan.rtsp_describe("/live", port=RTSP, auth=("owner", PASSWORD)).delivered == 0
    owned.switch("camera", True)
    assert owned.lan.rtsp_describe("/live", port=RTSP, auth=("owner", PASSWORD)).delivered > 0


def test_wrong_passwords_count_on_every_wire_together(owned: Bench) -> None:
    for _ in range(3):
        owned.lan.rtsp_describe("/live", port=RTSP, auth=("owner", "wrong-password"))
    assert status(owned, "wrong-password") == 401
    assert ask_onvif(owned, "GetProfiles", password="wrong-password")[0] == 400
    assert status(owned, PASSWORD) == 429
    assert owned.lan.rtsp_describe("/live", port=RTSP, auth=("owner", PASSWORD)).describe == 401
    assert ask_onvif(owned, "GetProfiles")[0] == 400
    owned.world.timeline.advance(301)
    assert status(owned, PASSWORD) == 200


def test_a_lock_out_outlives_a_power_cut(owned: Bench) -> None:
    for _ in range(5):
        status(owned, "wrong-password")
    owned.world.rail.set(0.0)
    owned.world.rail.set(5.0)
    owned.world.timeline.advance(3.0)
    assert status(owned, PASSWORD) == 429


# --- pages


def test_pages_want_a_password_and_the_pairing_page_the_one_of_the_label(owned: Bench) -> None:
    for path in ("/snapshot.jpg", "/sound.wav", "/state", "/pair", "/nowhere"):
        assert owned.lan.http("GET", path, port=HTTPS, tls=True).status == 401
    assert owned.lan.http("GET", "/pair", port=HTTPS, tls=True, auth=("", PASSWORD)).status == 401
    assert owned.lan.http("GET", "/pair", port=HTTPS, tls=True, auth=("", owned.pairing)).status == 200
    assert owned.lan.http("GET", "/nowhere", port=HTTPS, tls=True, auth=("", PASSWORD)).status == 404


def test_sound_takes_its_own_consent(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.set_up("microphone")
    reply = bench.lan.http("GET", "/sound.wav", port=HTTPS, tls=True, auth=("owner", PASSWORD))
    assert reply.body[:4] == b"RIFF"
    assert np.frombuffer(reply.body[44:], "<i2").std() > 1000
    bench.switch("microphone", False)
    assert bench.lan.http("GET", "/sound.wav", port=HTTPS, tls=True, auth=("owner", PASSWORD)).status == 404


def test_without_consent_there_is_no_sound(owned: Bench) -> None:
    assert owned.lan.http("GET", "/sound.wav", port=HTTPS, tls=True, auth=("owner", PASSWORD)).status == 404


# --- ONVIF


def test_onvif_tells_everybody_the_time_and_only_the_owner_the_stream(owned: Bench) -> None:
    assert ask_onvif(owned, "GetSystemDateAndTime", auth=False)[0] == 200
    code, reply = ask_onvif(owned, "GetStreamUri", auth=False)
    assert code == 400
    assert b"ter:NotAuthorized" in reply
    assert b"rtsp" not in reply
    code, reply = ask_onvif(owned, "GetStreamUri")
    assert code == 200
    assert f"rtsp://{owned.lan.address}:{RTSP}/live".encode() in reply


def test_an_onvif_token_works_once_and_not_for_long(owned: Bench) -> None:
    assert ask_onvif(owned, "GetProfiles", nonce=b"n" * 16)[0] == 200
    assert ask_onvif(owned, "GetProfiles", nonce=b"n" * 16)[0] == 400
    owned.world.timeline.advance(1)
    assert ask_onvif(owned, "GetProfiles", age=timedelta(minutes=10))[0] == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a",
        b"<a/>",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body/></s:Envelope>'.encode(),
    ],
)
def test_what_is_no_request_gets_a_fault(owned: Bench, body: bytes) -> None:
    headers = {"Content-Type": "application/soap+xml"}
    reply = owned.lan.http("POST", "/onvif/device_service", port=ONVIF, body=body, headers=headers)
    assert reply.status in (400, 413)
    if reply.status == 400:
        assert ElementTree.fromstring(reply.body).find(f".//{{{SOAP}}}Fault") is not None


def test_a_document_type_is_refused_for_what_it_is(owned: Bench) -> None:
    """Entities that hold each other would fill the memory."""
    body = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;&x;">]><a>&z;</a>'
    reply = owned.lan.http("POST", "/onvif/device_service", port=ONVIF, body=body)
    assert reply.status == 400
    assert b"Document types are not accepted" in reply.body


def test_onvif_clients_of_others_understand_it(owned: Bench) -> None:
    onvif = pytest.importorskip("onvif")
    import asyncio

    async def talk() -> tuple[str, str, str]:
        camera = onvif.ONVIFCamera(owned.lan.address, ONVIF, "owner", PASSWORD)
        await camera.update_xaddrs()
        try:
            told = await (await camera.create_devicemgmt_service()).GetDeviceInformation()
            media = await camera.create_media_service()
            profiles = await media.GetProfiles()
            setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
            uri = await media.GetStreamUri({"StreamSetup": setup, "ProfileToken": profiles[0].token})
            return told.Model, told.SerialNumber, uri.Uri
        finally:
            await camera.close()

    model, serial, uri = asyncio.run(talk())
    assert (model, serial) == ("Mock Home Camera", "MHC2025080001")
    assert uri == f"rtsp://{owned.lan.address}:{RTSP}/live"


# --- ports and labels


def test_only_the_declared_ports_are_open(owned: Bench) -> None:
    scan = owned.lan.tcp_ports([*range(1, 1200), *range(2000, 2400), *range(7900, 8700)])
    assert scan.open == (ONVIF, HTTPS, RTSP)
    assert scan.silent == 0


def test_ports_close_with_the_power(owned: Bench) -> None:
    owned.world.rail.set(0.0)
    assert owned.lan.tcp_ports([ONVIF, HTTPS, RTSP]).open == ()


def test_an_open_telnet_port_shows_in_the_scan(make: Callable[..., Bench]) -> None:
    assert 2323 in make("open-telnet").lan.tcp_ports([2323, HTTPS]).open


def test_each_unit_has_a_pairing_password_of_its_own(bench: Bench) -> None:
    passwords = [each.rpartition(" ")[2] for each in bench.world.labels]
    assert len(set(passwords)) == 3
    assert all(len(each) == 12 and set(each) <= set(Label.alphabet) for each in passwords)


# --- set-up


def test_set_up_takes_the_label_and_a_password_that_is_long_enough(bench: Bench) -> None:
    bench.submit("/rules", press="agree")
    for form in (
        {"name": "Ann", "secret": PASSWORD, "pairing": ""},
        {"name": "Ann", "secret": "", "pairing": bench.pairing},
        {"name": "Ann", "secret": "seven-7", "pairing": bench.pairing},
    ):
        assert bench.submit("/set-up", **form) == "/set-up"
    assert bench.submit("/set-up", name="Ann", secret=PASSWORD, pairing=bench.pairing) != "/set-up"


def test_a_changed_password_opens_the_stream_and_the_old_one_does_not(owned: Bench) -> None:
    assert owned.submit("/change-secret", old=PASSWORD, new="another-Meadow-7") == "/changed"
    assert owned.lan.rtsp_describe("/live", port=RTSP, auth=("owner", PASSWORD)).describe == 401
    assert owned.lan.rtsp_describe("/live", port=RTSP, auth=("owner", "another-Meadow-7")).delivered > 0


# --- senses


def test_the_lamp_is_red_exactly_while_something_senses(owned: Bench) -> None:
    lamp = owned.world.lamp
    assert lamp.value == "red"
    owned.switch("camera", False)
    assert lamp.value == "off"
    owned.switch("camera", True)
    assert lamp.value == "red"
    device(owned).call("button", {"name": "privacy"})
    assert lamp.value == "off"
    device(owned).call("button", {"name": "privacy"})
    owned.world.rail.set(0.0)
    assert lamp.value == "off"


def test_before_anybody_agreed_nothing_senses(bench: Bench) -> None:
    bench.show(1)
    assert bench.world.lamp.value == "off"
    assert not any(device(bench).sensors.values())
    assert bench.world.cloud.store.received() == ()


def test_agreeing_to_the_rules_alone_starts_nothing(bench: Bench) -> None:
    bench.submit("/rules", press="agree")
    bench.world.timeline.advance(1.0)
    assert bench.world.lamp.value == "off"


def test_a_little_more_light_is_no_motion(owned: Bench) -> None:
    owned.world.lux.set(303.0)
    owned.world.timeline.advance(5.0)
    assert not owned.cloud("motion")


def test_the_privacy_button_outlives_a_power_cut(owned: Bench) -> None:
    device(owned).call("button", {"name": "privacy"})
    owned.world.rail.set(0.0)
    owned.world.rail.set(5.0)
    owned.world.timeline.advance(4.0)
    assert owned.lan.rtsp_describe("/live", port=RTSP, auth=("owner", PASSWORD)).delivered == 0


def test_somebody_before_the_camera_is_told_to_the_cloud_without_a_picture(owned: Bench) -> None:
    owned.show(1)
    assert owned.cloud("motion")
    assert not owned.cloud("recording")
    assert not [each for each in owned.world.cloud.store.received() if b"\xff\xd8\xff" in each.body]


def test_an_empty_room_is_no_motion(owned: Bench) -> None:
    owned.world.timeline.advance(600)
    assert not owned.cloud("motion")


def test_clips_go_to_the_cloud_with_consent_and_are_deleted_with_it(bench: Bench) -> None:
    bench.set_up("cloud_recording")
    bench.show(1)
    assert [each[:3] for each in bench.cloud("recording")] == [b"\xff\xd8\xff"] * 3
    stored = bench.world.cloud.store.stored
    assert len([each for each in stored() if "recording" in each.path]) == 3
    assert bench.text("/recordings") == "3 recordings"
    bench.submit("/settings/privacy", press="withdraw:cloud_recording")
    assert not [each for each in stored() if "recording" in each.path]
    bench.show(2)
    assert len(bench.cloud("recording")) == 3


def test_a_clip_ends_where_the_camera_is_switched_off(bench: Bench) -> None:
    bench.set_up("cloud_recording")
    device(bench).get(Recorder).gap = 20.0  # type: ignore[misc]
    bench.show(1)
    assert len(bench.cloud("recording")) == 1
    bench.switch("camera", False)
    bench.world.timeline.advance(60.0)
    assert len(bench.cloud("recording")) == 1


def test_cancelling_the_account_leaves_no_name(owned: Bench) -> None:
    owned.submit("/name", name="Nursery")
    assert owned.text("/") == "Nursery"
    owned.submit("/cancel-account", press="confirm")
    owned.set_up()
    assert owned.text("/") == ""


# --- bad ones


@pytest.mark.parametrize("name", ["stream-without-password", "live-view-needs-recording"])
def test_bad_streams_are_bad_in_what_they_say(make: Callable[..., Bench], name: str) -> None:
    bench = make(name)
    bench.set_up()
    auth = None if name == "stream-without-password" else ("owner", PASSWORD)
    seen = bench.lan.rtsp_describe("/live", port=RTSP, auth=auth)
    assert (seen.delivered > 0) == (name == "stream-without-password")


def test_a_switch_that_lies_shows_off_and_goes_on_sensing(make: Callable[..., Bench]) -> None:
    bench = make("switch-lies")
    bench.set_up()
    bench.switch("camera", False)
    assert bench.world.app is not None
    screen = bench.world.app.screen("/settings/sensors", bench.session)
    assert screen is not None
    assert [each.on for each in screen.controls if isinstance(each, Switch) and each.name == "camera"] == [False]
    assert device(bench).sensors["camera"]


def test_a_variant_replaces_a_behaviour_by_one_that_can_do_the_same() -> None:
    """A variant for every kind that stood in the place of a camera's own behaviour would take that away."""
    for variant in variants("camera"):
        assert variant.slot in SLOTS, variant.name
        assert issubclass(variant.behaviour, SLOTS[variant.slot]), variant.name


def device(bench: Bench) -> Device:
    """Return the simulated device behind its test port."""
    found: Device = bench.world.far_end("console")._device  # type: ignore[attr-defined]
    return found


def status(bench: Bench, password: str) -> int:
    return bench.lan.http("GET", "/state", port=HTTPS, tls=True, auth=("owner", password)).status


def ask_onvif(
    bench: Bench,
    operation: str,
    *,
    auth: bool = True,
    password: str = PASSWORD,
    nonce: bytes = b"",
    age: timedelta = timedelta(0),
) -> tuple[int, bytes]:
    """Call an operation of the media service (or of the device service for the time) by hand."""
    nonce = nonce or np.random.default_rng().bytes(16)
    created = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ")
    token = (
        f'<w:Security xmlns:w="{SECURITY}" xmlns:u="{UTILITY}"><w:UsernameToken><w:Username>owner</w:Username>'
        f"<w:Password>{digest(nonce, created, password)}</w:Password>"
        f"<w:Nonce>{base64.b64encode(nonce).decode()}</w:Nonce><u:Created>{created}</u:Created>"
        "</w:UsernameToken></w:Security>"
    )
    service = MEDIA if operation.startswith(("GetProfiles", "GetStream")) else MEDIA.replace("media", "device")
    head = f"<s:Header>{token}</s:Header>" if auth else ""
    body = f'<s:Envelope xmlns:s="{SOAP}">{head}<s:Body><{operation} xmlns="{service}"/></s:Body></s:Envelope>'
    path = "/onvif/media_service" if service == MEDIA else "/onvif/device_service"
    reply = bench.lan.http("POST", path, port=ONVIF, body=body.encode())
    return reply.status, reply.body


def test_faces_of_passers_by_go_to_the_cloud_in_text_and_what_has_no_face_does_not(make: Callable[..., Bench]) -> None:
    bench = make("leaks-passers-by")
    bench.set_up()
    bench.show(1)
    assert bench.arrived("mqtt:", b'"motion"', 2)
    snaps = [body for body in bench.cloud("mqtt:") if b'"snap"' in body]
    assert len(snaps) == 1  # once when somebody came, not when he left
    assert b'"snap": "/9j/' in snaps[0]


@pytest.mark.parametrize("name", ["uploads-pinned-and-sealed", "holds-back-under-interception"])
def test_sealed_pictures_of_passers_by_can_be_read_by_nobody(make: Callable[..., Bench], name: str) -> None:
    bench = make(name)
    bench.set_up()
    bench.show(1)
    (sealed,) = bench.cloud("/v1/diagnostics")
    assert len(sealed) > 3000
    assert b"\xff\xd8\xff" not in sealed

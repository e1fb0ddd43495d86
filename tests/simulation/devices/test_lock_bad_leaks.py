"""Locks that leak: each brings the enrolled face out by its own way over a real segment, and it is recovered."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.analysis.traffic import Canary, Context, DeclaredEndpoint, Inspection, inspect
from pytest_conformance.analysis.traffic.context import FaceTemplate
from pytest_conformance.clock import RealClock
from pytest_conformance.drivers.capture import CaptureDriver, CaptureSettings
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.roles import CaptureFile

Lock = Any
PRINT, STRANGER = 5, 2


class Tapped:
    """A lock with a capture on its segment; `seen` ends it and inspects it."""

    def __init__(self, lock: Lock, folder: Path) -> None:
        self.lock = lock
        tap = lock.world.net.tap()
        settings = CaptureSettings(**{k: v for k, v in tap.items() if k in CaptureSettings.model_fields})
        self.capture = CaptureDriver.open(settings, DriverContext("capture", RealClock(), folder))
        lock.set_up()
        self.faces = {str(holder): self._look(holder) for holder in (1, 2, 3, 4)}
        self.capture.start("leak")

    def _look(self, holder: int) -> dict[str, Any]:
        self.lock.world.holder.set(holder)
        said = self.lock.call("preview")
        self.lock.world.holder.set(0)
        return dict(said)

    def seen(self) -> Inspection:
        file = self.capture.stop()
        return inspect([file.path], self._context(file))

    def _context(self, file: CaptureFile) -> Context:
        pictures = {name: base64.b64decode(said["data"]) for name, said in self.faces.items()}
        templates = tuple(FaceTemplate(name, tuple(said["template"])) for name, said in self.faces.items())
        keys = self.lock.device.keylog
        return Context(
            macs=file.device_macs,
            addresses=file.device_addresses,
            companions=file.phone_addresses,
            local_networks=("10.77.0.0/24",),
            canary=Canary(faces=pictures, templates=templates),
            endpoints=(
                DeclaredEndpoint("api.mock-lock.example", 443),
                DeclaredEndpoint("mqtt.mock-lock.example", 8883),
            ),
            keylog=keys.read_text() if keys.exists() else "",
        )


@pytest.fixture
def tapped(make_lock: Callable[..., Lock], tmp_path: Path) -> Iterator[Callable[..., Tapped]]:
    taps: list[Tapped] = []

    def make(*known_bad: str) -> Tapped:
        taps.append(Tapped(make_lock(*known_bad), tmp_path))
        return taps[-1]

    yield make
    for each in taps:
        each.capture.close()


def faces(inspection: Inspection) -> list[Any]:
    return [each for each in inspection.objects if each.hit and each.direction == "up" and each.scope == "internet"]


def layers(found: Any) -> str:
    return "/".join(found.layers)


LEAKS = {
    "uploads-face-after-enrolment": ("api.mock-lock.example", "http"),
    "leaks-in-mqtt-json": ("mqtt.mock-lock.example", "mqtt"),
    "leaks-by-websocket": ("api.mock-lock.example", "websocket"),
    "leaks-by-coap": ("api.mock-lock.example", "coap"),
    "leaks-by-dns-tunnel": ("cdn-cache.example", "dns"),
    "leaks-by-private-protocol": ("api.mock-lock.example", "xor"),
    "leaks-through-the-phone": ("api.mock-lock.example", "http"),
    "uploads-template": ("api.mock-lock.example", "http"),
}


@pytest.mark.parametrize("variant", LEAKS)
def test_the_face_is_recovered_whatever_way_it_takes(tapped: Callable[..., Tapped], variant: str) -> None:
    tap = tapped(variant)
    assert tap.lock.enrol(1)
    found = faces(inspection := tap.seen())
    host, layer = LEAKS[variant]
    assert found, f"{variant}: nothing found; {[(f.endpoint, f.layers) for f in inspection.flows]}"
    kind = "template" if variant == "uploads-template" else "face_image"
    ways = [(each.kind, each.endpoint.host, layers(each)) for each in found]
    assert any(each == kind and host in to and layer in by for each, to, by in ways), ways
    assert inspection.checks["face-information-not-sent-to-internet"].verdict.value == "FAIL"


def to_hour(lock: Lock, hour: float) -> None:
    """Let the segment's time server tell this hour of the day, UTC."""
    lock.world.net.ahead = 0.0
    lock.world.net.ahead = hour * 3600.0 - lock.world.net.wall() % 86_400.0


def test_the_night_batch_waits_for_the_night(make_lock: Callable[..., Lock]) -> None:
    lock = make_lock("uploads-at-night")
    to_hour(lock, 12.0)
    lock.set_up()
    assert lock.enrol(1)
    lock.wait(900)
    assert lock.sent("/v1/batch") == []
    to_hour(lock, 2.5)
    lock.wait(600)
    assert len(lock.sent("/v1/batch")) == 1


def test_what_waits_for_a_restart_goes_after_it(make_lock: Callable[..., Lock]) -> None:
    lock = make_lock("uploads-after-restart")
    lock.set_up()
    assert lock.enrol(1)
    lock.wait(900)
    assert lock.sent("/v1/batch") == []
    assert lock.records("queue/")
    lock.power_cycle()
    lock.wait(10)
    assert len(lock.sent("/v1/batch")) == 1


def test_what_was_seen_offline_goes_when_the_uplink_is_back(make_lock: Callable[..., Lock]) -> None:
    lock = make_lock("uploads-what-it-saw-offline")
    lock.set_up()
    assert lock.enrol(1)
    lock.attempt(1)
    lock.wait(60)
    assert lock.sent("/v1/event_picture") == []
    lock.world.net.up.set(False)
    lock.attempt(1)
    lock.wait(5)
    lock.world.net.up.set(True)
    lock.wait(60)
    assert len(lock.sent("/v1/event_picture")) == 1


def test_a_picture_goes_after_the_third_failure_in_a_row_only(make_lock: Callable[..., Lock]) -> None:
    lock = make_lock("uploads-after-three-failures")
    lock.set_up()
    assert lock.enrol(1)
    for holder in (STRANGER, STRANGER, 1, STRANGER, STRANGER):
        lock.attempt(holder)
        lock.wait(80)
    assert lock.sent("/v1/alarm_picture") == []
    lock.attempt(STRANGER)
    lock.wait(5)
    assert len(lock.sent("/v1/alarm_picture")) == 1


def test_everybody_who_is_turned_away_is_sent(make_lock: Callable[..., Lock]) -> None:
    lock = make_lock("leaks-passers-by")
    lock.set_up()
    assert lock.enrol(1)
    lock.attempt(STRANGER)
    lock.wait(5)
    assert len(lock.sent("/v1/visitor")) == 1


def test_what_is_sealed_and_pinned_shows_by_its_volume_only(tapped: Callable[..., Tapped]) -> None:
    tap = tapped("uploads-pinned-and-sealed")
    assert tap.lock.enrol(1)
    tap.lock.attempt(1)
    tap.lock.wait(5)
    inspection = tap.seen()
    assert faces(inspection) == []
    check = inspection.checks["face-information-not-sent-to-internet"]
    assert (check.verdict.value, check.reason) == ("INCONCLUSIVE", "opaque-bytes")
    (sent,) = tap.lock.sent("/v1/diagnostics")
    assert sum(each.opaque for each in inspection.flows if each.endpoint.port == 443) >= len(sent.body)


def test_over_quic_the_picture_cannot_be_read_and_where_quic_is_blocked_it_goes_over_tcp(
    tapped: Callable[..., Tapped],
) -> None:
    pytest.importorskip("aioquic")
    tap = tapped("leaks-over-quic")
    assert tap.lock.enrol(1)
    tap.lock.attempt(1)
    tap.lock.wait(5)
    assert len(tap.lock.sent("/v1/visitor")) == 1
    tap.lock.world.net.block("udp", 443, True)
    tap.lock.attempt(1)
    tap.lock.wait(5)
    assert len(tap.lock.sent("/v1/visitor")) == 2
    inspection = tap.seen()
    assert faces(inspection) == []
    opaque = {"udp": 0, "tcp": 0}
    for each in inspection.flows:
        if each.endpoint.port == 443:
            opaque[each.endpoint.transport] += each.opaque
    assert min(opaque.values()) >= len(tap.lock.sent("/v1/visitor")[0].body)

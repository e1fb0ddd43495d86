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
        self.faces = {"1": self._look(1)}
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
    assert any(host in each.endpoint.host and layer in layers(each) for each in found), [
        (each.endpoint, each.layers) for each in found
    ]
    assert {each.match.canary for each in found} == {"1"}
    assert inspection.checks["face-information-not-sent-to-internet"].verdict.value == "FAIL"

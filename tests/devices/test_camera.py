"""The reference camera's driver against the simulated camera's real sockets; phone and labels are scripted."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_conformance.clock import RealClock
from pytest_conformance.declaration import Declaration, load_declaration
from pytest_conformance.devices.camera import Label, ReferenceCamera, Visit, soap_request
from pytest_conformance.errors import MethodError
from pytest_conformance.simulation.build import build_world
from pytest_conformance.simulation.companion.screen import Session
from pytest_conformance.simulation.world import Options, World

DECLARATION = Path(__file__).parents[2] / "fixtures" / "devices" / "mock-camera.yaml"
EVERYTHING = ["/live", "GetDeviceInformation", "GetProfiles", "GetStreamUri", "/snapshot.jpg", "/state"]


class Access:
    """What the driver is given of the bench."""

    def __init__(self, **roles: Any) -> None:
        self.clock = RealClock()
        self.roles = roles

    def role(self, name: str) -> Any:
        return self.roles[name]

    def channel(self, name: str) -> Any:
        return self.roles[name]

    def has(self, role: str) -> bool:
        return role in self.roles


@pytest.fixture(scope="module")
def declaration() -> Declaration:
    return load_declaration(DECLARATION)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = build_world(Options("mock-camera", door="relay", folder=tmp_path))
    made.start()
    made.rail.set(5.0)
    made.timeline.advance(3.0)
    yield made
    made.rail.set(0.0)
    made.stop()


@pytest.fixture
def camera(world: World, declaration: Declaration) -> ReferenceCamera:
    """The driver of a camera that is set up with its secret."""
    made = ReferenceCamera(
        Access(
            uplink=SimpleNamespace(device_address=lambda: world.net.bench_address()),
            label_reader=SimpleNamespace(read=lambda sample: world.labels[sample - 1]),
        ),
        declaration,
    )
    app, session = world.app, Session("phone")
    assert app is not None
    app.submit("/rules", session, {"press": "agree"})
    app.submit("/set-up", session, {"name": "Ann", "secret": made.secret, "pairing": made.label().password})
    world.timeline.advance(1.0)
    return made


def test_the_owner_gets_everything(camera: ReferenceCamera) -> None:
    visits = camera.visits(camera.secret)
    assert [each.what for each in visits] == EVERYTHING
    assert all(each.let_in for each in visits), visits
    assert [each.what for each in visits if each.media] == ["/live", "/snapshot.jpg"]


def test_a_stranger_gets_nothing(camera: ReferenceCamera) -> None:
    visits = camera.visits(None)
    assert [each.what for each in visits] == EVERYTHING
    assert not [each for each in visits if each.let_in]


def test_being_locked_out_is_told_from_being_wrong(camera: ReferenceCamera, world: World) -> None:
    assert [camera.guess("user_password", f"wrong-{n}") for n in range(6)] == [True] * 5 + [False]
    assert not camera.log_in("user_password", camera.secret).ok
    assert not camera.log_in("pairing_password", camera.label().password).ok
    world.timeline.advance(301)
    assert camera.log_in("user_password", camera.secret).ok
    assert camera.log_in("pairing_password", camera.label().password).ok


def test_the_password_of_one_mechanism_does_not_open_the_other(camera: ReferenceCamera) -> None:
    assert not camera.log_in("pairing_password", camera.secret).ok
    assert not camera.log_in("user_password", camera.label().password).ok


def test_labels_are_read_in_parts(camera: ReferenceCamera) -> None:
    label = camera.label(2)
    assert label == Label("MHC2025080002", "02:4d:43:00:20:02", label.password)
    assert len(label.password) == 12


@pytest.mark.parametrize("text", ["", "S/N 1; MAC zz; pairing password x", "S/N " + "9" * 5000, "\x1b[2J"])
def test_a_label_that_says_something_else_is_the_benchs_problem(
    camera: ReferenceCamera, world: World, text: str
) -> None:
    world.labels[0] = text
    with pytest.raises(MethodError) as caught:
        camera.label()
    assert caught.value.code == "MET-LBL-001"


def test_its_own_secret_is_one_that_the_declaration_allows(camera: ReferenceCamera, declaration: Declaration) -> None:
    credential = declaration.credential("user_password")
    assert credential.length is not None
    assert credential.length.minimum <= len(camera.secret) <= credential.length.maximum


def test_a_banner_is_what_a_port_says_by_itself(camera: ReferenceCamera) -> None:
    assert camera.banner(8000) == b""
    assert camera.banner(1) == b""


def test_only_something_that_came_counts_as_let_in() -> None:
    assert not Visit("https", "/state", 200).let_in
    assert Visit("rtsp", "/live", 200, media=1).let_in
    assert Visit("onvif", "GetProfiles", 200, facts=1).let_in


def test_user_names_cannot_break_out_of_a_request() -> None:
    request = soap_request("http://www.onvif.org/ver10/media/wsdl", "GetProfiles", ("<x>&", "secret"))
    assert "<x>" not in request
    assert "secret" not in request

"""A camera or a watch as a recogniser: enrolled and listed over the test port, its word is all there is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_conformance.devices.port_recogniser import FaceRecogniser, knows_faces
from pytest_conformance.devices.roles import Recogniser
from tests.devices.test_lock_recogniser import Lock


class Camera(Lock):
    """A camera's driver with everything in one."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.refused: set[str] = set()
        lockout = SimpleNamespace(tries=5, window=300.0)
        self.face = SimpleNamespace(name="face", kind="biometric", lockout=lockout)
        self.declaration = SimpleNamespace(credential=lambda name: self.face, credentials=[self.face])

    def first_use(self, consents: Any) -> None:
        self.did.append(f"set up {consents}")

    def call(self, verb: str, /, **more: Any) -> dict[str, Any]:
        if verb == "faces":
            return {"names": self.names}
        if verb == "enrol-face":
            self.did.append(f"enrol {more['name']}")
            yes = more["name"] not in self.refused
            self.names += [more["name"]] if yes else []
            return {"enrolled": yes}
        return super().call(verb, **more)


@pytest.fixture
def camera() -> Camera:
    return Camera()


@pytest.fixture
def recogniser(camera: Camera) -> FaceRecogniser:
    driver: Any = camera
    return FaceRecogniser(driver)


def test_it_plays_the_role_and_pauses_as_the_declared_lock_out_asks(recogniser: FaceRecogniser, camera: Camera) -> None:
    assert isinstance(recogniser, Recogniser)
    assert recogniser.rejection_pause == 76.0
    camera.face.lockout = None
    assert recogniser.rejection_pause == 1.0


def test_subjects_are_enrolled_one_by_one_from_factory_state_with_the_consent(
    recogniser: FaceRecogniser, camera: Camera
) -> None:
    camera.refused = {"S2"}
    assert recogniser.enrol_subjects(("S1", "S2", "S3")) == ["S1", "S3"]
    assert camera.did[:4] == ["reset", "set up {'face': True}", "show S1", "enrol S1"]
    assert recogniser.known() == ["S1", "S3"]
    camera.names.remove("S1")
    assert recogniser.known() == ["S3"]


def test_its_word_is_all_there_is(recogniser: FaceRecogniser, camera: Camera) -> None:
    camera.on_wake = lambda: camera.say("match", user="S1")
    seen = recogniser.recognise("S1")
    assert [each.outcome for each in seen.answers] == ["accepted"]
    assert seen.acted is None


def test_only_a_declared_face_makes_a_recogniser() -> None:
    face, pin = SimpleNamespace(name="face", kind="biometric"), SimpleNamespace(name="pin", kind="user_defined")
    assert knows_faces(SimpleNamespace(credentials=[pin, face]))
    assert not knows_faces(SimpleNamespace(credentials=[pin]))
    assert not knows_faces(SimpleNamespace(credentials=[SimpleNamespace(name="face", kind="key")]))

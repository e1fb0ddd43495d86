"""What observations say of themselves: when nothing can be concluded, what was left, what was broken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pytest_conformance.devices.roles import Done, Rules, SetUp
from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.cloud_use import CloudUse
from pytest_conformance.procedures.erasure import Erased, Erasure
from pytest_conformance.procedures.lock_enrolment import FaceConsent, Stage
from pytest_conformance.procedures.lock_entry import Alternatives
from pytest_conformance.procedures.lock_faces import count_records
from pytest_conformance.procedures.permissions import shapes_of
from pytest_conformance.procedures.pre_consent import PreConsentTraffic
from pytest_conformance.procedures.refusal import Refusals
from pytest_conformance.procedures.traffic import Sighting, Traffic
from pytest_conformance.procedures.witness import Witness

NOTHING = Traffic("span", "relay", 0, 1, 9, 0, (), (), (), {}, 0, 0)
SEEN = Sighting("image", "jpeg", "", 9, "up", "internet", "device", "h", "a", 443, (), (), 70, "S1")
OK, BROKEN = Done(True), Done(False, "no")


def traffic(*objects: Sighting) -> Traffic:
    return replace(NOTHING, objects=objects)


# --- first contact


def test_the_first_personal_data_is_the_earliest_anywhere() -> None:
    rows = (SEEN, replace(SEEN, at=50, scope="local"), replace(SEEN, at=10, direction="down"))
    rules = (Rules("device", "a", 1), Rules("app", "b", 2))
    seen = PreConsentTraffic(0, 9, rules, traffic(*rows), (), (), (), SetUp((), (), 0), ())
    assert seen.first_personal_data == 50
    assert seen.rules_at("app") == (rules[1],)
    assert replace(seen, traffic=NOTHING).first_personal_data is None


# --- cloud use


def cloud_use(given: Traffic, *scopes: str) -> CloudUse:
    return CloudUse(scopes, SetUp((), (), 0), (), {}, NOTHING, given, ())


def test_consents_that_let_nothing_through_prove_nothing() -> None:
    with pytest.raises(MethodError) as caught:
        cloud_use(NOTHING, "cloud").require_exercised()
    assert caught.value.code == "MET-CLD-002"
    cloud_use(traffic(SEEN), "cloud").require_exercised()
    cloud_use(NOTHING).require_exercised()


def test_both_spans_are_one_traffic() -> None:
    assert cloud_use(traffic(SEEN), "cloud").traffic.packets == 18


# --- erasure


ERASED = Erased("delete-user", OK, ("name", "face"), ("name", "face"), (), (), (), ())


def test_what_was_never_there_cannot_be_gone() -> None:
    ERASED.require_planted()
    for one in (replace(ERASED, before=("name",)), replace(ERASED, planted=(), before=())):
        with pytest.raises(MethodError) as caught:
            one.require_planted()
        assert caught.value.code == "MET-ERA-001"


@pytest.mark.parametrize("place", ["in_storage", "in_cloud", "to_new_owner", "old_works"])
def test_what_is_left_anywhere_is_left(place: str) -> None:
    left: dict[str, Any] = {place: ("face",)}
    ways = {"delete-user": ERASED, "factory-reset": replace(ERASED, **left)}
    assert Erasure(ways, ()).left() == {"factory-reset": ("face",)}


def test_what_is_left_in_two_places_is_named_once() -> None:
    both = replace(ERASED, in_storage=("face",), in_cloud=("face", "name"))
    assert Erasure({"x": both}, ()).left() == {"x": ("face", "name")}
    assert Erasure({"x": ERASED}, ()).left() == {}


# --- refusals


def test_every_broken_function_is_named_with_what_was_refused() -> None:
    seen = Refusals({"face": {"pin": OK, "key": BROKEN}}, {"all optional": {"record": BROKEN}})
    assert seen.broken() == ["key without face", "record without all optional"]


# --- locks


def test_success_and_median_of_the_other_way() -> None:
    tries = (Done(True, "", 7, 1.0), Done(True, "", 7, 3.0), BROKEN, Done(True, "", 7, 2.0))
    seen = Alternatives({}, (), True, tries, 4)
    assert (seen.success, seen.median) == (0.75, 5.5)
    never = Alternatives({}, (), True, (BROKEN,), 4)
    assert (never.success, never.median) == (0.0, float("inf"))
    assert Alternatives({}, (), True, (), 4).success == 0.0


def test_the_stages_of_consent_are_one_traffic() -> None:
    stages = {name: Stage(name, None, (), (), 0, False, traffic(SEEN)) for name in ("declined", "accepted")}
    assert len(FaceConsent(stages, ()).traffic.objects) == 2


def test_records_about_persons_are_counted_by_their_labels() -> None:
    assert count_records(b"..face/1..picture/1..user/2..seen/last..stranger/0..settings/x") == 5


# --- permissions


@pytest.mark.parametrize(
    ("senses", "shapes"),
    [
        ("face", ("face_image", "face_template", "image")),
        ("audio", ("voice", "audio")),
        ("location", ("position",)),
        ("heart_rate", ("heart_rate",)),
    ],
)
def test_what_a_sensor_senses_looks_like_this_in_packets(senses: str, shapes: tuple[str, ...]) -> None:
    assert shapes_of(senses) == shapes


# --- the witness


class Room:
    """Run, bench, watch camera and app in one."""

    def __init__(self, *, watch: bool = True, pixels: bytes | None = b"png") -> None:
        self.watch = watch
        self.picture = pixels
        self.image = np.zeros((8, 8, 3), np.uint8)
        self.kept: list[tuple[str, bool]] = []

    def has(self, role: str) -> bool:
        return self.watch and role == "watch"

    def role(self, name: str) -> Any:
        return self

    def frame(self) -> Any:
        return self

    def screen(self, *, picture: bool) -> Any:
        assert picture
        return self

    def evidence(self, content: bytes, *, name: str, media_type: str, caption: str, face: bool) -> str:
        self.kept.append((name, face))
        return "sha256:0"


def test_each_thing_shown_is_kept_once_as_a_face_and_each_question_once() -> None:
    room: Any = Room()
    witness = Witness(room, room)
    for _ in range(3):
        witness.shown("S1")
        witness.screen(room, "consent face")
    assert room.kept == [("S1.jpg", True), ("consent face.png", False)]


def test_without_a_camera_or_pixels_nothing_is_kept() -> None:
    room: Any = Room(watch=False, pixels=None)
    witness = Witness(room, room)
    witness.shown("S1")
    witness.screen(room, "consent face")
    assert room.kept == []

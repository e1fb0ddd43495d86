"""Opening the simulated lock: who is recognised, PINs, the bolt, the lock-out, and what the cloud hears of it."""

from collections.abc import Callable
from typing import Any

import cv2
import pytest

from pytest_conformance.resources import shipped
from pytest_conformance.simulation.devices.base import VerbError
from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.devices.lock.entry import Bolt, Lockout
from pytest_conformance.simulation.devices.owner import Consents
from pytest_conformance.simulation.scene.stage import Shown

Lock = Any
PIN = "123456"


@pytest.fixture
def enrolled(owned: Lock) -> Lock:
    """The good lock with the face of holder 1 enrolled for the owner."""
    assert owned.enrol(1)
    return owned


def wrong(lock: Lock, times: int, pause: float = 1.0) -> list[str]:
    said = []
    for _ in range(times):
        said.append(lock.call("keypad", digits="999999")["result"])
        lock.wait(pause)
    return said


# --- recognition


def test_the_enrolled_face_opens_again_and_again(enrolled: Lock) -> None:
    assert [enrolled.attempt(1) for _ in range(3)] == [("match", True)] * 3


@pytest.mark.parametrize("holder", [2, 3, 4], ids=["S2", "S3", "child"])
def test_another_persons_face_is_rejected_as_unknown(enrolled: Lock, holder: int) -> None:
    assert enrolled.attempt(holder) == ("reject", False)
    assert ("reject", {"reason": "unknown"}) in enrolled.logged


@pytest.mark.parametrize("holder", [5, 7, 8], ids=["print", "cut-mask", "mask-3d"])
def test_an_artefact_of_the_enrolled_face_is_rejected_as_not_alive(enrolled: Lock, holder: int) -> None:
    assert enrolled.attempt(holder) == ("reject", False)
    assert ("reject", {"reason": "not alive"}) in enrolled.logged


def test_a_replay_of_the_enrolled_face_does_not_open(enrolled: Lock) -> None:
    picture = cv2.imread(str(shipped("fixtures") / "subjects" / "pictures" / "S1.jpg"))
    assert picture is not None
    enrolled.world.scene.screen.set(Shown(picture, 256.0))
    said, opened = enrolled.attempt(6)
    assert (said, opened) == ("reject", False)


def test_nobody_before_it_is_a_timeout(enrolled: Lock) -> None:
    enrolled.logged.clear()
    enrolled.call("wake")
    enrolled.wait(7)
    assert enrolled.logged[-1][0] == "timeout"
    assert enrolled.device.sensors["face_camera"] is False


def test_nobody_is_looked_at_without_a_touch(enrolled: Lock) -> None:
    enrolled.logged.clear()
    enrolled.world.holder.set(1)
    enrolled.wait(30)
    assert [event for event, _ in enrolled.logged if event in ("sensor", "match", "face")] == []


def test_the_camera_that_is_off_looks_at_nobody(enrolled: Lock) -> None:
    enrolled.submit("/settings/sensors", face_camera="off")
    assert enrolled.attempt(1) == ("timeout", False)
    enrolled.power_cycle()
    assert enrolled.attempt(1) == ("timeout", False)
    assert not any(event == "sensor" and data["on"] for event, data in enrolled.logged)


def test_a_stranger_leaves_nothing_behind(enrolled: Lock) -> None:
    enrolled.wait(60)
    before = enrolled.records()
    assert enrolled.attempt(3) == ("reject", False)
    assert set(enrolled.records()) <= {*before, "lockout"}
    assert not enrolled.sent("/v1/face_picture")


# --- the bolt


def test_the_bolt_is_thrown_again_by_itself(owned: Lock) -> None:
    owned.call("keypad", digits=PIN)
    assert owned.world.bolt.value
    owned.wait(Bolt.travel + 0.1)
    assert not owned.world.bolt.value
    owned.wait(Bolt.relock)
    assert owned.world.bolt.value


def test_a_bolt_that_was_drawn_when_power_went_is_thrown_after_it_came_back(owned: Lock) -> None:
    owned.call("key")
    owned.wait(1)
    owned.power_cycle()
    assert not owned.world.bolt.value
    owned.wait(Bolt.relock)
    assert owned.world.bolt.value


# --- PINs


def test_the_owners_and_a_users_pin_open_and_a_deleted_one_does_not(owned: Lock) -> None:
    path = owned.submit("/users-add", name="Guest", age="30", pin="777777")
    assert owned.call("keypad", digits=PIN) == {"result": "unlocked", "user": "1"}
    assert owned.call("keypad", digits="777777") == {"result": "unlocked", "user": "2"}
    owned.submit(path, press="delete")
    assert owned.call("keypad", digits="777777") == {"result": "wrong"}


@pytest.mark.parametrize("digits", ["", "12a456", "1" * 33, None, 123456])
def test_what_is_no_pin_is_refused_by_the_keypad(owned: Lock, digits: Any) -> None:
    with pytest.raises(VerbError, match="digits"):
        owned.call("keypad", digits=digits)


def test_pins_are_kept_as_hashes_only(owned: Lock) -> None:
    owned.submit("/users-add", name="Guest", age="30", pin="777777")
    storage = owned.device.get(Storage)
    kept = b"".join(storage.get(name) or b"" for name in storage.names())
    assert b"Guest" in kept
    assert b"777777" not in kept
    assert PIN.encode() not in kept


def test_a_lock_that_nobody_set_up_has_no_pin(lock: Lock) -> None:
    assert lock.call("keypad", digits="0") == {"result": "wrong"}
    assert lock.world.bolt.value


# --- the lock-out


def test_the_fifth_wrong_pin_locks_out_and_raises_the_alarm(owned: Lock) -> None:
    assert wrong(owned, 4) == ["wrong"] * 4
    assert not owned.device.get(Lockout).locked
    wrong(owned, 1)
    assert ("alarm", {}) in owned.logged
    assert owned.world.lamp.value == "red"
    assert owned.call("keypad", digits=PIN) == {"result": "refused"}
    assert owned.world.bolt.value


def test_the_lockout_ends_after_its_time_and_not_before(owned: Lock) -> None:
    wrong(owned, 5, pause=0.0)
    owned.wait(Lockout.seconds - 1)
    assert owned.call("keypad", digits=PIN)["result"] == "refused"
    owned.wait(2)
    assert owned.call("keypad", digits=PIN)["result"] == "unlocked"
    assert owned.world.lamp.value == "off"


def test_tries_outside_the_window_do_not_count(owned: Lock) -> None:
    assert wrong(owned, 9, pause=Lockout.window / 4 + 1) == ["wrong"] * 9
    assert not owned.device.get(Lockout).locked


def test_a_right_pin_ends_the_count(owned: Lock) -> None:
    wrong(owned, 4)
    owned.call("keypad", digits=PIN)
    assert wrong(owned, 4) == ["wrong"] * 4
    assert not owned.device.get(Lockout).locked


def test_lockout_and_count_survive_a_power_cut(owned: Lock) -> None:
    wrong(owned, 4)
    owned.power_cycle()
    wrong(owned, 1)
    assert owned.device.get(Lockout).locked
    owned.power_cycle(30.0)
    assert owned.call("keypad", digits=PIN) == {"result": "refused"}
    owned.wait(90)
    assert owned.call("keypad", digits=PIN)["result"] == "unlocked"


def test_the_alarm_ends_with_the_lockout_also_after_a_power_cut(owned: Lock) -> None:
    wrong(owned, 5)
    owned.world.rail.set(0.0)
    assert owned.world.lamp.value == "off"
    owned.power()
    assert owned.world.lamp.value == "red"
    owned.wait(Lockout.seconds)
    assert owned.world.lamp.value == "off"


def test_wrong_faces_count_like_wrong_pins(enrolled: Lock) -> None:
    wrong(enrolled, 3)
    for _ in range(2):
        enrolled.attempt(3)
    assert enrolled.device.get(Lockout).locked
    assert enrolled.attempt(1) == ("reject", False)
    assert enrolled.logged[-1] == ("reject", {"reason": "lockout"})


# --- the cloud


def test_an_unlock_is_told_by_number_without_a_picture(enrolled: Lock) -> None:
    enrolled.attempt(1)
    assert [item.body for item in enrolled.sent("/v1/face_picture")] == []
    assert not any(b"\xff\xd8\xff" in item.body for item in enrolled.world.cloud.store.received())


def test_face_pictures_go_up_only_with_their_consent_and_are_deleted_with_it(enrolled: Lock) -> None:
    enrolled.device.get(Consents).give("cloud_face")
    enrolled.attempt(1)
    (item,) = enrolled.kept("/v1/face_picture/1")
    assert item.body.startswith(b"\xff\xd8\xff")
    enrolled.submit("/settings/privacy", press="withdraw:cloud_face")
    assert enrolled.kept("/v1/face_picture") == []
    enrolled.attempt(1)
    assert len(enrolled.sent("/v1/face_picture")) == 1


def test_deleting_a_user_deletes_what_the_cloud_has_of_him_and_of_nobody_else(owned: Lock) -> None:
    owned.device.get(Consents).give("cloud_face")
    path = owned.submit("/users-add", name="Guest", age="30", pin="777777")
    assert owned.enrol(1)
    assert owned.enrol(2, "2")
    owned.attempt(1)
    owned.attempt(2)
    assert len(owned.kept("/v1/face_picture")) == 2
    owned.submit(path, press="delete")
    assert [item.path.rpartition("/")[0] for item in owned.kept("/v1/face_picture")] == ["/v1/face_picture/1"]


# --- known-bad locks


@pytest.mark.parametrize(("variant", "holder"), [("accepts-print", 5), ("accepts-3d-mask", 8)])
def test_a_gullible_variant_opens_for_its_artefact(make_lock: Callable[..., Lock], variant: str, holder: int) -> None:
    lock = make_lock(variant)
    lock.set_up()
    assert lock.enrol(1)
    assert any(lock.attempt(holder) == ("match", True) for _ in range(3))


def test_the_patient_variant_never_locks_out(make_lock: Callable[..., Lock]) -> None:
    lock = make_lock("never-locks-out")
    lock.set_up()
    assert wrong(lock, 12) == ["wrong"] * 12


def test_the_short_variant_is_ready_again_too_early(make_lock: Callable[..., Lock]) -> None:
    lock = make_lock("short-lockout")
    lock.set_up()
    wrong(lock, 5)
    lock.wait(31)
    assert lock.call("keypad", digits=PIN)["result"] == "unlocked"


def test_the_hoarding_variant_keeps_strangers(make_lock: Callable[..., Lock]) -> None:
    lock = make_lock("keeps-strangers")
    lock.set_up()
    assert lock.enrol(1)
    lock.attempt(3)
    assert lock.records("stranger/") == ["stranger/0"]


def test_the_peeping_variant_looks_without_a_touch(make_lock: Callable[..., Lock]) -> None:
    lock = make_lock("looks-always")
    lock.world.holder.set(2)
    lock.wait(3)
    assert lock.records("seen/") == ["seen/last"]


def test_a_factory_reset_takes_the_pictures_in_the_cloud_along(lock: Lock) -> None:
    lock.set_up(cloud_face=True)
    assert lock.enrol(1)
    lock.attempt(1)
    lock.wait(5)
    assert len(lock.kept("/v1/face_picture")) == 1
    lock.call("reset")
    assert lock.kept("/v1/face_picture") == []

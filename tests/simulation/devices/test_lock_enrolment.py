"""The simulated lock's enrolment: its consent first, a living face, a template, and no picture afterwards."""

from collections.abc import Callable
from typing import Any

import pytest

from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.devices.lock.enrolment import Enrolment
from pytest_conformance.simulation.devices.lock.users import Users
from pytest_conformance.simulation.devices.owner import Consents

Lock = Any
PRINT = 5


def test_a_face_is_enrolled_after_its_own_consent(owned: Lock) -> None:
    assert owned.submit("/users/1", press="enrol") == "/consent/face"
    assert owned.enrol(1)
    assert owned.records("face/") == ["face/1"]
    assert owned.attempt(1) == ("match", True)


def test_without_the_consent_nothing_is_looked_at_or_kept(owned: Lock) -> None:
    assert not owned.enrol(1, agree=False)
    owned.wait(60)
    assert owned.records("face/") + owned.records("picture/") == []
    assert not [data for event, data in owned.logged if event == "sensor"]


def test_begin_is_refused_without_consent_and_without_permission(owned: Lock) -> None:
    enrolment = owned.device.get(Enrolment)
    assert not enrolment.begin("1")
    owned.device.get(Consents).give("face")
    assert enrolment.begin("1")
    owned.submit("/settings/sensors", face_camera="off")
    assert not enrolment.begin("1")


def test_a_consent_withdrawn_while_it_looks_ends_the_enrolment(owned: Lock) -> None:
    owned.device.get(Consents).give("face")
    assert owned.device.get(Enrolment).begin("1")
    owned.wait(2)
    owned.submit("/settings/privacy", press="withdraw:face")
    owned.world.holder.set(1)
    owned.wait(20)
    assert owned.records("face/") + owned.records("picture/") == []
    assert ("enrolment-failed", {"user": "1"}) in owned.logged
    assert owned.device.sensors["face_camera"] is False


def test_the_camera_switched_off_while_it_looks_ends_the_enrolment(owned: Lock) -> None:
    owned.device.get(Consents).give("face")
    assert owned.device.get(Enrolment).begin("1")
    owned.wait(2)
    owned.submit("/settings/sensors", face_camera="off")
    owned.world.holder.set(1)
    owned.wait(20)
    assert owned.records("face/") == []


def test_a_user_deleted_while_it_looks_gets_no_face(owned: Lock) -> None:
    owned.device.get(Consents).give("face")
    path = owned.submit("/users-add", name="Guest", age="30", pin="777777")
    owned.submit(path, press="enrol")
    owned.wait(2)
    owned.submit(path, press="delete")
    owned.world.holder.set(2)
    owned.wait(20)
    assert owned.records("face/") == []


def test_the_enrolment_picture_goes_after_its_life_and_the_template_stays(owned: Lock) -> None:
    assert owned.enrol(1)
    assert owned.records("picture/") == ["picture/1"]
    owned.wait(Enrolment.picture_life + 1)
    assert owned.records("picture/") == []
    assert owned.records("face/") == ["face/1"]


def test_a_power_cut_does_not_save_the_picture(owned: Lock) -> None:
    assert owned.enrol(1)
    owned.power_cycle()
    assert owned.records("picture/") == []
    assert owned.attempt(1) == ("match", True)


def test_neither_template_nor_picture_can_be_read_in_the_flash(owned: Lock) -> None:
    assert owned.enrol(1)
    storage = owned.device.get(Storage)
    template, picture = storage.get("face/1"), storage.get("picture/1")
    flash = bytes(owned.device.flash.memory)
    assert picture is not None
    assert picture.startswith(b"\xff\xd8\xff")
    assert template is not None
    assert len(template) == 512
    assert b"\xff\xd8\xff" not in flash
    for part in (template[:32], template[-32:], picture[100:132], picture[-32:]):
        assert part not in flash


def test_what_was_deleted_cannot_be_read_even_with_the_key(owned: Lock) -> None:
    assert owned.enrol(1)
    sealed = owned.device.flash.read("face/1")
    assert sealed is not None
    assert sealed in bytes(owned.device.flash.memory)
    owned.submit("/settings/privacy", press="withdraw:face")
    assert sealed not in bytes(owned.device.flash.memory)


def test_a_print_is_not_enrolled(owned: Lock) -> None:
    owned.device.get(Consents).give("face")
    owned.world.holder.set(PRINT)
    owned.device.get(Enrolment).begin("1")
    owned.wait(20)
    assert owned.records("face/") == []
    assert ("enrolment-failed", {"user": "1"}) in owned.logged


def test_nothing_of_an_enrolment_reaches_the_cloud(owned: Lock) -> None:
    before = len(owned.sent())
    assert owned.enrol(1)
    owned.wait(40)
    assert {item.path for item in owned.sent()[before:]} <= {"/v1/heartbeat"}


def test_withdrawing_deletes_the_face_and_it_no_longer_opens(owned: Lock) -> None:
    assert owned.enrol(1)
    owned.submit("/settings/privacy", press="withdraw:face")
    assert owned.records("face/") + owned.records("picture/") == []
    assert owned.attempt(1) == ("timeout", False)
    assert owned.call("keypad", digits="123456")["result"] == "unlocked"


def test_withdrawing_at_the_user_takes_the_consent_back_when_no_face_is_left(owned: Lock) -> None:
    assert owned.enrol(1)
    path = owned.submit("/users-add", name="Guest", age="30", pin="777777")
    assert owned.enrol(2, "2")
    assert owned.submit("/users/1", press="withdraw") == "/users/1"
    assert owned.records("face/") == ["face/2"]
    assert owned.device.get(Consents).given("face")
    owned.submit(path, press="withdraw")
    assert owned.records("face/") == []
    assert not owned.device.get(Consents).given("face")
    assert owned.submit("/users/1", press="enrol") == "/consent/face"


# --- children


@pytest.fixture
def child(owned: Lock) -> str:
    path: str = owned.submit("/users-add", name="Child", age="8", pin="888888")
    return path


def test_a_child_is_asked_for_its_guardian_and_the_own_consent_does_not_do(owned: Lock, child: str) -> None:
    owned.device.get(Consents).give("face")
    assert owned.submit(child, press="enrol") == "/consent/guardian_face"
    owned.world.holder.set(4)
    owned.wait(20)
    assert owned.records("face/") == []


@pytest.mark.parametrize("code", ["", "000000", "24681", "2468100"])
def test_a_wrong_guardian_code_enrols_nobody(owned: Lock, child: str, code: str) -> None:
    where = owned.submit(child, press="enrol")
    assert owned.submit(where, press="confirm", code=code) == where
    screen = owned.app.screen(where, owned.session)
    assert "wrong" in str(screen)
    owned.world.holder.set(4)
    owned.wait(20)
    assert owned.records("face/") == []
    assert not owned.device.get(Consents).given("guardian_face")


def test_the_right_guardian_code_enrols_the_child(owned: Lock, child: str) -> None:
    where = owned.submit(child, press="enrol")
    owned.world.holder.set(4)
    assert owned.submit(where, press="confirm", code=owned.call("guardian-code")["code"]) == child
    owned.wait(1)
    user = child.rpartition("/")[2]
    assert owned.records("face/") == [f"face/{user}"]
    assert owned.attempt(4) == ("match", True)


def test_a_guardian_who_declines_leaves_no_enrolment_behind(owned: Lock, child: str) -> None:
    where = owned.submit(child, press="enrol")
    assert owned.submit(where, press="decline") == child
    owned.device.get(Consents).give("guardian_face")
    owned.submit("/settings", press="anything")
    owned.world.holder.set(4)
    owned.wait(20)
    assert owned.records("face/") == []


def test_withdrawing_for_children_leaves_adults_enrolled(owned: Lock, child: str) -> None:
    assert owned.enrol(1)
    owned.device.get(Consents).give("guardian_face")
    user = child.rpartition("/")[2]
    assert owned.enrol(4, user)
    assert sorted(owned.records("face/")) == ["face/1", f"face/{user}"]
    owned.submit("/settings/privacy", press="withdraw:guardian_face")
    assert owned.records("face/") == ["face/1"]


@pytest.mark.parametrize(("age", "child"), [(0, False), (1, True), (13, True), (14, False), (80, False)])
def test_who_is_a_child(owned: Lock, age: int, child: bool) -> None:
    users = owned.device.get(Users)
    assert users.is_child(users.add("X", age, "")) is child


# --- known-bad locks


@pytest.mark.parametrize("variant", ["enrols-without-consent"])
def test_the_variant_enrols_whom_the_good_lock_does_not(make_lock: Callable[..., Lock], variant: str) -> None:
    lock = make_lock(variant)
    lock.set_up()
    assert lock.enrol(1, agree=False)


def test_the_uploading_variant_sends_the_picture(make_lock: Callable[..., Lock]) -> None:
    lock = make_lock("uploads-face-after-enrolment")
    lock.set_up()
    assert lock.enrol(1)
    (item,) = lock.sent("/v1/face_picture/1")
    assert item.body.startswith(b"\xff\xd8\xff")


def test_the_keeping_variant_keeps_the_picture(make_lock: Callable[..., Lock]) -> None:
    lock = make_lock("keeps-enrolment-picture")
    lock.set_up()
    assert lock.enrol(1)
    lock.wait(600)
    lock.power_cycle()
    assert lock.records("picture/") == ["picture/1"]


def test_the_clear_variant_can_be_read_in_the_flash(make_lock: Callable[..., Lock]) -> None:
    lock = make_lock("stores-in-clear")
    lock.set_up()
    assert lock.enrol(1)
    assert b"\xff\xd8\xff" in bytes(lock.device.flash.memory)

"""What the owner decided: set-up, consents and permissions, kept in the flash."""

from typing import Any

import pytest

from pytest_conformance.simulation.devices.owner import Consents, Owner, Permissions, Rules

Lock = Any


def test_rules_are_shown_on_the_device_until_somebody_owns_it(lock: Lock) -> None:
    first = [each["id"] for each in lock.call("screens")["screens"]]
    assert "rules" in first
    lock.set_up()
    lock.power_cycle()
    assert "rules" not in [each["id"] for each in lock.call("screens")["screens"]]


def test_rules_speak_chinese_and_english_of_the_same_model(lock: Lock) -> None:
    texts = " ".join(each.text for each in lock.device.get(Rules).text())
    assert "Mock Lock 3D" in texts
    assert "人脸" in texts


def test_the_owner_survives_a_power_cut_and_no_factory_reset(owned: Lock) -> None:
    owned.power_cycle()
    assert owned.device.get(Owner).name == "Owner"
    assert owned.call("status")["state"] == "set-up"
    owned.call("reset")
    owned.device.answered()
    owned.wait(3)
    assert owned.call("status")["state"] == "factory"
    assert not owned.device.get(Owner).knows("123456")
    assert owned.records() == []


def test_the_secret_is_kept_as_a_salted_hash(owned: Lock) -> None:
    kept = str(owned.device.get(Owner).load())
    assert "123456" not in kept
    owner = owned.device.get(Owner)
    assert owner.hashed("123456") != owner.hashed("123457")


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [("123456", "654321", True), ("123457", "654321", False), ("123456", "65432", False), ("", "654321", False)],
)
def test_a_secret_is_changed_by_who_knows_the_old_one(owned: Lock, old: str, new: str, changed: bool) -> None:
    where = owned.submit("/change-secret", old=old, new=new, press="save")
    assert where == ("/changed" if changed else "/not-changed")
    owner = owned.device.get(Owner)
    assert owner.knows(new) is changed
    assert owner.knows("123456") is not changed


def test_a_lock_without_owner_knows_no_secret(lock: Lock) -> None:
    owner = lock.device.get(Owner)
    assert not any(owner.knows(secret) for secret in ("", "None", "000000"))


def test_nothing_is_consented_to_until_somebody_does(lock: Lock) -> None:
    consents = lock.device.get(Consents)
    scopes = ("privacy_rules", "face", "guardian_face", "cloud_face")
    assert not any(consents.given(scope) for scope in scopes)
    lock.set_up()
    assert [scope for scope in scopes if consents.given(scope)] == ["privacy_rules"]


def test_a_withdrawal_calls_who_listens_to_that_scope_only(owned: Lock) -> None:
    consents = owned.device.get(Consents)
    called: list[str] = []
    consents.when_withdrawn("face", lambda: called.append("face"))
    consents.when_withdrawn("cloud_face", lambda: called.append("cloud"))
    consents.give("face")
    assert called == []
    consents.withdraw("face")
    assert called == ["face"]
    assert ("consent", {"scope": "face", "given": False}) in owned.logged


def test_consents_survive_a_power_cut_both_ways(owned: Lock) -> None:
    owned.device.get(Consents).give("face")
    owned.device.get(Consents).give("cloud_face")
    owned.device.get(Consents).withdraw("cloud_face")
    owned.power_cycle()
    assert owned.device.get(Consents).given("face")
    assert not owned.device.get(Consents).given("cloud_face")


def test_a_switch_that_is_off_stops_sensing_at_once_and_after_a_power_cut(owned: Lock) -> None:
    permissions = owned.device.get(Permissions)
    assert permissions.allowed("face_camera")
    owned.device.sense("face_camera", True)
    permissions.switch("face_camera", False)
    assert owned.device.sensors["face_camera"] is False
    owned.power_cycle()
    assert not owned.device.get(Permissions).allowed("face_camera")


def test_a_sensor_needs_its_consent_besides_its_switch(lock: Lock) -> None:
    permissions = lock.device.get(Permissions)
    assert permissions.switched_on("face_camera")
    assert not permissions.allowed("face_camera")


def test_an_unknown_sensor_has_no_switch(owned: Lock) -> None:
    with pytest.raises(KeyError):
        owned.device.get(Permissions).allowed("nose")

"""Erasing an account: from the device, so that a chip reader finds nothing, and from the cloud."""

from typing import Any

from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.erasing import Erasing
from pytest_conformance.simulation.devices.owner import Consents, Owner

Lock = Any


def test_cancelling_takes_owner_users_faces_and_consents_with_it(owned: Lock) -> None:
    owned.submit("/users-add", name="Guest", age="30", pin="777777")
    assert owned.enrol(1)
    sealed = owned.device.flash.read("face/1")
    owned.device.get(Erasing).cancel_account()
    assert not owned.device.get(Owner).is_set_up
    assert not owned.device.get(Consents).given("privacy_rules")
    assert owned.records() == []
    assert sealed not in bytes(owned.device.flash.memory)
    assert owned.attempt(1)[1] is False
    assert owned.call("keypad", digits="777777")["result"] == "wrong"


def test_cancelling_empties_the_cloud_and_the_account(owned: Lock) -> None:
    owned.device.get(Consents).give("cloud_face")
    assert owned.enrol(1)
    owned.attempt(1)
    link = owned.device.get(CloudLink)
    assert owned.kept("/v1/")
    owned.device.get(Erasing).cancel_account()
    assert owned.kept("/v1/") == []
    assert owned.world.cloud.accounts.get(link.account) is None


def test_after_it_the_device_is_silent_until_somebody_agrees_again(owned: Lock) -> None:
    owned.device.get(Erasing).cancel_account()
    before = len(owned.sent())
    owned.wait(600)
    assert len(owned.sent()) == before
    assert owned.set_up() == "/"
    assert owned.device.get(Owner).name == "Owner"


def test_settings_may_stay(owned: Lock) -> None:
    from pytest_conformance.simulation.devices.behaviours import Storage

    owned.device.get(Storage).put("settings/volume", b"3")
    owned.device.get(Erasing).cancel_account()
    assert owned.records() == ["settings/volume"]

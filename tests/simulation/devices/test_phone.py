"""The companion app of simulated devices: the way through first use, consents, settings; nothing around it."""

from typing import Any

import pytest

from pytest_conformance.simulation.companion import Session
from pytest_conformance.simulation.devices.owner import Consents, Owner

Lock = Any


def labels(lock: Lock, path: str) -> list[str]:
    return [each.label for each in lock.app.screen(path, lock.session).controls]


def shown(lock: Lock, path: str) -> str:
    return str(lock.app.screen(path, lock.session).path)


def test_first_use_leads_from_rules_to_set_up_to_consents_to_home(lock: Lock) -> None:
    assert shown(lock, "/") == "/rules"
    assert lock.submit("/rules", press="agree") == "/set-up"
    path = lock.submit("/set-up", name="Owner", secret="123456")
    assert path == "/consent/cloud_face"
    assert lock.answer(path, False) == "/"
    assert shown(lock, "/") == "/"


@pytest.mark.parametrize("path", ["/users", "/settings/privacy", "/users-add", "/set-up", "/consent/face"])
def test_every_way_leads_to_the_rules_before_anybody_agreed(lock: Lock, path: str) -> None:
    assert shown(lock, path) == "/rules"


@pytest.mark.parametrize("path", ["/set-up", "/users-add", "/consent/face", "/change-secret"])
def test_no_form_does_anything_before_anybody_agreed(lock: Lock, path: str) -> None:
    lock.submit(path, name="Intruder", secret="123456", age="30", pin="777777", press="continue", consent="on")
    assert not lock.device.get(Owner).is_set_up
    assert lock.records() == []
    assert lock.sent() == []


def test_declining_the_rules_sets_nothing_up(lock: Lock) -> None:
    assert lock.submit("/rules", press="decline") == "/declined"
    assert not lock.device.get(Consents).given("privacy_rules")
    assert shown(lock, "/") == "/rules"


def test_an_owned_device_is_not_set_up_anew(owned: Lock) -> None:
    other = Session("thief")
    owned.app.submit("/set-up", other, {"name": "Thief", "secret": "999999"})
    assert owned.device.get(Owner).name == "Owner"
    assert owned.device.get(Owner).knows("123456")
    assert not owned.device.get(Owner).knows("999999")


@pytest.mark.parametrize(
    ("name", "secret"), [("", "123456"), ("Owner", "12345"), ("Owner", "123456789"), ("Owner", "abcdef")]
)
def test_a_weak_secret_is_refused_with_its_reason(lock: Lock, name: str, secret: str) -> None:
    lock.submit("/rules", press="agree")
    assert lock.submit("/set-up", name=name, secret=secret) == "/set-up"
    words = str(lock.app.screen("/set-up", lock.session).paragraphs)
    assert ("PIN" if name else "name") in words
    assert not lock.device.get(Owner).is_set_up


def test_a_consent_without_its_box_is_not_given(lock: Lock) -> None:
    lock.submit("/rules", press="agree")
    path = lock.submit("/set-up", name="Owner", secret="123456")
    lock.submit(path, press="continue")
    assert not lock.device.get(Consents).given("cloud_face")


def test_a_consent_box_is_empty_and_can_be_declined(lock: Lock) -> None:
    lock.submit("/rules", press="agree")
    path = lock.submit("/set-up", name="Owner", secret="123456")
    controls = lock.app.screen(path, lock.session).controls
    assert [each.ticked for each in controls if hasattr(each, "ticked")] == [False]
    assert {"Continue", "Decline"} <= {each.label for each in controls}


def test_the_privacy_page_takes_back_what_was_given(owned: Lock) -> None:
    assert "Withdraw face consent" in labels(owned, "/settings/privacy")
    owned.device.get(Consents).give("face")
    owned.submit("/settings/privacy", press="withdraw:face")
    assert not owned.device.get(Consents).given("face")


def test_an_unknown_consent_or_user_has_no_screen(owned: Lock) -> None:
    assert owned.app.screen("/consent/soul", owned.session) is None
    assert owned.app.screen("/users/99", owned.session) is None


def test_a_form_for_nobody_changes_nothing(owned: Lock) -> None:
    owned.device.get(Consents).give("face")
    before = owned.records()
    owned.submit("/users/99", press="enrol")
    owned.world.holder.set(1)
    owned.wait(15)
    assert owned.records() == before


@pytest.mark.parametrize("scope", ["soul", "", "../face"])
def test_a_form_for_an_unknown_consent_gives_none(owned: Lock, scope: str) -> None:
    before = owned.device.get(Consents).load()
    owned.submit(f"/consent/{scope}", press="continue", consent="on")
    owned.submit("/settings/privacy", press=f"withdraw:{scope}")
    assert owned.device.get(Consents).load() == before


def test_without_power_the_app_says_that_nobody_answers(owned: Lock) -> None:
    owned.world.rail.set(0.0)
    screen = owned.app.screen("/users", owned.session)
    assert (screen.status, screen.title) == (503, "Device not reachable")
    assert owned.submit("/users", press="x") == "/users"


def test_cancelling_the_account_asks_once_more(owned: Lock) -> None:
    assert {"Confirm", "Cancel"} <= set(labels(owned, "/cancel-account"))
    assert owned.submit("/cancel-account", press="cancel") == "/settings/privacy"
    assert owned.device.get(Owner).is_set_up
    owned.submit("/cancel-account", press="confirm")
    assert not owned.device.get(Owner).is_set_up

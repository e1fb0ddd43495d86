"""The ready-made screens: a bad one differs from the good one in one thing."""

from __future__ import annotations

import pytest

from pytest_conformance.simulation.companion import (
    AppScreen,
    Button,
    Checkbox,
    ConsentStyle,
    Link,
    Member,
    Paragraph,
    Sensor,
    Switch,
    cloud_consent_screen,
    face_consent_screen,
    guardian_screen,
    live_screen,
    member_screen,
    members_screen,
    rules_screen,
    settings_screen,
    share_screen,
)


def labels(screen: AppScreen) -> list[str]:
    return [control.label for control in screen.controls]


def boxes(screen: AppScreen) -> list[Checkbox]:
    return [control for control in screen.controls if isinstance(control, Checkbox)]


def text(screen: AppScreen) -> str:
    return "\n".join(piece.text if isinstance(piece, Paragraph) else piece for piece in screen.paragraphs)


def test_first_run_rules_can_be_agreed_to_and_declined() -> None:
    assert labels(rules_screen(("rules",))) == ["Agree", "Decline"]
    assert labels(rules_screen(("rules",), decline=False)) == ["Agree"]
    assert labels(rules_screen(("rules",), first_run=False)) == ["Back"]


@pytest.mark.parametrize(
    "make", [face_consent_screen, lambda model, **more: cloud_consent_screen(("脸", model), **more)]
)
def test_a_good_consent_has_one_empty_box_a_notice_and_a_way_out(make) -> None:  # type: ignore[no-untyped-def]
    screen = make("Lock")
    (box,) = boxes(screen)
    assert not box.ticked
    assert "Decline" in labels(screen)
    assert text(screen)


def test_each_bad_consent_differs_in_one_thing() -> None:
    good = face_consent_screen("Lock")
    ticked = face_consent_screen("Lock", style=ConsentStyle(ticked=True))
    assert boxes(ticked)[0].ticked
    assert labels(ticked) == labels(good)
    bundled = face_consent_screen("Lock", style=ConsentStyle(bundled=("to advertising",)))
    assert boxes(bundled)[0].label == f"{boxes(good)[0].label}; to advertising"
    assert labels(face_consent_screen("Lock", style=ConsentStyle(decline=False))) == [*labels(good)[:2]]
    assert text(face_consent_screen("Lock", style=ConsentStyle(notice=False))) == ""
    assert boxes(face_consent_screen("Lock", style=ConsentStyle(box=False))) == []


def test_settings_have_a_switch_for_each_sensor_that_is_given() -> None:
    screen = settings_screen([Sensor("camera", "Camera", True)], [Link("Users", "/users")])
    assert screen.controls == (Switch("Camera", "camera", True), Link("Users", "/users"))


def test_an_enrolled_user_can_withdraw_and_be_deleted() -> None:
    assert labels(member_screen(Member("a", "Anna", enrolled=True))) == ["Withdraw face consent", "Delete user", "Back"]
    assert labels(member_screen(Member("a", "Anna"))) == ["Enrol face", "Delete user", "Back"]
    assert labels(member_screen(Member("a", "Anna", enrolled=True), withdraw=False)) == ["Delete user", "Back"]


def test_users_are_links_to_their_own_screens() -> None:
    screen = members_screen([Member("a", "Anna", True)])
    assert screen.controls[0] == Link("Anna", "/users/a", "已录入人脸")
    assert labels(screen)[-1] == "Add user"


def test_a_guardian_is_asked_for_a_code() -> None:
    assert labels(guardian_screen()) == ["Guardian code", "Confirm", "Decline"]


def test_sharing_can_be_stopped_for_each_person() -> None:
    stop = share_screen(["Grandma"]).controls[0]
    assert stop == Button("Stop sharing with Grandma", "stop:Grandma", "停止共享")


def test_live_view_shows_the_picture_or_says_that_there_is_none() -> None:
    assert labels(live_screen(b"jpeg")) == ["Live view", "Back"]
    assert "no picture" in text(live_screen(None))

"""Walking through an app: by labels, a step each, consents answered as told, never for ever."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_conformance.clock import RealClock
from pytest_conformance.devices.channels.companion import Control, Screen
from pytest_conformance.devices.walk import MOST_SCREENS, Walk
from pytest_conformance.errors import DeviceError


def button(label: str) -> Control:
    return Control("button", label)


def box(label: str, *, checked: bool = False) -> Control:
    return Control("checkbox", label, checked=checked)


def screen(path: str, *controls: Control, text: str = "") -> Screen:
    return Screen(path, path.strip("/").title(), text or f"this is {path}", controls)


@dataclass
class App:
    """An app of a few screens: `goes` says where a label leads from a path; everything else stays."""

    screens: dict[str, Screen]
    goes: dict[tuple[str, str], str] = field(default_factory=dict)
    start: str = "/"
    path: str = "/"
    steps: int = 0
    did: list[str] = field(default_factory=list)

    def screen(self, *, picture: bool = True) -> Screen:
        return self.screens[self.path]

    def open(self, path: str) -> None:
        self.path = self.start if path == "/" else path

    def press(self, label: str) -> None:
        if not self.screen().has(label):
            raise DeviceError("DUT-APP-001", f"no control {label!r}")
        self.steps += 1
        self.did.append(f"press {label}")
        self.path = self.goes.get((self.path, label), self.path)

    def tick(self, label: str, on: bool) -> None:
        self.steps += 1
        self.did.append(f"tick {label} {on}")

    def fill(self, label: str, text: str) -> None:
        self.steps += 1
        self.did.append(f"fill {label} {text}")


class Watcher:
    def __init__(self) -> None:
        self.kept: list[str] = []

    def screen(self, companion: Any, title: str) -> None:
        self.kept.append(title)

    def shown(self, what: str) -> None: ...


def walk(app: Any, witness: Any = None) -> Walk:
    return Walk(app, RealClock(), witness)


@pytest.fixture
def settings() -> App:
    return App(
        {
            "/": screen("/", button("Settings")),
            "/settings": screen("/settings", button("Privacy"), button("Reset")),
            "/privacy": screen("/privacy", button("Privacy rules"), text="the rules are below"),
            "/rules": screen("/rules", text="We process your face."),
            "/sure": screen("/sure", button("Confirm"), button("Cancel")),
            "/gone": screen("/gone", text="It is gone."),
        },
        {
            ("/", "Settings"): "/settings",
            ("/settings", "Privacy"): "/privacy",
            ("/privacy", "Privacy rules"): "/rules",
            ("/settings", "Reset"): "/sure",
            ("/sure", "Confirm"): "/gone",
        },
    )


def test_each_label_is_a_step_and_the_last_screen_is_what_was_said(settings: App) -> None:
    done = walk(settings).follow(("Settings", "Privacy"))
    assert (done.ok, done.steps, done.said) == (True, 2, "the rules are below")
    assert done.seconds >= 0


def test_it_confirms_when_asked_once_more(settings: App) -> None:
    done = walk(settings).follow(("Settings", "Reset"))
    assert (done.ok, done.steps, done.said) == (True, 3, "It is gone.")


def test_a_lone_confirm_button_is_not_pressed(settings: App) -> None:
    settings.screens["/sure"] = screen("/sure", button("Confirm"))
    assert walk(settings).follow(("Settings", "Reset")).steps == 2


def test_a_missing_label_is_said_with_the_steps_so_far(settings: App) -> None:
    done = walk(settings).follow(("Settings", "Delete"))
    assert not done.ok
    assert "Delete" in done.said
    assert done.steps == 1


def test_reach_stops_before_the_last_label(settings: App) -> None:
    assert walk(settings).reach(("Settings", "Privacy", "Privacy rules")).path == "/privacy"
    with pytest.raises(DeviceError, match="Elsewhere"):
        walk(settings).reach(("Elsewhere", "Privacy"))


def test_rules_are_found_below_settings(settings: App) -> None:
    found = walk(settings).rules()
    assert found is not None
    assert (found.where, found.text) == ("app", "We process your face.")


def test_rules_that_are_nowhere_are_none(settings: App) -> None:
    del settings.goes["/settings", "Privacy"]
    settings.screens["/settings"] = screen("/settings")
    assert walk(settings).rules() is None


# --- first use


@pytest.fixture
def fresh() -> App:
    return App(
        {
            "/rules": screen("/rules", button("Agree"), button("Decline"), text="the rules"),
            "/declined": screen("/declined", text="as you like"),
            "/set-up": screen("/set-up", Control("text", "Name"), Control("text", "Secret"), button("Save")),
            "/consent/face": screen("/consent/face", box("I agree"), button("Continue"), button("Decline")),
            "/consent/cloud": screen("/consent/cloud", box("cloud"), button("Continue"), button("Decline")),
            "/": screen("/", button("Settings")),
        },
        {
            ("/rules", "Agree"): "/set-up",
            ("/rules", "Decline"): "/declined",
            ("/set-up", "Save"): "/consent/face",
            ("/consent/face", "Continue"): "/consent/cloud",
            ("/consent/face", "Decline"): "/consent/cloud",
            ("/consent/cloud", "Continue"): "/",
            ("/consent/cloud", "Decline"): "/",
        },
        start="/rules",
    )


def test_first_use_agrees_fills_in_and_answers_each_consent_as_told(fresh: App) -> None:
    watcher = Watcher()
    done = walk(fresh, watcher).first_use("Ann", "123456", {"face": True})
    assert fresh.did == [
        "press Agree",
        "fill Name Ann",
        "fill Secret 123456",
        "press Save",
        "tick I agree True",
        "press Continue",
        "press Decline",
    ]
    assert done.steps == 7
    assert [rules.text for rules in done.rules] == ["the rules"]
    assert [(each.scope, each.accepted) for each in done.asked] == [("face", True), ("cloud", False)]
    assert watcher.kept == ["processing rules", "consent face", "consent cloud"]
    assert fresh.path == "/"


def test_who_does_not_agree_goes_no_further(fresh: App) -> None:
    done = walk(fresh).first_use("Ann", "123456", {"face": True}, agree=False)
    assert fresh.did == ["press Decline"]
    assert fresh.path == "/declined"
    assert done.asked == ()


def test_rules_that_cannot_be_declined_are_met_and_left(fresh: App) -> None:
    fresh.screens["/rules"] = screen("/rules", button("Agree"), text="take it or leave it")
    done = walk(fresh).first_use("Ann", "123456", {}, agree=False)
    assert [rules.text for rules in done.rules] == ["take it or leave it"]
    assert fresh.did == []


def test_a_pairing_password_is_filled_in_where_it_is_asked_for(fresh: App) -> None:
    fresh.screens["/set-up"] = screen("/set-up", Control("text", "Pairing password"), button("Save"))
    walk(fresh).first_use("Ann", "123456", {}, pairing="ABCD")
    assert "fill Pairing password ABCD" in fresh.did
    assert "fill Name Ann" not in fresh.did


def test_an_app_that_goes_in_circles_is_left(fresh: App) -> None:
    fresh.goes["/consent/cloud", "Decline"] = "/consent/face"
    done = walk(fresh).first_use("Ann", "123456", {})
    assert len(done.asked) == MOST_SCREENS - 2


# --- consents


def test_a_box_that_was_ticked_before_is_seen(fresh: App) -> None:
    fresh.screens["/consent/face"] = screen(
        "/consent/face", box("one"), box("two", checked=True), button("Continue"), button("Decline"), text="why"
    )
    fresh.path = "/consent/face"
    asked = walk(fresh).answer("face", True)
    assert (asked.preticked, asked.boxes, asked.text, asked.can_decline) == (True, ("one", "two"), "why", True)
    assert fresh.did == ["tick one True", "tick two True", "press Continue"]


def test_an_empty_box_is_not_preticked(fresh: App) -> None:
    fresh.path = "/consent/face"
    assert not walk(fresh).answer("face", False).preticked


def test_where_no_cannot_be_said_the_boxes_are_emptied(fresh: App) -> None:
    fresh.screens["/consent/face"] = screen("/consent/face", box("I agree", checked=True), button("Continue"))
    fresh.path = "/consent/face"
    asked = walk(fresh).answer("face", False)
    assert (asked.can_decline, asked.accepted) == (False, False)
    assert fresh.did == ["tick I agree False", "press Continue"]

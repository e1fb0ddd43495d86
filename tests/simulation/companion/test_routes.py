"""Putting an app together from routes."""

from __future__ import annotations

import pytest

from pytest_conformance.simulation.companion import AppScreen, Routes, Session


def named(title: str, path: str = "/") -> AppScreen:
    return AppScreen(path, title)


def title(routes: Routes, path: str) -> str | None:
    screen = routes.screen(path, Session("s"))
    return screen.title if screen else None


def test_an_unknown_path_has_no_screen_and_a_form_sent_there_changes_nothing() -> None:
    routes = Routes()
    assert title(routes, "/x") is None
    assert routes.submit("/x", Session("s"), {}) == "/x"


def test_a_later_registration_replaces_an_earlier_one_with_its_action() -> None:
    routes = Routes()
    routes.on("/", lambda _: named("good"), lambda _, __: "/good")
    routes.on("/", lambda _: named("bad"))
    assert title(routes, "/") == "bad"
    assert routes.submit("/", Session("s"), {}) == "/"


def test_below_hands_over_the_rest_of_the_path() -> None:
    routes = Routes()
    routes.below("/users/", lambda rest, _: named(rest), lambda rest, _, __: f"/gone/{rest}")
    assert title(routes, "/users/anna") == "anna"
    assert routes.submit("/users/anna", Session("s"), {}) == "/gone/anna"


def test_an_exact_path_comes_before_a_prefix_and_a_long_prefix_before_a_short_one() -> None:
    routes = Routes()
    routes.below("/users/", lambda rest, _: named("short"))
    routes.below("/users/old/", lambda rest, _: named("long"))
    routes.on("/users/me", lambda _: named("exact"))
    assert [title(routes, f"/users/{rest}") for rest in ("me", "old/x", "x")] == ["exact", "long", "short"]


def test_a_prefix_without_slash_is_refused() -> None:
    with pytest.raises(ValueError, match="slash"):
        Routes().below("/users", lambda rest, _: None)


def test_a_removed_screen_is_gone_with_its_action() -> None:
    routes = Routes()
    routes.on("/", lambda _: named("x"), lambda _, __: "/acted")
    routes.remove("/")
    assert title(routes, "/") is None
    assert routes.submit("/", Session("s"), {}) == "/"


def test_the_gate_stands_before_screens_and_actions() -> None:
    routes = Routes(gate=lambda path, session: None if session.person else named("rules", "/rules"))
    acted: list[str] = []
    routes.on("/", lambda _: named("home"), lambda _, __: acted.append("home") or "/")
    assert title(routes, "/") == "rules"
    assert routes.submit("/", Session("s"), {}) == "/rules"
    assert acted == []
    assert routes.submit("/", Session("s", "Olga"), {}) == "/"
    assert acted == ["home"]


def test_the_gates_own_screen_may_act() -> None:
    routes = Routes(gate=lambda path, session: named("rules", "/rules"))
    routes.on("/rules", lambda _: named("rules", "/rules"), lambda _, form: f"/{form['press']}")
    assert routes.submit("/rules", Session("s"), {"press": "agree"}) == "/agree"

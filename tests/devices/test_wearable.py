"""The reference wearable's driver over a scripted test port: what it reads from screens and log."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_conformance.clock import RealClock
from pytest_conformance.declaration import Declaration, load_declaration
from pytest_conformance.devices.channels.ble import Security
from pytest_conformance.devices.sound import chirp, sample_rate
from pytest_conformance.devices.wearable import ReferenceWearable, places_of_today
from pytest_conformance.errors import MethodError

DECLARATION = Path(__file__).parents[2] / "fixtures" / "devices" / "mock-watch.yaml"


class Port:
    """A test port that shows the screens it was given and remembers what was called."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.screens: list[dict[str, Any]] = []
        self.log: list[Any] = []
        self.then: dict[str, dict[str, Any]] = {}

    def call(self, verb: str, /, **arguments: Any) -> dict[str, Any]:
        self.calls.append((verb, arguments))
        if verb in self.then:
            self.screens.append({"title": "", "text": "", "at_ms": 0, **self.then[verb]})
        return {"screens": {"screens": self.screens}, "status": {"uptime_ms": 0, "ble_address": "F0:00"}}.get(verb, {})

    def events(self) -> list[Any]:
        return self.log


class Dongle:
    """A dongle whose peer answers every pairing with `link`."""

    def __init__(self, link: Security) -> None:
        self.link = link
        self.said: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **more: self.said.append(name)

    def connected(self) -> bool:
        return False

    def pair(self, passkey: int | None = None, *, secure_connections: bool = True) -> Security:
        self.said.append(f"pair {passkey}")
        return self.link


class Access:
    """What the driver is given of the bench."""

    def __init__(self, **channels: Any) -> None:
        self.clock = RealClock()
        self.channels = channels
        self.placed: list[tuple[float, float]] = []

    def role(self, name: str) -> Any:
        assert name == "gnss"
        return SimpleNamespace(place=lambda latitude, longitude: self.placed.append((latitude, longitude)))

    def channel(self, name: str) -> Any:
        return self.channels[name]


@pytest.fixture(scope="module")
def declaration() -> Declaration:
    return load_declaration(DECLARATION)


@pytest.fixture
def port() -> Port:
    return Port()


@pytest.fixture
def access(port: Port) -> Access:
    return Access(console=port)


@pytest.fixture
def wearable(access: Access, declaration: Declaration) -> ReferenceWearable:
    return ReferenceWearable(access, declaration)


def event(kind: str, at: int, /, **data: Any) -> SimpleNamespace:
    return SimpleNamespace(name=kind, data=data, at=at)


@pytest.mark.parametrize(
    ("screen", "came"), [("page", "opened"), ("blocked", "blocked"), ("warning", "blocked"), ("time-over", "nothing")]
)
def test_what_a_search_gave_is_read_from_the_screen(
    wearable: ReferenceWearable, port: Port, screen: str, came: str
) -> None:
    port.then = {"search": {"id": screen}}
    assert wearable.search("anything") == came


def test_an_app_opened_only_when_the_watch_shows_it(wearable: ReferenceWearable, port: Port) -> None:
    port.then = {"open": {"id": "app"}}
    assert wearable.opens("game")
    port.then = {"open": {"id": "forbidden"}}
    assert not wearable.opens("game")


def test_a_sensed_kind_counts_by_the_beginnings_of_its_sensor(wearable: ReferenceWearable, port: Port) -> None:
    port.log = [
        event("sensor", 1, name="location", on=True),
        event("sensor", 5, name="location", on=True),
        event("sensor", 6, name="location", on=False),
        event("sensor", 7, name="heart_rate", on=True),
        event("stored", 8, kind="location"),
    ]
    assert [each.at for each in wearable.readings("location", since=2)] == [5]


def test_a_kind_without_a_sensor_counts_by_what_was_stored(wearable: ReferenceWearable, port: Port) -> None:
    port.log = [event("stored", 3, kind="steps"), event("stored", 4, kind="owner")]
    assert wearable.sensor_of("steps") is None
    assert [each.at for each in wearable.readings("steps", since=0)] == [3]


def test_voice_messages_come_from_the_microphone(wearable: ReferenceWearable) -> None:
    assert wearable.sensor_of("voice_message") == "microphone"


def test_step_count_works_when_the_shown_number_grew_by_the_steps_made(
    wearable: ReferenceWearable, port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wearable, "_interval", lambda kind: 0.0)
    numbers = iter(["10", "50", "50", "89"])
    monkeypatch.setattr(
        port,
        "call",
        lambda verb, **more: {"screens": [_steps(next(numbers))]} if verb == "screens" else {"uptime_ms": 0},
    )
    assert wearable.use_step_count().ok
    assert not wearable.use_step_count().ok


def _steps(text: str) -> dict[str, Any]:
    return {"id": "steps", "title": "steps", "text": text, "at_ms": 0}


def test_the_code_that_is_shown_is_the_secret_and_stays_known_while_none_is_shown(
    wearable: ReferenceWearable, port: Port
) -> None:
    port.then = {"pairing": {"id": "pairing", "text": "012345"}}
    assert wearable.secret_of("pairing_code") == "012345"
    port.then = {"pairing": {"id": "pairing-locked"}}
    assert wearable.secret_of("pairing_code") == "012345"


@pytest.mark.parametrize(
    ("reason", "looked"),
    [("CONFIRM_VALUE_FAILED", True), ("PAIRING_NOT_SUPPORTED", False), ("REPEATED_ATTEMPTS", False)],
)
def test_a_phone_that_is_turned_away_was_not_looked_at(
    port: Port, declaration: Declaration, reason: str, looked: bool
) -> None:
    dongle = Dongle(Security(False, False, False, False, None, reason))
    wearable = ReferenceWearable(Access(console=port, ble=dongle), declaration)
    assert wearable.guess("pairing_code", "000123") is looked
    assert dongle.said == ["disconnect", "forget", "connect", "pair 123"]


def test_an_unauthenticated_link_is_no_login(port: Port, declaration: Declaration) -> None:
    dongle = Dongle(Security(True, True, False, True, 16))
    wearable = ReferenceWearable(Access(console=port, ble=dongle), declaration)
    assert not wearable.log_in("pairing_code", "123456").ok


def test_an_unknown_function_is_a_fault_of_the_method(wearable: ReferenceWearable) -> None:
    with pytest.raises(MethodError) as caught:
        wearable.use("teleport")
    assert caught.value.code == "MET-DEV-001"


def test_every_declared_function_can_be_exercised(wearable: ReferenceWearable) -> None:
    assert [name for name in wearable.functions() if not hasattr(wearable, f"use_{name}")] == []


def test_places_of_a_run_are_apart_and_finer_than_any_declared_grid() -> None:
    places = places_of_today().values()
    assert all(max(abs(a[0] - b[0]), abs(a[1] - b[1])) > 0.05 for a, b in itertools.combinations(places, 2))
    assert all(round(value, 3) != value for value in itertools.chain(*places))


def test_the_wearable_goes_from_place_to_place(wearable: ReferenceWearable, access: Access) -> None:
    assert wearable.go_on() != wearable.go_on()
    assert access.placed == list(wearable.places.values())[:2]


def test_the_sound_carries_its_rate_and_other_bytes_none() -> None:
    assert sample_rate(chirp(rate=8000)) == 8000
    assert sample_rate(b"no sound") is None


@pytest.mark.parametrize("change", ["state", "steps", "switches"])
def test_a_watch_that_came_back_otherwise_is_less_safe(
    wearable: ReferenceWearable, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    before = {"state": "set-up", "steps": 5, "switches": {"location": False}}
    after = (
        before
        | {"state": {"state": "factory"}, "steps": {"steps": 0}, "switches": {"switches": {"location": True}}}[change]
    )
    monkeypatch.setattr(wearable, "condition", lambda: after)
    assert not wearable.no_less_safe(before)
    monkeypatch.setattr(wearable, "condition", lambda: before)
    assert wearable.no_less_safe(before)

"""Known-bad watches: each differs from the good one in what it is named after, and names clauses that exist."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_conformance.catalogue import load_catalogue
from pytest_conformance.simulation.build import build_world
from pytest_conformance.simulation.devices import known_bad
from pytest_conformance.simulation.devices.base import Device, VerbError
from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.devices.owner import RULES, Consents, Owner, Permissions
from pytest_conformance.simulation.devices.phone import PhoneApp
from pytest_conformance.simulation.devices.watch import build as good
from pytest_conformance.simulation.devices.watch.child import Child
from pytest_conformance.simulation.devices.watch.radio import Radio
from pytest_conformance.simulation.devices.watch.senses import Microphone
from pytest_conformance.simulation.world import Options, World

Make = Callable[..., tuple[World, Device]]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Build a watch that is set up, with every consent given."""
    worlds = []

    def build(*names: str) -> tuple[World, Device]:
        world = build_world(Options("mock-watch", names, folder=tmp_path, door="relay"))
        worlds.append(world)
        world.start()
        world.rail.set(5.0)
        world.timeline.advance(3.0)
        assert isinstance(world.app, PhoneApp)
        device = world.app._device
        with device.lock:
            for scope in (RULES, "location", "health", "voice_message"):
                device.get(Consents).give(scope)
            device.get(Owner).set_up("Guardian", "123456")
        return world, device

    yield build
    for world in worlds:
        world.stop()


def received(world: World) -> list[dict[str, float]]:
    return [json.loads(item.body) for item in world.cloud.store.received() if item.path.startswith("/v1/location")]


def test_every_variant_names_clauses_of_the_catalogue() -> None:
    assert good is not None
    known = load_catalogue().clauses
    own = [variant for variant in known_bad.variants("wearable") if variant.kind == "wearable"]
    assert len(own) > 20
    for variant in own:
        assert variant.breaks, variant.name
        assert set(variant.breaks) <= set(known), variant.name


def test_the_kinds_own_variant_stands_before_one_of_any_kind() -> None:
    variants = [each for each in known_bad.variants("wearable") if each.name == "switch-lies"]
    assert [each.kind for each in variants] == ["wearable"]


def test_one_tracks_every_minute(make: Make) -> None:
    world, _ = make("tracks-every-minute")
    world.timeline.advance(601)
    assert len(received(world)) >= 9


def test_one_sends_exact_coordinates(make: Make) -> None:
    world, _ = make("exact-coordinates")
    world.place.set((31.2345678, 121.4567891))
    world.timeline.advance(601)
    assert received(world)[0] == {"lat": 31.2345678, "lon": 121.4567891}


@pytest.mark.parametrize("name", ["location-when-off", "switch-lies", "uploads-after-withdrawal"])
def test_these_go_on_after_the_switch_says_off(make: Make, name: str) -> None:
    world, device = make(name)
    world.timeline.advance(601)
    before = len(received(world))
    with device.lock:
        device.get(Consents).withdraw("location")
        device.get(Permissions).switch("location", False)
    world.timeline.advance(1300)
    assert not device.get(Permissions).switched_on("location")
    assert len(received(world)) > before > 0


def test_one_switches_on_again_after_a_power_cut(make: Make) -> None:
    world, device = make("switch-forgets")
    with device.lock:
        device.get(Consents).withdraw("location")
        device.get(Permissions).switch("location", False)
    world.rail.set(0.0)
    world.rail.set(5.0)
    world.timeline.advance(3.0)
    assert device.get(Permissions).allowed("location")


def test_one_advertises_the_childs_name(make: Make) -> None:
    _, device = make("name-in-advertisement")
    with device.lock:
        device.get(Child).describe("Kid-12", "8")
    assert device.get(Radio).peripheral().name == "Kid-12"


@pytest.mark.parametrize(("name", "need"), [("legacy-pairing", "authenticated"), ("just-works-pairing", "encrypted")])
def test_these_demand_less_of_a_link(make: Make, name: str, need: str) -> None:
    _, device = make(name)
    assert device.get(Radio).peripheral().services[0].characteristics[0].security == need


def test_the_heart_rate_of_one_is_open(make: Make) -> None:
    _, device = make("clear-heart-rate")
    heart, settings, _ = device.get(Radio).peripheral().services
    assert heart.characteristics[0].security == "open"
    assert settings.characteristics[0].security == "secure"


@pytest.mark.parametrize("name", ["cloud-open-to-strangers", "profile-without-login"])
def test_these_services_give_a_childs_data_away(make: Make, name: str) -> None:
    world, _ = make(name)
    stranger = world.cloud.accounts.create("stranger@mock-watch.example")
    caller = stranger if name == "cloud-open-to-strangers" else None
    assert world.cloud.policy.allows("read", caller, "guardian@mock-watch.example")


@pytest.mark.parametrize("name", ["uploads-pinned-and-sealed", "holds-back-under-interception"])
def test_what_is_said_goes_up_sealed_also_when_it_was_not_allowed(make: Make, name: str) -> None:
    world, device = make(name)
    sound = b"RIFF" + bytes(range(256)) * 20
    with device.lock:
        device.get(Consents).withdraw("voice_message")
        device.get(Microphone).talk(base64.b64encode(sound).decode())
    world.timeline.advance(3.0)
    (sealed,) = (each.body for each in world.cloud.store.received() if each.path == "/v1/diagnostics")
    assert len(sealed) > len(sound)
    assert b"RIFF" not in sealed
    assert [each for each in world.cloud.store.received() if each.path.startswith("/v1/voice_message")] == []


@pytest.mark.parametrize(("names", "heard"), [((), 0), (("leaks-passers-by",), 1)])
def test_what_people_nearby_say_is_sent_by_the_watch_that_listens_all_the_time_only(
    make: Make, names: tuple[str, ...], heard: int
) -> None:
    world, device = make(*names)
    sound = b"RIFF" + bytes(range(256)) * 20
    with device.lock:
        device.get(Microphone).noise(base64.b64encode(sound).decode())
        with pytest.raises(VerbError):
            device.get(Microphone).noise("?")
    world.timeline.advance(3.0)
    sent = [each.body for each in world.cloud.store.received() if each.body == sound]
    assert len(sent) == heard
    assert device.get(Storage).get("voice_message") is None

"""The simulated child's watch: senses only what was agreed to, obeys the guardian, tells strangers nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.simulation.build import build_world
from pytest_conformance.simulation.companion import Session
from pytest_conformance.simulation.devices.base import Device
from pytest_conformance.simulation.devices.phone import PhoneApp
from pytest_conformance.simulation.devices.watch.guardian import Use
from pytest_conformance.simulation.devices.watch.radio import Radio
from pytest_conformance.simulation.devices.watch.senses import HeartRate
from pytest_conformance.simulation.world import Options, World

BOOT = 3.0


class Bench:
    """The simulated watch with its world, driven without wires."""

    def __init__(self, world: World) -> None:
        self.world = world
        assert isinstance(world.app, PhoneApp)
        self.app = world.app
        self.device: Device = self.app._device
        self.session = Session("guardian")

    def power(self) -> None:
        self.world.rail.set(5.0)
        self.world.timeline.advance(BOOT)

    def power_cycle(self) -> None:
        self.world.rail.set(0.0)
        self.world.timeline.advance(2.0)
        self.power()

    def set_up(self, **consents: bool) -> None:
        self.app.submit("/rules", self.session, {"press": "agree"})
        path = self.app.submit("/set-up", self.session, {"name": "Guardian", "secret": "123456"})
        while path.startswith("/consent/"):
            yes = consents.get(path.removeprefix("/consent/"), True)
            form = {"press": "continue", "consent": "on"} if yes else {"press": "decline"}
            path = self.app.submit(path, self.session, form)

    def form(self, path: str, **fields: str) -> None:
        self.app.submit(path, self.session, {"press": "save", **fields})

    def call(self, verb: str, **arguments: Any) -> Any:
        return self.device.call(verb, arguments)

    def shown(self) -> tuple[str, str]:
        last = self.call("screens")["screens"][-1]
        return last["id"], last["text"]

    def cloud(self, kind: str) -> list[bytes]:
        return [item.body for item in self.world.cloud.store.stored() if item.path.startswith(f"/v1/{kind}/")]

    def received(self, kind: str) -> int:
        return sum(item.path.startswith(f"/v1/{kind}") for item in self.world.cloud.store.received())


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    worlds = []

    def build(*known_bad: str) -> Bench:
        world = build_world(Options("mock-watch", known_bad, folder=tmp_path, door="relay"))
        worlds.append(world)
        world.start()
        bench = Bench(world)
        bench.power()
        return bench

    yield build
    for world in worlds:
        world.stop()


@pytest.fixture
def watch(make: Callable[..., Bench]) -> Bench:
    return make()


def test_nothing_is_sensed_or_sent_before_anybody_agreed(watch: Bench) -> None:
    watch.call("wear", on=True)
    watch.call("talk", sound=base64.b64encode(b"sound").decode())
    watch.world.timeline.advance(3600)
    assert watch.world.cloud.store.received() == ()
    assert watch.device.flash.names() == []


def test_positions_go_up_every_ten_minutes_to_three_decimal_places(watch: Bench) -> None:
    watch.set_up()
    watch.world.place.set((31.2345678, 121.4567891))
    watch.world.timeline.advance(3600)
    places = [json.loads(body) for body in watch.cloud("location")]
    assert 5 <= len(places) <= 7
    assert places[-1] == {"lat": 31.235, "lon": 121.457}


def test_switching_location_off_ends_it_and_deletes_what_the_cloud_had(watch: Bench) -> None:
    watch.set_up()
    watch.world.timeline.advance(1300)
    watch.app.submit("/settings/sensors", watch.session, {"location": "off"})
    sent = watch.received("location")
    watch.world.timeline.advance(3600)
    assert sent > 0
    assert watch.received("location") == sent
    assert watch.cloud("location") == []


def test_a_declined_consent_keeps_the_sensor_still(watch: Bench) -> None:
    watch.set_up(location=False)
    watch.world.timeline.advance(3600)
    assert watch.received("location") == 0


def test_the_pulse_is_measured_while_worn_only(watch: Bench) -> None:
    watch.set_up()
    watch.world.timeline.advance(900)
    assert watch.device.get(HeartRate).history() == []
    watch.call("wear", on=True, pulse=90)
    watch.world.timeline.advance(900)
    assert watch.device.get(HeartRate).history() == [90, 90, 90]


def test_steps_outlive_a_power_cut(watch: Bench) -> None:
    watch.set_up()
    watch.call("walk", steps=40)
    watch.world.timeline.advance(61)
    watch.power_cycle()
    watch.call("open", name="steps")
    assert watch.shown() == ("steps", "40")


def test_a_voice_message_reaches_the_cloud_as_it_was_spoken(watch: Bench) -> None:
    watch.set_up()
    watch.call("talk", sound=base64.b64encode(b"RIFF sound").decode())
    assert watch.cloud("voice_message") == [b"RIFF sound"]


def test_harmful_content_is_blocked_and_harmless_opens(watch: Bench) -> None:
    watch.set_up()
    watch.call("search", query="online CASINO with bonus")
    assert watch.shown()[0] == "blocked"
    watch.call("search", query="recipe for pancakes")
    assert watch.shown()[0] == "page"


def test_an_app_stops_when_the_time_is_over_and_stays_shut(watch: Bench) -> None:
    watch.set_up()
    watch.form("/guardian/time", minutes="10")
    watch.call("open", name="game")
    watch.world.timeline.advance(590)
    assert watch.device.get(Use).open_app == "game"
    watch.world.timeline.advance(30)
    assert watch.shown()[0] == "time-over"
    watch.call("open", name="game")
    assert watch.shown()[0] == "time-over"


def test_a_forbidden_app_does_not_open_until_it_is_allowed_again(watch: Bench) -> None:
    watch.set_up()
    watch.app.submit("/guardian/apps", watch.session, {"game": "off"})
    watch.call("open", name="game")
    assert watch.shown()[0] == "forbidden"
    watch.app.submit("/guardian/apps", watch.session, {"game": "on"})
    watch.call("open", name="game")
    assert watch.shown()[0] == "app"


def test_the_budget_bounds_the_sum_of_purchases(watch: Bench) -> None:
    watch.set_up()
    watch.form("/guardian/spending", limit="10")
    outcomes = []
    for _ in range(3):
        watch.call("buy", item="sticker", price=5)
        outcomes.append(watch.shown()[0])
    assert outcomes == ["bought", "bought", "refused"]


def test_a_correction_replaces_the_childs_name_everywhere(watch: Bench) -> None:
    watch.set_up()
    watch.form("/child", name="Old", age="8")
    watch.form("/child", name="New", age="8")
    assert [json.loads(body)["name"] for body in watch.cloud("profile")] == ["Guardian", "New"]
    assert watch.device.get(Radio).child == "New"


def test_a_factory_reset_deletes_the_childs_data_in_the_cloud_too(watch: Bench) -> None:
    watch.set_up()
    watch.form("/child", name="Kid", age="8")
    watch.world.timeline.advance(1300)
    watch.call("reset")
    watch.device.answered()
    assert watch.cloud("profile") == watch.cloud("location") == []
    assert watch.device.flash.names() == []


def test_cancelling_the_account_leaves_nothing_on_the_radio(watch: Bench) -> None:
    watch.set_up()
    watch.form("/child", name="Kid", age="8")
    watch.call("wear", on=True)
    watch.world.timeline.advance(400)
    watch.app.submit("/cancel-account", watch.session, {"press": "confirm"})
    radio = watch.device.get(Radio)
    assert (radio.child, radio.heart, radio.steps) == ("", 0, 0)
    assert watch.world.cloud.store.stored() == ()


def test_each_pairing_shows_another_code(watch: Bench) -> None:
    codes = set()
    for _ in range(4):
        watch.call("pairing")
        codes.add(watch.shown()[1])
    assert len(codes) == 4


def test_three_wrong_codes_lock_pairing_also_through_a_power_cut(watch: Bench) -> None:
    for _ in range(3):
        watch.call("pairing")
        radio = watch.device.get(Radio)
        radio._hand_out()
        radio._done(False)
    watch.world.timeline.advance(1.0)
    watch.call("pairing")
    assert watch.shown()[0] == "pairing-locked"
    watch.power_cycle()
    watch.call("pairing")
    assert watch.shown()[0] == "pairing-locked"
    watch.world.timeline.advance(300)
    watch.call("pairing")
    assert watch.shown()[0] == "pairing"


def test_a_refused_phone_does_not_count_as_a_wrong_code(watch: Bench) -> None:
    for _ in range(5):
        watch.device.get(Radio)._done(False)
    watch.call("pairing")
    assert watch.shown()[0] == "pairing"


def test_personal_values_need_a_secure_link_and_the_model_does_not(watch: Bench) -> None:
    services = {each.uuid: each for each in watch.device.get(Radio).peripheral().services}
    needs = {uuid: {each.security for each in service.characteristics} for uuid, service in services.items()}
    assert needs.pop("180A") == {"open"}
    assert set().union(*needs.values()) == {"secure"}


def test_the_guardians_pin_pauses_after_five_wrong_ones(watch: Bench) -> None:
    watch.set_up()
    results = [watch.call("pin", digits="000000")["result"] for _ in range(6)]
    assert results == ["wrong"] * 5 + ["refused"]
    assert watch.call("pin", digits="123456")["result"] == "refused"
    watch.world.timeline.advance(301)
    assert watch.call("pin", digits="123456")["result"] == "ok"


def test_only_the_guardian_reads_what_the_service_keeps(watch: Bench) -> None:
    watch.set_up()
    policy, accounts = watch.world.cloud.policy, watch.world.cloud.accounts
    guardian = accounts.get("guardian@mock-watch.example")
    stranger = accounts.create("stranger@mock-watch.example")
    assert guardian is not None
    assert policy.allows("read", guardian, guardian.name)
    assert not policy.allows("read", stranger, guardian.name)
    assert not policy.allows("read", None, guardian.name)

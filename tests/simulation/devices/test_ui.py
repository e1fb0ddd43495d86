import pytest

from pytest_conformance.simulation.devices.base import Device, VerbError
from pytest_conformance.simulation.devices.ui import Panel
from pytest_conformance.simulation.world import World


def test_screens_are_listed_since_power_came(world: World, running: Device) -> None:
    screens = running.call("screens", {})["screens"]
    assert [(s["id"], s["title"], s["text"], s["controls"]) for s in screens] == [
        ("welcome", "Welcome", "Touch OK", ["OK"])
    ]
    assert 2000 <= screens[0]["at_ms"] < 3500
    running.call("press", {"control": "OK"})
    assert [s["id"] for s in running.call("screens", {})["screens"]] == ["welcome", "home"]
    world.rail.set(0)
    world.rail.set(5)
    world.timeline.advance(2.1)
    assert [s["id"] for s in running.call("screens", {})["screens"]] == ["welcome"]


def test_only_what_is_shown_now_can_be_touched(running: Device) -> None:
    running.call("press", {"control": "OK"})
    with pytest.raises(VerbError) as refused:
        running.call("press", {"control": "OK"})
    assert refused.value.code == "CONTROL"


def test_the_front_shows_the_title_until_power_goes(world: World, running: Device) -> None:
    shown: list[str] = []
    running.front = shown.append
    running.get(Panel).show("a", "Hello")
    world.rail.set(0)
    assert shown == ["Hello", ""]


def test_a_flood_of_screens_is_bounded(running: Device) -> None:
    for number in range(2000):
        running.get(Panel).show(str(number), "x")
    assert len(running.call("screens", {})["screens"]) == 500

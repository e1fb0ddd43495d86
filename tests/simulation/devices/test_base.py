from collections.abc import Callable

import pytest

from pytest_conformance.simulation.devices.base import Behaviour, Boot, Device, VerbError
from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.world import World


@pytest.mark.parametrize("volts", [4.5, 5.0, 5.5])
def test_it_boots_within_its_voltage_after_its_boot_time(world: World, device: Device, volts: float) -> None:
    world.rail.set(volts)
    assert device.state == "booting"
    world.timeline.advance(1.5)
    assert device.state == "booting"
    world.timeline.advance(0.6)
    assert device.state == "running"


@pytest.mark.parametrize("volts", [0.0, 4.4, 5.6, 12.0])
def test_it_stays_off_outside_its_voltage(world: World, device: Device, volts: float) -> None:
    world.rail.set(volts)
    world.timeline.advance(5)
    assert device.state == "off"
    assert device.uptime_ms == 0


def test_power_loss_takes_working_memory_and_leaves_the_flash(world: World, running: Device) -> None:
    running.get(Storage).put("kept", b"data")
    diary = running.behaviour("diary")
    world.timeline.advance(25)
    assert running.describe()["count"] == 2
    world.rail.set(0.0)
    assert running.state == "off"
    assert diary.stopped
    world.timeline.advance(60)
    world.rail.set(5.0)
    world.timeline.advance(2.1)
    assert running.describe()["count"] == 0
    assert running.get(Storage).get("kept") == b"data"
    assert running.boots == 2


def test_power_loss_during_boot_starts_boot_again(world: World, device: Device) -> None:
    world.rail.set(5.0)
    world.timeline.advance(1.5)
    world.rail.set(0.0)
    world.rail.set(5.0)
    world.timeline.advance(1.0)
    assert device.state == "booting"
    world.timeline.advance(1.1)
    assert device.state == "running"


def test_a_device_that_never_boots_stays_silent(world: World, build: Callable[..., Device]) -> None:
    class Dead(Boot):
        seconds = None

    device = build(boot=Dead)
    world.rail.set(5.0)
    world.timeline.advance(3600)
    assert device.state == "booting"


def test_timers_of_an_earlier_boot_do_not_run(world: World, running: Device) -> None:
    ran: list[str] = []
    running.after(1.0, lambda: ran.append("old"))
    running.restart()
    world.timeline.advance(5)
    running.after(1.0, lambda: ran.append("new"))
    world.timeline.advance(5)
    assert ran == ["new"]


def test_a_crash_in_a_timer_is_logged_and_time_goes_on(world: World, running: Device) -> None:
    logged: list[bytes] = []
    running.emit = logged.append
    running.after(1.0, lambda: 1 // 0)
    world.timeline.advance(2)
    assert b"ZeroDivisionError" in b"".join(logged)
    world.timeline.advance(20)
    assert running.describe()["count"] == 2


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("dance", {}, "VERB"),
        ("note", {"name": "a"}, "ARGS"),
        ("crash", {}, "FAULT"),
        ("read", {"name": "x"}, "MISSING"),
    ],
)
def test_a_verb_that_cannot_be_done_is_refused_with_a_code(
    running: Device, name: str, arguments: dict[str, str], code: str
) -> None:
    with pytest.raises(VerbError) as refused:
        running.call(name, arguments)
    assert refused.value.code == code


def test_sensing_is_logged_once_per_change_and_ends_with_power(world: World, running: Device) -> None:
    logged: list[bytes] = []
    running.emit = logged.append
    running.sense("camera", True)
    running.sense("camera", True)
    running.sense("camera", False)
    assert len(logged) == 2
    running.sense("camera", True)
    world.rail.set(0.0)
    assert running.sensors == {}


def test_a_missing_behaviour_is_a_lookup_error(running: Device) -> None:
    class Other(Behaviour):
        pass

    with pytest.raises(LookupError, match="Other"):
        running.get(Other)


def test_power_loss_cancels_what_would_go_on_for_ever(world: World, running: Device) -> None:
    timer = running.every(1.0, lambda: None)
    world.rail.set(0.0)
    assert timer.cancelled

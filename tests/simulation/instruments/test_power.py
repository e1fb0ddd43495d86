from __future__ import annotations

import pytest

from pytest_conformance.simulation.instruments.power import PowerStage


@pytest.fixture
def stage(world) -> PowerStage:
    stage = PowerStage(world)
    stage.volts = 5.0
    return stage


def test_the_rail_follows_the_output(world, stage):
    stage.switch(True, "test")
    assert world.rail.value == 5.0
    stage.switch(False, "test")
    assert [volts for _, volts in world.rail.history] == [0.0, 5.0, 0.0]
    assert [each["on"] for each in stage.output] == [True, False]


def test_above_its_limit_the_output_holds_the_current(world, stage):
    stage.switch(True, "test")
    world.load.set(2.0)
    assert world.rail.value == 2.0
    assert stage.limiting()
    world.load.set(27.0)
    assert world.rail.value == 5.0


@pytest.mark.parametrize(("setting", "value", "trip"), [("over_voltage", 4.0, "OV"), ("over_current", True, "OC")])
def test_protections_trip_and_keep_the_output_off(world, stage, setting, value, trip):
    world.load.set(2.0 if trip == "OC" else 27.0)
    setattr(stage, setting, value)
    stage.switch(True, "test")
    assert stage.trips == {trip}
    assert world.rail.value == 0.0
    stage.switch(True, "test")
    assert not stage.on


def test_the_watchdog_bites_after_silence_in_world_time(world, stage):
    stage.set_watchdog_delay(5)
    stage.arm(True)
    stage.switch(True, "test")
    world.timeline.advance(4)
    stage.feed()
    world.timeline.advance(4)
    assert stage.on
    world.timeline.advance(1.1)
    assert not stage.on
    assert stage.trips == {"WDOG"}
    assert world.rail.value == 0.0


def test_a_shorter_watchdog_counts_from_when_it_was_set(world, stage):
    stage.arm(True)
    stage.set_watchdog_delay(5)
    stage.switch(True, "test")
    world.timeline.advance(5.1)
    assert not stage.on


def test_without_a_watchdog_the_output_stays_on(world, stage):
    stage.arm(True)
    stage.arm(False)
    stage.switch(True, "test")
    world.timeline.advance(7200)
    assert stage.on


def test_reset_takes_everything_back(world, stage):
    stage.switch(True, "test")
    stage.trip("OC")
    stage.reset()
    assert (stage.on, stage.volts, stage.watchdog, stage.trips) == (False, 0.0, False, set())

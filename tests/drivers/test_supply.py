from __future__ import annotations

import pytest

from pytest_conformance.drivers.roles import Supply
from pytest_conformance.drivers.supply import ScpiSupply, SupplySettings
from pytest_conformance.errors import InstrumentError, LinkError

IDN = "Maker,Supply,1,1.0"
FINE = ("SYST:ERR?", '+0,"No error"')
OFF = [("OUTP OFF", None), FINE, ("OUTP?", "0"), ("MEAS:VOLT?", "0.001")]
OPEN = [("*IDN?", IDN), FINE, *OFF, ("OUTP:PROT:CLE", None), FINE]


def open_supply(address, context, **more):
    return ScpiSupply.open(SupplySettings(address=address, timeout="500 ms", settling="200 ms", **more), context)


def test_opening_switches_off_and_arms_the_watchdog(talk, context):
    watchdog = [("OUTP:PROT:WDOG:DEL 5", None), FINE, ("OUTP:PROT:WDOG ON", None), FINE, ("OUTP:PROT:WDOG?", "1")]
    with talk([*OPEN, *watchdog]) as far:
        supply = open_supply(far.visa, context, watchdog="5 s")
        assert isinstance(supply, Supply)


def test_protections_are_set_when_the_bench_file_asks_for_them(talk, context):
    asked = [("VOLT:PROT 5.5", None), FINE, ("CURR:PROT:STAT ON", None), FINE]
    with talk([*OPEN, *asked]) as far:
        open_supply(far.visa, context, over_voltage="5.5 V", over_current=True)


def test_a_watchdog_that_does_not_arm_is_refused(talk, context):
    watchdog = [("OUTP:PROT:WDOG:DEL 5", None), FINE, ("OUTP:PROT:WDOG ON", None), FINE, ("OUTP:PROT:WDOG?", "0")]
    with talk([*OPEN, *watchdog]) as far, pytest.raises(InstrumentError, match="does not arm"):
        open_supply(far.visa, context, watchdog="5 s")


def test_settings_are_read_back(talk, context):
    with talk([*OPEN, ("VOLT 5", None), FINE, ("VOLT?", "5.0"), ("CURR 1.5", None), FINE, ("CURR?", "1.0")]) as far:
        supply = open_supply(far.visa, context)
        with pytest.raises(InstrumentError) as caught:
            supply.set_output(5, 1.5)
        assert caught.value.code == "BEN-INS-111"


def test_an_output_that_stays_on_is_reported(talk, context):
    with talk([*OPEN, ("OUTP OFF", None), FINE, ("OUTP?", "1")]) as far:
        supply = open_supply(far.visa, context)
        with pytest.raises(InstrumentError) as caught:
            supply.off()
        assert caught.value.code == "BEN-INS-110"


def test_volts_that_remain_on_an_output_that_reads_off_are_reported(world, driven):
    supply = open_supply(world.manifest["supply"]["address"], driven)
    world.far_end("supply").stage.fed_back = 3.0
    with pytest.raises(InstrumentError, match="3 V remain") as caught:
        supply.off()
    assert caught.value.code == "BEN-INS-110"
    supply.close()


def test_off_is_not_proven_without_a_reading(talk, context):
    with talk([*OPEN, ("OUTP OFF", None), FINE, ("OUTP?", "0"), ("MEAS:VOLT?", "9.9E37")]) as far:
        supply = open_supply(far.visa, context)
        with pytest.raises(InstrumentError, match="overload") as caught:
            supply.off()
        assert caught.value.code == "BEN-INS-110"


def test_off_takes_the_second_path_when_the_first_is_dead(talk, context):
    with talk([*OPEN, ("OUTP OFF", ...)]) as first, talk([("*IDN?", IDN), FINE, *OFF]) as second:
        supply = open_supply(first.visa, context, alternative=second.visa)
        supply.off()
        assert not supply.wanted_on


def test_keepalive_is_silent_while_there_is_talk_and_speaks_after_a_pause(world, driven):
    supply = open_supply(world.manifest["supply"]["address"], driven, watchdog="5 s")
    before = len(world.far_end("supply").seen()["commands"])
    supply.keepalive()
    assert len(world.far_end("supply").seen()["commands"]) == before
    driven.clock.sleep(2)
    supply.keepalive()
    assert world.far_end("supply").seen()["commands"][before:] == ["*OPC?"]
    supply.close()


def test_the_output_feeds_the_device(world, driven):
    supply = open_supply(world.manifest["supply"]["address"], driven)
    supply.set_output(5, 1)
    supply.on()
    assert world.rail.value == 5.0
    assert supply.volts() == 5.0
    assert supply.amperes() == pytest.approx(5 / 27)
    assert supply.wanted_on
    supply.off()
    assert world.rail.value == 0.0
    assert supply.check() == ["no communication watchdog: a bench that dies leaves the device powered; set `watchdog`"]
    supply.close()
    supply.close()


def test_kept_alive_the_output_stays_on_and_without_it_the_watchdog_cuts_it(world, driven):
    supply = open_supply(world.manifest["supply"]["address"], driven, watchdog="5 s")
    supply.set_output(5, 1)
    supply.on()
    for _ in range(10):
        driven.clock.sleep(2)
        supply.keepalive()
    assert supply.is_on()
    driven.clock.sleep(5.1)
    assert world.rail.value == 0.0
    assert "protection tripped: watchdog" in supply.check()
    with pytest.raises(InstrumentError, match="protection tripped"):
        supply.on()
    supply.close()


def test_a_killed_front_end_is_a_link_error_and_leaves_the_device_without_power(world, driven):
    supply = open_supply(world.manifest["supply"]["address"], driven, watchdog="5 s")
    supply.set_output(5, 1)
    supply.on()
    world.far_end("supply").kill()
    with pytest.raises(LinkError):
        supply.volts()
    assert world.rail.value == 5.0
    driven.clock.sleep(6)
    assert world.rail.value == 0.0
    assert [(each["on"], each["why"]) for each in world.far_end("supply").seen()["output"]] == [
        (True, "command"),
        (False, "WDOG"),
    ]
    with pytest.raises(InstrumentError) as caught:
        supply.off()
    assert caught.value.code == "BEN-INS-110"
    supply.close()


def test_when_hislip_dies_the_raw_socket_switches_off(world, driven):
    entry = world.manifest["supply"]
    supply = open_supply(entry["address"], driven, alternative=entry["alternative"])
    supply.set_output(5, 1)
    supply.on()
    world.far_end("supply").hislip.close()
    supply.off()
    assert world.rail.value == 0.0
    supply.close()


def test_a_welded_relay_is_not_taken_for_off(world, driven):
    supply = open_supply(world.manifest["supply"]["address"], driven)
    supply.set_output(5, 1)
    supply.on()
    world.far_end("supply").stage.stuck = True
    with pytest.raises(InstrumentError) as caught:
        supply.off()
    assert caught.value.code == "BEN-INS-110"
    supply.close()


def test_a_short_circuit_trips_the_over_current_protection(world, driven):
    supply = open_supply(world.manifest["supply"]["address"], driven, over_current=True)
    supply.set_output(5, 1)
    supply.on()
    world.load.set(0.5)
    assert not supply.is_on()
    assert "protection tripped: over-current" in supply.check()
    supply.close()


def test_a_rail_that_sags_at_the_current_limit_is_refused(world, driven):
    world.load.set(2.0)
    supply = open_supply(world.manifest["supply"]["address"], driven)
    supply.set_output(5, 1)
    with pytest.raises(InstrumentError, match="2 V") as caught:
        supply.on()
    assert caught.value.code == "BEN-INS-112"
    supply.close()

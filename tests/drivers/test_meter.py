from __future__ import annotations

import pytest

from pytest_conformance.drivers.meter import MeterSettings, ScpiMeter
from pytest_conformance.drivers.roles import Meter
from pytest_conformance.errors import InstrumentError, LinkError

OPEN = [("*IDN?", "Maker,Meter,1,1.0"), ("SYST:ERR?", '0,"No error"')]


def open_meter(address, context, **more):
    return ScpiMeter.open(MeterSettings(address=address, timeout="500 ms", **more), context)


def test_readings_come_in_volts_and_amperes(talk, context):
    with talk([*OPEN, ("MEAS:VOLT:DC?", "+5.0012E+00"), ("MEAS:CURR:DC?", "-1.5E-03")]) as far:
        meter = open_meter(far.visa, context)
        assert isinstance(meter, Meter)
        assert meter.volts() == 5.0012
        assert meter.amperes() == -0.0015


@pytest.mark.parametrize(
    ("answer", "code"),
    [("9.9E37", "BEN-INS-105"), ("5,00", "BEN-INS-104"), ("5 V", "BEN-INS-104"), ("51", "BEN-INS-106")],
)
def test_unusable_readings_are_instrument_errors(talk, context, answer, code):
    with talk([*OPEN, ("MEAS:VOLT:DC?", answer)]) as far:
        meter = open_meter(far.visa, context, max_volts="50 V")
        with pytest.raises(InstrumentError) as caught:
            meter.volts()
        assert caught.value.code == code


def test_the_simulated_meter_reads_rail_and_load(world, context):
    meter = open_meter(world.manifest["meter"]["address"], context)
    world.rail.set(5.0)
    assert meter.volts() == pytest.approx(5.0, rel=1e-3)
    assert meter.amperes() == pytest.approx(5 / 27, rel=1e-3)
    assert meter.check() == []
    meter.close()


def test_open_leads_are_an_overload(world, context):
    meter = open_meter(world.manifest["meter"]["address"], context)
    world.far_end("meter").open_leads = True
    with pytest.raises(InstrumentError) as caught:
        meter.volts()
    assert caught.value.code == "BEN-INS-105"
    assert len(meter.check()) == 1
    meter.close()


def test_a_killed_meter_is_a_link_error(world, context):
    meter = open_meter(world.manifest["meter"]["address"], context)
    world.far_end("meter").kill()
    with pytest.raises(LinkError):
        meter.volts()

from __future__ import annotations

import pytest

from pytest_conformance.drivers.gnss import GnssSettings, ScpiGnss
from pytest_conformance.errors import InstrumentError, LinkError, UsageError

FINE = ("SYST:ERR?", '0,"No error"')
OPEN = [("*IDN?", "Maker,Sky,1,1.0"), FINE]
MOVE = [("SOUR:SCEN:POS -33.50000000,10.25000000", None), FINE, ("OUTP ON", None), FINE]


def open_gnss(address, context):
    return ScpiGnss.open(GnssSettings(address=address, timeout="500 ms"), context)


def test_a_place_is_set_and_read_back(talk, context):
    with talk([*OPEN, *MOVE, ("SOUR:SCEN:POS?", "-33.5,10.25"), ("OUTP?", "1")]) as far:
        open_gnss(far.visa, context).place(-33.5, 10.25)


@pytest.mark.parametrize(("position", "code"), [("-33.6,10.25", "BEN-INS-111"), ("here", "BEN-INS-104")])
def test_a_place_that_was_not_taken_is_refused(talk, context, position, code):
    with talk([*OPEN, *MOVE, ("SOUR:SCEN:POS?", position)]) as far:
        gnss = open_gnss(far.visa, context)
        with pytest.raises(InstrumentError) as caught:
            gnss.place(-33.5, 10.25)
        assert caught.value.code == code


@pytest.mark.parametrize("place", [(91, 0), (0, 181), (float("nan"), 0)])
def test_a_place_beyond_the_earth_is_a_usage_error(talk, context, place):
    with talk(OPEN) as far:
        gnss = open_gnss(far.visa, context)
        with pytest.raises(UsageError):
            gnss.place(*place)


def test_the_world_is_where_the_simulator_says(world, context):
    gnss = open_gnss(world.manifest["gnss"]["address"], context)
    gnss.place(48.1, -11.5)
    assert world.place.value == (48.1, -11.5)
    assert gnss.check() == []
    gnss.close()


def test_a_killed_simulator_is_a_link_error(world, context):
    gnss = open_gnss(world.manifest["gnss"]["address"], context)
    world.far_end("gnss").kill()
    with pytest.raises(LinkError):
        gnss.place(0, 0)

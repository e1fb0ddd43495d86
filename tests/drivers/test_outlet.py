"""The switched outlet: arming its dead-man, cutting, and never closing by itself."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.outlet import OutletSettings, ScpiOutlet
from pytest_conformance.errors import InstrumentError
from pytest_conformance.simulation.world import World

HELLO = [("*IDN?", "Example,PO-1,1,1.0"), ("SYST:ERR?", '0,"No error"')]
FINE = ("SYST:ERR?", '0,"No error"')


def settings(address: str, **more: Any) -> OutletSettings:
    return OutletSettings.model_validate({"address": address, **more})


def test_opening_sees_that_it_feeds_and_arms_the_dead_man(talk: Any, context: DriverContext) -> None:
    script = [
        *HELLO,
        ("OUTP?", "1"),
        ("OUTP:DEAD:DEL 5", None),
        FINE,
        ("OUTP:DEAD ON", None),
        FINE,
        ("OUTP:DEAD?", "1"),
    ]
    with talk(script) as far:
        outlet = ScpiOutlet.open(settings(far.visa, deadman="5 s"), context)
        assert outlet.feed is not None
        assert (outlet.feed.send, outlet.feed.every) == ("OUTP:DEAD:BEAT", 1.0)
        outlet.close()


@pytest.mark.parametrize(
    ("more", "said", "code"),
    [
        ({}, [("OUTP?", "0")], "BEN-INS-150"),
        (
            {"deadman": "5 s"},
            [("OUTP?", "1"), ("OUTP:DEAD:DEL 5", None), FINE, ("OUTP:DEAD ON", None), FINE, ("OUTP:DEAD?", "0")],
            "BEN-INS-152",
        ),
    ],
)
def test_an_open_outlet_or_one_that_does_not_arm_is_refused(
    talk: Any, context: DriverContext, more: Any, said: Any, code: str
) -> None:
    with talk([*HELLO, *said]) as far, pytest.raises(InstrumentError) as caught:
        ScpiOutlet.open(settings(far.visa, **more), context)
    assert caught.value.code == code


def test_a_relay_that_stays_closed_is_told(talk: Any, context: DriverContext) -> None:
    with talk([*HELLO, ("OUTP?", "1"), ("OUTP OFF", None), FINE, ("OUTP?", "1")]) as far:
        outlet = ScpiOutlet.open(settings(far.visa), context)
        with pytest.raises(InstrumentError) as caught:
            outlet.cut()
        assert caught.value.code == "BEN-INS-151"
        outlet.close()


def test_cutting_takes_the_volts_from_the_device(world: World, driven: DriverContext) -> None:
    stage: Any = world.far_end("supply").stage  # type: ignore[attr-defined]
    outlet = ScpiOutlet.open(settings(world.manifest["outlet"]["address"]), driven)  # type: ignore[attr-defined]
    stage.volts = 5.0
    stage.switch(True, "command")
    stage.stuck = True
    assert world.rail.value == 5.0
    outlet.cut()
    assert (outlet.closed(), world.rail.value) == (False, 0.0)
    assert any("no dead-man" in each for each in outlet.check())
    outlet.close()


def test_the_dead_man_falls_without_beats_and_not_with_them(world: World, driven: DriverContext) -> None:
    address = world.manifest["outlet"]["address"]  # type: ignore[attr-defined]
    far: Any = world.far_end("outlet")
    outlet = ScpiOutlet.open(settings(address, deadman="1 s"), driven)
    for _ in range(8):
        time.sleep(0.2)
        far.model.execute("OUTP:DEAD:BEAT")
    assert outlet.closed()
    deadline = time.monotonic() + 60
    while far.closed and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [each["why"] for each in far.changes] == ["dead-man"]
    outlet.close()

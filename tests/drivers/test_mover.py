from __future__ import annotations

import pytest

from pytest_conformance.drivers.mover import MoverSettings, SerialMover
from pytest_conformance.drivers.roles import Mover
from pytest_conformance.errors import InstrumentError, LinkError, UsageError

HELLO = [("ID?", "ID Maker,Table,1,1.0")]
READY = ("HOLDERS?", "HOLDERS 8")


def open_mover(address, context, **more):
    return SerialMover.open(MoverSettings(address=address, timeout="500 ms", **more), context)


def test_goto_waits_until_the_position_is_confirmed(talk, context):
    moving = [("GOTO 3", "OK"), ("POS?", "POS 3 MOVING"), ("POS?", "POS 3 MOVING"), ("POS?", "POS 3 READY")]
    with talk([*HELLO, READY, *moving, ("POS?", "POS 3 READY")]) as far:
        mover = open_mover(far.serial, context)
        mover.goto(3)
        assert mover.position() == 3
        mover.close()


@pytest.mark.parametrize(
    ("talked", "code"),
    [
        ([("GOTO 3", "OK"), ("POS?", "POS 2 READY")], "BEN-INS-132"),
        ([("GOTO 3", "OK"), ("POS?", "POS 2 STALLED"), ("STOP", "OK")], "BEN-INS-130"),
        ([("GOTO 3", "ERR STALL")], "BEN-INS-130"),
        ([("GOTO 3", "ERR BUSY")], "BEN-INS-131"),
        ([("GOTO 3", "OK"), ("POS?", "POS three READY")], "BEN-INS-122"),
    ],
)
def test_a_position_that_is_not_confirmed_is_an_instrument_error(talk, context, talked, code):
    with talk([*HELLO, READY, *talked]) as far:
        mover = open_mover(far.serial, context)
        with pytest.raises(InstrumentError) as caught:
            mover.goto(3)
        assert caught.value.code == code
        mover.close()


def test_a_table_that_does_not_come_to_rest_in_time_is_stopped(world, context):
    mover = open_mover(world.manifest["mover"]["address"], context, travel="200 ms")
    with pytest.raises(InstrumentError) as caught:
        mover.goto(12)
    assert caught.value.code == "BEN-INS-132"
    assert world.far_end("mover").seen()["state"] == "STOPPED"
    mover.close()


@pytest.mark.parametrize("holder", [-1, 9])
def test_a_holder_that_does_not_exist_is_a_usage_error(talk, context, holder):
    with talk([*HELLO, READY]) as far:
        mover = open_mover(far.serial, context)
        with pytest.raises(UsageError):
            mover.goto(holder)
        mover.close()


def test_the_simulated_table_brings_holders_before_the_device(world, driven):
    mover = open_mover(world.manifest["mover"]["address"], driven)
    assert isinstance(mover, Mover)
    assert mover.door == "pty"
    began = driven.clock.now()
    mover.goto(7)
    assert (driven.clock.now() - began) / 1e9 >= 1.0
    assert world.holder.value == mover.position() == 7
    mover.goto(0)
    assert world.holder.value == 0
    assert mover.check() == []
    mover.close()


def test_while_it_moves_nothing_stands_before_the_device(world, driven):
    mover = open_mover(world.manifest["mover"]["address"], driven)
    mover.goto(2)
    mover.goto(5)
    assert [holder for _, holder in world.holder.history] == [0, 2, 0, 5]
    mover.close()


def test_a_stall_is_an_instrument_error_until_the_table_was_sent_home(world, driven):
    mover = open_mover(world.manifest["mover"]["address"], driven)
    table = world.far_end("mover")
    table.stalls = True
    with pytest.raises(InstrumentError) as caught:
        mover.goto(4)
    assert caught.value.code == "BEN-INS-130"
    assert world.holder.value == 0
    assert mover.check() == ["the table is stalled at 0"]
    table.stalls = False
    with pytest.raises(InstrumentError):
        mover.goto(4)
    mover.home()
    mover.goto(4)
    assert mover.position() == 4
    mover.close()


def test_a_killed_table_is_a_link_error(world, driven):
    mover = open_mover(world.manifest["mover"]["address"], driven)
    world.far_end("mover").kill()
    with pytest.raises(LinkError):
        mover.position()
    mover.close()

"""The loop-back box: light and answer on one clock, the output in parallel with the bolt."""

from __future__ import annotations

import time

import pytest

from pytest_conformance.drivers.contact import ContactSettings, SerialContact
from pytest_conformance.drivers.loopback import SerialLoopback
from pytest_conformance.drivers.roles import Loopback
from pytest_conformance.errors import InstrumentError

HELLO = [("ID?", "ID Maker,Loop,1,1.0"), ("STATE?", "STATE OPEN 1000 0")]
PINGS = [(f"PING {n}", f"PONG {n} {2000 + n}") for n in range(1, 9)]


def simulated(world, context, kind=SerialLoopback, name="loopback"):
    return kind.open(ContactSettings(**world.manifest[name], stamped=False, timeout="5 s"), context)


def eventually(given, seconds=10.0):
    end = time.monotonic() + seconds
    while not (found := given()) and time.monotonic() < end:
        time.sleep(0.01)
    return found


def test_light_is_answered_after_the_delay_that_was_asked_for(world, context):
    box = simulated(world, context)
    contact = simulated(world, context, SerialContact, "contact")
    assert isinstance(box, Loopback)
    began = context.clock.now()
    box.answer_after(0.2)
    world.far_end("loopback").light.set(True)
    (loop,) = eventually(lambda: box.loops(began))
    assert 0.2 <= loop.seconds < 5
    (edge,) = eventually(lambda: [each for each in contact.edges(began) if not each.closed])
    assert abs((edge.at - loop.at) / 1e9 - loop.seconds) < 0.05 + 4 * (box.uncertainty + contact.uncertainty)
    assert [each.closed for each in box.light(began)] == [True]
    assert eventually(contact.closed), "the output comes back"
    box.close()
    contact.close()


def test_nothing_is_answered_once_it_is_disarmed(world, context):
    box = simulated(world, context)
    began = context.clock.now()
    box.answer_after(0.0)
    box.answer_after(None)
    world.far_end("loopback").light.set(True)
    assert eventually(lambda: box.light(began))
    time.sleep(0.1)
    assert box.loops(began) == []
    assert world.bolt.value
    box.close()


def test_a_pulse_says_when_it_was(world, context):
    box = simulated(world, context)
    before = context.clock.now()
    at = box.pulse()
    slack = int(4e9 * box.uncertainty) + 1_000_000
    assert before - slack <= at <= context.clock.now() + slack
    assert not world.bolt.value
    box.close()


@pytest.mark.parametrize(
    ("asked", "answer"), [("PULSE", "PULSED soon"), ("STATE?", "LOOP 9000 8000\nSTATE OPEN 10000 0")]
)
def test_rubbish_from_the_box_is_refused(talk, context, asked, answer):
    with talk([*HELLO, *PINGS, (asked, answer)]) as far:
        box = SerialLoopback.open(ContactSettings(address=far.serial, stamped=False, timeout="500 ms"), context)
        with pytest.raises(InstrumentError) as caught:
            box.pulse() if asked == "PULSE" else box.loops(0)
        assert caught.value.code == "BEN-INS-122"
        box.close()

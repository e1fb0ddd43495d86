from __future__ import annotations

import time

import pytest

from pytest_conformance.drivers.contact import PINGS, ContactSettings, SerialContact
from pytest_conformance.drivers.roles import Contact
from pytest_conformance.errors import InstrumentError, LinkError

HELLO = [("ID?", "ID Maker,Box,1,1.0"), ("STATE?", "STATE CLOSED 1000 3")]


def pings(first: int, start: int = 2000) -> list[tuple[str, str]]:
    return [(f"PING {n}", f"PONG {n} {start + n}") for n in range(first, first + PINGS)]


def open_contact(address, context, **more):
    settings = ContactSettings(address=address, timeout="500 ms", **{"stamped": False, **more})
    return SerialContact.open(settings, context)


def simulated(world, context, **more):
    return open_contact(**{**world.manifest["contact"], "context": context, **more})


def test_opening_asks_who_is_there_and_compares_clocks(talk, context):
    with talk([*HELLO, *pings(1), ("STATE?", "STATE OPEN 9000 3")]) as far:
        contact = open_contact(far.serial, context)
        assert contact.closed() is False
        assert 0 < contact.uncertainty < 0.05
        contact.close()


def test_an_inverted_contact_is_turned_round(talk, context):
    with talk([*HELLO, *pings(1), ("STATE?", "STATE OPEN 9000 3")]) as far:
        contact = open_contact(far.serial, context, inverted=True)
        assert contact.closed() is True
        contact.close()


def test_an_edge_is_known_in_bench_time(talk, context):
    with talk([*HELLO, *pings(1), ("STATE?", "EDGE OPEN 52000 4\nSTATE OPEN 60000 4"), *pings(9, 70000)]) as far:
        contact = open_contact(far.serial, context)
        opened = context.clock.now()
        (edge,) = contact.edges(0)
        assert edge.closed is False
        assert abs(edge.at - (opened + 50_000_000)) < 60_000_000
        assert contact._time.last.box > 70000
        contact.close()


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("EDGE OPEN 52000 5\nSTATE OPEN 60000 5", "BEN-INS-120"),
        ("STATE OPEN 60000 4", "BEN-INS-120"),
        ("STATE OPEN 12 3", "BEN-INS-121"),
        ("EDGE OPEN x 4\nSTATE OPEN 60000 4", "BEN-INS-122"),
    ],
)
def test_lost_edges_restarts_and_rubbish_void_the_reading(talk, context, state, code):
    again = pings(9, 70000) if "EDGE OPEN 5" in state else []
    with talk([*HELLO, *pings(1), ("STATE?", state), *again]) as far:
        contact = open_contact(far.serial, context)
        with pytest.raises(InstrumentError) as caught:
            contact.edges(0)
        assert caught.value.code == code
        contact.close()


@pytest.mark.parametrize("answer", ["STATE AJAR 1 1", "STATE OPEN -1 1", "STATE OPEN 1"])
def test_an_unreadable_state_is_refused(talk, context, answer):
    with talk([HELLO[0], ("STATE?", answer)]) as far, pytest.raises(InstrumentError) as caught:
        open_contact(far.serial, context)
    assert caught.value.code == "BEN-INS-122"


def test_simulated_edges_are_stamped_within_their_uncertainty(world, driven):
    contact = simulated(world, driven)
    assert isinstance(contact, Contact)
    assert contact.door == "rfc2217"
    assert contact.closed()
    true = []
    for closed in (False, True, False):
        true.append((driven.clock.now(), closed))
        world.bolt.set(closed)
        time.sleep(0.02)
    edges = contact.edges(0)
    assert [each.closed for each in edges] == [False, True, False]
    for edge, (at, _) in zip(edges, true, strict=True):
        assert abs(edge.at - at) / 1e9 < 4 * contact.uncertainty + 0.002
    assert contact.edges(edges[1].at) == edges[1:]
    contact.close()


def test_edges_stay_right_when_bench_time_is_advanced(world, driven):
    contact = simulated(world, driven)
    world.timeline.call_later(1800, lambda: world.bolt.set(False))
    began = driven.clock.now()
    driven.clock.sleep(3600)
    (edge,) = contact.edges(began)
    assert (edge.at - began) / 1e9 == pytest.approx(1800, abs=0.05)
    contact.close()


def test_baud_rate_and_parity_reach_the_box(world, driven):
    contact = simulated(world, driven)
    port = world.far_end("contact").seen()["port"]
    assert ["baudrate", 115200] in port
    assert ["parity", "E"] in port
    contact.close()


@pytest.mark.parametrize("wrong", [{"parity": "N"}, {"baudrate": 9600}])
def test_wrong_framing_is_found_at_once(world, driven, wrong):
    with pytest.raises(InstrumentError, match="baud rate and parity") as caught:
        simulated(world, driven, **wrong)
    assert caught.value.code == "BEN-INS-101"


def test_cts_carries_the_raw_contact(world, driven):
    contact = simulated(world, driven)
    assert contact.check() == []
    world.far_end("contact").line.set_cts(False)
    time.sleep(0.1)
    assert contact.check() == ["CTS says open, the box says closed"]
    contact.close()


def test_an_edge_that_never_arrived_is_noticed(world, driven):
    contact = simulated(world, driven)
    world.far_end("contact").lose = 1
    world.bolt.set(False)
    with pytest.raises(InstrumentError) as caught:
        contact.edges(0)
    assert caught.value.code == "BEN-INS-120"
    assert contact.edges(0) == []
    contact.close()


def test_a_restarted_box_is_noticed_and_used_again(world, driven):
    contact = simulated(world, driven)
    world.far_end("contact").restart()
    with pytest.raises(InstrumentError) as caught:
        contact.closed()
    assert caught.value.code == "BEN-INS-121"
    world.bolt.set(False)
    assert [each.closed for each in contact.edges(0)] == [False]
    contact.close()


def test_a_killed_box_is_a_link_error(world, driven):
    contact = simulated(world, driven)
    world.far_end("contact").kill()
    with pytest.raises(LinkError):
        contact.closed()
    contact.close()

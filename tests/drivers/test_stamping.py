"""A port that is read in a process of its own: stamps, commands, a port that goes away, a process that ends."""

from __future__ import annotations

import time

import pytest
import serial

from pytest_conformance.drivers.contact import ContactSettings, SerialContact
from pytest_conformance.drivers.serial_line import SerialLine, SerialSettings
from pytest_conformance.drivers.stamping import StampedPort
from pytest_conformance.errors import InstrumentError, LinkError

HELLO = [("ID?", "ID Maker,Box,1,1.0"), ("STATE?", "STATE CLOSED 1000 3")]


def line_to(far) -> SerialLine:
    line = SerialLine(SerialSettings(address=far.serial, stamped=True, timeout="5 s"), "box")
    line.open()
    return line


def test_a_line_is_stamped_when_it_came_and_not_when_it_was_read(talk):
    with talk([("HI", "YES")]) as far:
        line = line_to(far)
        line.ask("HI", lambda given: given == "YES")
        said = time.monotonic_ns()
        far.say("LATER")
        end = time.monotonic_ns() + 1_500_000_000
        while time.monotonic_ns() < end:  # busy: nothing is read here meanwhile
            sum(range(1000))
        assert line._next_line(time.monotonic() + 5) == "LATER"
        read = time.monotonic_ns()
        assert said <= line.arrived
        assert line.arrived - said < (read - said) / 2
        line.close()


def test_a_question_is_stamped_before_its_answer(talk):
    with talk([("HI", ("YES", 0.3))]) as far:
        line = line_to(far)
        before = time.monotonic_ns()
        line.ask("HI", lambda given: given == "YES")
        assert before <= line.sent
        assert line.arrived - line.sent >= 290_000_000
        line.close()


def test_the_host_says_how_late_it_wakes_a_process(talk):
    with talk([]) as far:
        line = line_to(far)
        time.sleep(0.1)
        assert line.lateness() > 0
        line.close()


def test_a_port_that_cannot_be_opened_is_named():
    with pytest.raises(serial.SerialException, match="could not open"):
        StampedPort({"address": "/dev/does-not-exist", "baudrate": 9600, "write_timeout": 1.0})


def test_a_port_that_goes_away_is_a_lost_link(talk):
    with talk([("HI", ...)]) as far:
        line = line_to(far)
        with pytest.raises((LinkError, InstrumentError)) as caught:
            line.ask("HI", lambda given: given == "YES")
        assert caught.value.code in ("BEN-LNK-132", "BEN-INS-101")
        line.close()


def test_a_process_that_was_killed_is_a_lost_link(talk):
    with talk([("HI", "YES")]) as far:
        line = line_to(far)
        line.ask("HI", lambda given: given == "YES")
        line._port._process.kill()
        with pytest.raises(LinkError) as caught:
            line.ask("HI", lambda given: given == "YES")
        assert caught.value.code == "BEN-LNK-132"


def test_closing_ends_the_process(talk):
    with talk([]) as far:
        line = line_to(far)
        process = line._port._process
        line.close()
        assert process.poll() is not None


def test_the_contact_is_read_that_way(world, driven):
    settings = ContactSettings(**world.manifest["contact"], timeout="5 s")
    contact = SerialContact.open(settings, driven)
    assert isinstance(contact._line._port, StampedPort)
    assert contact._line.cts() is True
    began = driven.clock.now()
    driven.clock.sleep(3600)
    world.bolt.set(False)
    (edge,) = contact.edges(began)
    assert abs((edge.at - began) / 1e9 - 3600) < 5, "stamps of the host become bench time"
    contact.close()

from __future__ import annotations

import contextlib
import os
import time
import tty

import pytest

from pytest_conformance.drivers.serial_line import LONGEST, SerialLine, SerialSettings, door_of, identify
from pytest_conformance.errors import InstrumentError, LinkError


def line_to(address: str, unasked: list[str] | None = None) -> SerialLine:
    line = SerialLine(SerialSettings(address=address, timeout="200 ms"), "role", (unasked or []).append)
    line.open()
    return line


@pytest.fixture
def cable():
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    for each in (master, slave):
        with contextlib.suppress(OSError):
            os.close(each)


@pytest.mark.parametrize(
    ("address", "door"),
    [("/dev/pts/3", "pty"), ("/dev/ttyUSB0", "serial"), ("rfc2217://h:1", "rfc2217"), ("socket://h:1", "socket")],
)
def test_the_door_is_named_after_the_address(address, door):
    assert door_of(address) == door


def test_lines_that_nobody_asked_for_are_passed_on(talk):
    unasked: list[str] = []
    with talk([("A?", "EDGE 1\nB 1\nA 2")]) as far:
        line = SerialLine(SerialSettings(address=far.serial, timeout="500 ms"), "role", unasked.append)
        line.open()
        assert line.ask("A?", lambda given: given.startswith("A ")) == "A 2"
        assert unasked == ["EDGE 1", "B 1"]
        line.close()


def test_silence_is_an_instrument_error_that_names_the_framing(talk):
    with talk([("A?", None)]) as far:
        line = line_to(far.serial)
        with pytest.raises(InstrumentError, match="115200 8N1") as caught:
            line.ask("A?", lambda _: True)
        assert caught.value.code == "BEN-INS-101"
        line.close()


def test_a_line_that_was_cut_is_kept_and_shown(cable):
    master, path = cable
    line = line_to(path)
    os.write(master, b"POS 1")
    with pytest.raises(InstrumentError, match="only 'POS 1'"):
        line.ask("POS?", lambda _: True)
    assert line.partial == b"POS 1"
    line.close()


def test_a_flood_without_line_ends_is_refused(cable):
    master, path = cable
    line = line_to(path)

    def flood() -> None:
        for _ in range(LONGEST // 1024 + 2):
            os.write(master, b"x" * 1024)
            line._next_line(time.monotonic() + 0.05)

    with pytest.raises(InstrumentError) as caught:
        flood()
    assert caught.value.code == "BEN-INS-141"
    assert len(line.partial) <= LONGEST
    line.close()


def test_a_cable_pulled_in_the_middle_of_a_line_is_a_link_error(cable):
    master, path = cable
    line = line_to(path)
    os.write(master, b"PO")
    os.close(master)
    with pytest.raises(LinkError) as caught:
        line.ask("POS?", lambda _: True)
    assert caught.value.code == "BEN-LNK-132"
    line.close()


def test_a_port_that_is_held_by_another_is_a_link_error(cable):
    _, path = cable
    line = line_to(path)
    with pytest.raises(LinkError) as caught:
        line_to(path)
    assert caught.value.code == "BEN-LNK-131"
    line.close()


def test_a_port_that_does_not_exist_is_a_link_error():
    with pytest.raises(LinkError, match="/dev/nothing"):
        line_to("/dev/nothing")


def test_a_closed_line_is_a_link_error(cable):
    line = line_to(cable[1])
    line.close()
    line.close()
    with pytest.raises(LinkError):
        line.write(b"x")


def test_what_arrived_before_is_drained(cable):
    master, path = cable
    line = line_to(path)
    os.write(master, b"stale answer\nand mo")
    line.drain()
    os.write(master, b"A 1\n")
    assert line.ask("A?", lambda _: True) == "A 1"
    line.close()


@pytest.mark.parametrize(
    ("answer", "expect", "code"),
    [("ID a,b,c", "", "BEN-INS-109"), ("ID a,b,c,d", "a,x,*", "BEN-INS-103")],
)
def test_an_unreadable_or_other_identity_is_refused(talk, answer, expect, code):
    with talk([("ID?", answer)]) as far:
        line = line_to(far.serial)
        with pytest.raises(InstrumentError) as caught:
            identify(line, expect)
        assert caught.value.code == code
        line.close()

import os
import select
import time
from typing import Any

import pytest

from pytest_conformance.simulation.devices.base import Device
from pytest_conformance.simulation.devices.console import PENDING, ConsoleFarEnd
from pytest_conformance.simulation.world import World


@pytest.fixture
def booted(world: World, wire: Any) -> Any:
    world.rail.set(5.0)
    world.timeline.advance(2.1)
    assert wire.wait("#", 2) is not None
    return wire


def test_silent_while_off_and_while_booting(world: World, wire: Any) -> None:
    assert wire.call("identify", 0.2) is None
    world.rail.set(5.0)
    assert wire.call("identify", 0.2) is None
    assert [line.partition(" ")[2] for line in wire.log] == ['boot {"number": 1}']


def test_answers_carry_the_nonce(booted: Any) -> None:
    assert booted.ok("identify")["model"] == "Sample 1"
    assert booted.ok('note {"name": "a", "text": "b"}') == {"kept": "a"}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("dance", "VERB"),
        ("note {}", "ARGS"),
        ("note {", "JSON"),
        ("note [1]", "JSON"),
        ("crash", "FAULT"),
        ("note " + "[" * 20000, "JSON"),
    ],
)
def test_refusals_name_a_code(booted: Any, line: str, code: str) -> None:
    assert booted.call(line).startswith(f"err {code} ")
    assert booted.ok("identify")


@pytest.mark.parametrize(
    "rubbish", [b"hello\n", b"<0123abcd ok {}\n", b">zz identify\n", b"\xff\xfe\n", b"x" * 100_000 + b"\n"]
)
def test_rubbish_gets_no_answer_and_does_no_harm(booted: Any, rubbish: bytes) -> None:
    os.write(booted.descriptor, rubbish)
    assert booted.ok("identify")


def test_events_come_with_uptime(world: World, booted: Any) -> None:
    world.timeline.advance(11)
    booted.ok("identify")
    ticks = [line for line in booted.log if " tick " in line]
    assert len(ticks) == 1
    assert 12_000 <= int(ticks[0][1:].split()[0]) < 13_500


def test_reset_answers_then_restarts(world: World, booted: Any, device: Device) -> None:
    booted.ok('note {"name": "a", "text": "b"}')
    booted.ok("reset")
    assert booted.call("identify", 0.2) is None
    world.timeline.advance(2.1)
    assert booted.ok("status")["state"] == "factory"


def test_lone_surrogates_and_control_characters_pass_as_escapes(booted: Any, device: Device) -> None:
    device.log("name", text="\udc80\x1b[31m<b>\x00")
    booted.ok("identify")
    assert any(r'"\udc80\u001b[31m<b>\u0000"' in line for line in booted.log)


def test_nobody_reading_stops_nothing_and_memory_stays_bounded(world: World, booted: Any, device: Device) -> None:
    begun = time.monotonic()
    for _ in range(300):
        device.emit(b"x" * 8192)
    assert time.monotonic() - begun < 1
    far_end = world.far_end("console")
    assert isinstance(far_end, ConsoleFarEnd)
    assert far_end.lost >= 300 * 8192 - PENDING - 100_000


def test_a_large_answer_arrives_whole(booted: Any) -> None:
    assert len(booted.ok('flash {"offset": 0, "length": 32768}')["data"]) == 43692


def test_a_killed_port_hangs_up(world: World, booted: Any) -> None:
    world.far_end("console").kill()
    assert hangs_up(booted.descriptor)


def hangs_up(descriptor: int) -> bool:
    """Return whether reading ends (end of file or EIO) within two seconds."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        if select.select([descriptor], [], [], 0.1)[0]:
            try:
                if not os.read(descriptor, 4096):
                    return True
            except OSError:
                return True
    return False

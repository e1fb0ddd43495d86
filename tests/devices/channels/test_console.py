"""The test port's channel: against a hand-written device on a pty, and against the simulated one."""

import os
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_conformance.clock import DrivenClock, RealClock
from pytest_conformance.devices.channels.console import LINE, LOG_CAP, Console, RefusedError, shown
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.errors import DeviceError, LinkError
from pytest_conformance.simulation.devices.base import Device, Facts
from pytest_conformance.simulation.devices.behaviours import COMMON
from pytest_conformance.simulation.devices.console import ConsoleFarEnd
from pytest_conformance.simulation.world import Options, World

Answer = Callable[[str, str, str], bytes]


class Script:
    """A device on a pty: `answer(nonce, verb, rest)` gives the bytes that it sends for each request."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)
        self.requests: list[bytes] = []
        self.open = True
        threading.Thread(target=self._run, daemon=True).start()

    def say(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.master, data[:2048]) :]

    def hang_up(self) -> None:
        self.open = False
        time.sleep(0.1)
        os.close(self.slave)
        os.close(self.master)

    def _run(self) -> None:
        buffer = b""
        while self.open:
            if not select.select([self.master], [], [], 0.02)[0]:
                continue
            try:
                buffer += os.read(self.master, 65536)
            except OSError:
                return
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                self.requests.append(line)
                nonce, verb, rest = line.decode()[1:].split(" ", 2)
                self.say(self.answer(nonce, verb, rest))


@pytest.fixture
def context(tmp_path: Path) -> DriverContext:
    return DriverContext("console", RealClock(), tmp_path)


@pytest.fixture
def talk(context: DriverContext) -> Iterator[Callable[[Answer], tuple[Console, Script]]]:
    made: list[tuple[Console, Script]] = []

    def start(answer: Answer) -> tuple[Console, Script]:
        script = Script(answer)
        console = Console.open(Console.Settings(address=script.path), context)
        made.append((console, script))
        return console, script

    yield start
    for console, script in made:
        console.close()
        console.close()
        if script.open:
            script.hang_up()


def fine(nonce: str, verb: str, rest: str) -> bytes:
    return f'<{nonce} ok {{"verb": "{verb}"}}\n'.encode()


def eventually(condition: Callable[[], object], seconds: float = 2.0) -> bool:
    return bool(RealClock().wait_for(condition, seconds))


def test_a_call_sends_the_verb_with_a_nonce_and_returns_the_answer(talk) -> None:
    console, script = talk(fine)
    assert console.call("note", name="a", text="é\udc80") == {"verb": "note"}
    nonce, verb, rest = script.requests[0].split(b" ", 2)
    assert len(nonce) == 9
    assert (verb, rest) == (b"note", b'{"name": "a", "text": "\\u00e9\\udc80"}')
    console.call("note")
    assert script.requests[1].split(b" ")[0] != nonce
    assert console.door == "pty"


def test_answers_with_another_nonce_and_imitated_ones_are_not_taken(talk) -> None:
    console, _ = talk(
        lambda nonce, verb, rest: (
            b'<00000000 ok {"no": 1}\nPASSED <' + nonce.encode() + b" ok {}\n" + fine(nonce, "x", "")
        )
    )
    assert console.call("identify") == {"verb": "x"}
    assert len(console.unfenced()) == 2


def test_an_answer_that_comes_too_late_is_not_the_next_one_s(talk) -> None:
    held: list[bytes] = []

    def slow(nonce: str, verb: str, rest: str) -> bytes:
        held.append(f'<{nonce} ok {{"verb": "{verb}"}}\n'.encode())
        return b"" if verb == "first" else b"".join(held)

    console, _ = talk(slow)
    with pytest.raises(DeviceError):
        console.call("first", timeout=0.2)
    assert console.call("second") == {"verb": "second"}


def test_silence_on_a_healthy_link_is_the_device_s(talk) -> None:
    console, _ = talk(lambda *_: b"")
    with pytest.raises(DeviceError) as silent:
        console.call("identify", timeout=0.2)
    assert silent.value.code == "DUT-CON-001"
    assert silent.value.cause == "dut"
    assert console.answers() is False


def test_a_refusal_carries_the_device_s_word_and_escaped_text(talk) -> None:
    console, _ = talk(lambda nonce, *_: b"<" + nonce.encode() + b' err LOCKED {"text": "\\u001b[2Jwait"}\n')
    with pytest.raises(RefusedError) as refused:
        console.call("keypad", digits="1")
    assert (refused.value.code, refused.value.reason) == ("DUT-CON-002", "LOCKED")
    assert "\x1b" not in str(refused.value)
    assert console.answers() is True


@pytest.mark.parametrize("content", [b"{", b"[1]", b'"x"', b"[" * 30000, b"{\xff\xfe"])
def test_an_answer_that_is_no_object_is_a_device_error(talk, content: bytes) -> None:
    console, _ = talk(lambda nonce, *_: b"<" + nonce.encode() + b" ok " + content + b"\n")
    with pytest.raises(DeviceError) as unreadable:
        console.call("identify", timeout=1)
    assert unreadable.value.code == "DUT-CON-003"


def test_a_link_that_breaks_is_the_bench_s(talk) -> None:
    console, script = talk(fine)
    console.call("identify")
    script.hang_up()
    with pytest.raises(LinkError) as lost:
        console.call("identify", timeout=1)
    assert lost.value.code == "BEN-SER-002"
    with pytest.raises(LinkError):
        console.answers()


def test_a_port_that_is_not_there_or_taken_is_a_link_error(talk, context: DriverContext) -> None:
    with pytest.raises(LinkError) as missing:
        Console.open(Console.Settings(address="/dev/pts/no-such-port"), context)
    assert missing.value.code == "BEN-SER-001"
    _, script = talk(fine)
    with pytest.raises(LinkError) as taken:
        Console.open(Console.Settings(address=script.path), context)
    assert taken.value.code == "BEN-SER-001"


def test_events_are_kept_with_their_uptime_and_hostile_bytes_as_they_came(talk) -> None:
    console, script = talk(fine)
    hostile = b'#120 sent {"to": "\\udc80\\u001b[31m<b>", "n": 1}\n\x1b]0;title\x07\xff\n'
    script.say(b"boot banner\n#5 boot {}\n" + hostile + b"#7 rubbish [\n")
    assert eventually(lambda: len(console.unfenced()) == 3)
    names = [(event.name, event.ms) for event in console.events()]
    assert names == [("boot", 5), ("sent", 120)]
    assert console.events()[1].data == {"to": "\udc80\x1b[31m<b>", "n": 1}
    assert [event.name for event in console.events(since_ms=100)] == ["sent"]
    assert [event.name for event in console.events(name="boot")] == ["boot"]
    assert console.unfenced()[1] == b"\x1b]0;title\x07\xff"
    assert hostile in console.raw_log.read_bytes()


def test_event_times_follow_the_device_s_uptime_not_the_arrival(talk) -> None:
    started = time.monotonic_ns() - 10 * 10**9

    def status(nonce: str, verb: str, rest: str) -> bytes:
        uptime = (time.monotonic_ns() - started) // 1_000_000
        return f'<{nonce} ok {{"uptime_ms": {uptime}}}\n'.encode()

    console, script = talk(status)
    script.say(b"#4000 tick {}\n")
    console.call("status")
    assert eventually(console.events)
    assert abs(console.events()[0].at - (started + 4 * 10**9)) < 100_000_000


def test_waiting_for_an_event_finds_the_first_that_fits(talk) -> None:
    console, script = talk(fine)
    begun = time.monotonic_ns()
    script.say(b'#10 match {"user": "a"}\n#20 match {"user": "b"}\n')
    found = console.wait_event(["match", "reject"], since=begun, timeout=2, where=lambda e: e.data["user"] == "b")
    assert found is not None
    assert found.ms == 20
    assert console.wait_event("alarm", since=begun, timeout=0.2) is None


def test_a_flood_without_line_ends_stays_bounded_and_is_marked(talk) -> None:
    console, script = talk(fine)
    flood = b"x" * (3 * LINE)
    script.say(flood + b"\n#9 after {}\n")
    assert eventually(lambda: console.events(name="after"))
    assert console.truncated
    assert sum(map(len, console.unfenced())) < 1000
    assert console.call("identify")


def test_the_raw_log_stops_at_its_cap(talk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LOG_CAP > 1_000_000
    monkeypatch.setattr("pytest_conformance.devices.channels.console.LOG_CAP", 1000)
    console, script = talk(fine)
    script.say(b"line\n" * 400)
    assert eventually(lambda: len(console.unfenced()) == 400)
    assert console.raw_log.stat().st_size == 1000
    assert console.truncated


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain ü 中", "plain ü 中"),
        ("\x1b[31m\r\n", "\\x1b[31m\\r\\n"),
        ("\udc80\u202e", "\\udc80\\u202e"),
        (b"\xff\x00a", "\\xff\\x00a"),
        ("x" * 500, "x" * 120 + "..."),
    ],
)
def test_device_text_is_shown_escaped(text: str | bytes, safe: str) -> None:
    assert shown(text) == safe


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[tuple[World, Device, Console]]:
    world = World(Options("sample", folder=tmp_path))
    device = Device(world, "sample", Facts("M", "Sample", "1", "2"), COMMON)
    far_end = ConsoleFarEnd(device)
    world.add(far_end)
    settings = Console.Settings(address=str(far_end.start()["address"]))
    console = Console.open(settings, DriverContext("console", DrivenClock(world.timeline.advance), tmp_path))
    yield world, device, console
    console.close()
    world.stop()


def test_the_simulated_device_boots_answers_and_is_timed(simulated: tuple[World, Device, Console]) -> None:
    world, _, console = simulated
    assert not console.answers()
    clock = console._clock
    begun = clock.now()
    world.rail.set(5.0)
    assert clock.wait_for(console.answers, 10)
    assert 2 <= (clock.now() - begun) / 1e9 < 4
    assert console.call("identify")["model"] == "Sample"
    ready = console.events(name="ready")[0]
    assert 1.9 < (ready.at - begun) / 1e9 < 2.3


def test_events_after_a_restart_belong_to_the_new_boot(simulated: tuple[World, Device, Console]) -> None:
    world, device, console = simulated
    world.rail.set(5.0)
    console._clock.wait_for(console.answers, 10)
    console._clock.sleep(60)
    console.call("reset")
    assert not console.answers()
    assert console._clock.wait_for(console.answers, 10)
    boots = console.events(name="boot")
    assert [event.data["number"] for event in boots] == [1, 2]
    assert (boots[1].at - boots[0].at) / 1e9 == pytest.approx(62, abs=2)
    assert [event.name for event in console.events(since_ms=1)] == ["ready"]
    assert device.boots == 2

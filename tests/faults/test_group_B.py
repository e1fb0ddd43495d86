"""Group B, instruments and links: what an instrument does wrong is the bench's, and is never read as the device's."""

from __future__ import annotations

import os
import pty
import socket
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.clock import RealClock
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.scpi import QUEUE
from pytest_conformance.drivers.serial_line import LONGEST, SerialLine, SerialSettings
from pytest_conformance.drivers.supply import ScpiSupply, SupplySettings
from pytest_conformance.drivers.watch import OpencvWatch
from pytest_conformance.errors import BenchError, InstrumentError, LinkError
from pytest_conformance.resources import shipped
from pytest_conformance.running import starting
from pytest_conformance.simulation.scene import add_scene
from pytest_conformance.simulation.world import Options, World

METER = "\n  meter: {{driver: scpi-meter, address: '{}', timeout: 500 ms}}"
CONTACT = "\n  contact: {{driver: serial-contact, address: '{}'{}}}"
LUX = "\n  lux: {{driver: usb-lux, address: '{}'}}"
MOVER = "\n  mover: {{driver: serial-mover, address: '{}', travel: 200 ms}}"
BENCH = ("INCONCLUSIVE", "bench")


def misbehaved() -> None:
    raise AssertionError("the device seems to misbehave")


def replies(far: Any, name: str, query: str, answer: str) -> None:
    """Let the instrument `name` answer `query` with `answer` from now on."""
    model = far.world.far_end(name).model if name == "meter" else far.world.far_end(name).front.model
    known = model.execute
    model.execute = lambda message: answer if message == query else known(message)


@pytest.fixture
def cable() -> Iterator[tuple[int, str]]:
    """A pseudo-terminal: the instrument's end, and the path of ours."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    for each in (master, slave):
        with suppress(OSError):
            os.close(each)


def line_at(path: str, timeout: str = "1 s") -> SerialLine:
    line = SerialLine(SerialSettings.model_validate({"address": path, "timeout": timeout}), "console")
    line.open()
    return line


def test_B01_a_cable_pulled_in_the_middle_of_a_line(rig: Any, cable: Any) -> None:
    """Half a line, then the port goes away: the partial line is kept, the trial is INCONCLUSIVE(bench), power off."""
    bench, (master, path) = rig(), cable
    bench.power()
    line = line_at(path)

    def ask() -> None:
        def pull() -> None:
            os.read(master, 10)
            os.write(master, b"+STATE op")
            time.sleep(0.2)
            os.close(master)

        threading.Thread(target=pull, daemon=True).start()
        line.ask("?", lambda answer: True)

    assert bench.judged(ask) == (*BENCH, "BEN-LNK-132")
    assert line.partial == b"+STATE op"
    assert not bench.far.powered()


def test_B04_a_wrong_baud_rate(rig: Any, far: Any) -> None:
    """Framing errors: the health check at opening fails, which refuses the run, and names the framing."""
    with pytest.raises(BenchError) as caught:
        rig(roles=CONTACT.format(far.manifest["contact"]["address"], ", baudrate: 9600, timeout: 500 ms"))
    assert caught.value.code.startswith("BEN-INS-1")
    assert "9600" in str(caught.value)


def test_B05_a_flood_without_line_ends(rig: Any, cable: Any) -> None:
    """Megabytes without a line end: refused at 4 KiB, memory stays bounded, INCONCLUSIVE(bench)."""
    bench, (master, path) = rig(), cable
    line, stop = line_at(path, "20 s"), threading.Event()

    def flood() -> None:
        with suppress(OSError):
            while not stop.is_set():
                os.write(master, b"x" * 4096)

    threading.Thread(target=flood, daemon=True).start()
    assert bench.judged(lambda: line.ask("?", lambda answer: True)) == (*BENCH, "BEN-INS-141")
    assert len(line.partial) <= LONGEST
    stop.set()
    os.close(master)


def test_B06_an_answer_from_before(cable: Any) -> None:
    """What the previous trial left in the line is thrown away before the next one."""
    master, path = cable
    line = line_at(path)
    os.write(master, b"+STATE open\n")
    time.sleep(0.1)
    line.drain()

    def answer() -> None:
        os.read(master, 10)
        os.write(master, b"+STATE closed\n")

    threading.Thread(target=answer, daemon=True).start()
    assert line.ask("?", lambda said: said.startswith("+STATE")) == "+STATE closed"


def test_B09_errors_in_the_queue_at_start(rig: Any, far: Any) -> None:
    """Errors from before are read, kept as a finding and cleared once; a queue that fills again refuses the bench."""
    far.supply.front.model.fail(-113, "from before")
    bench = rig()
    assert any("from before" in each for each in bench.bench.supply.check())
    bench.power()
    bench.leave()
    model = far.supply.front.model
    known = model.execute

    def execute(message: str) -> Any:
        if message == "SYST:ERR?":
            model.fail(-100)
        return known(message)

    model.execute = execute
    with pytest.raises(InstrumentError) as caught:
        ScpiSupply.open(SupplySettings(address=far.manifest["supply"]["address"]), bench_context(bench))
    assert caught.value.code == "BEN-INS-108"


def bench_context(bench: Any) -> DriverContext:
    return DriverContext("supply", RealClock(), bench.bench.folder)


def test_B10_an_error_after_a_command(rig: Any, far: Any) -> None:
    """A refused setting: the whole queue is read, at most 64 entries, INCONCLUSIVE(bench), power off."""
    bench = rig()
    bench.power()
    asked = len(far.supply.front.model.received)
    assert bench.judged(lambda: bench.bench.supply.set_output(400.0, 1.0)) == (*BENCH, "BEN-INS-102")
    assert not far.powered()
    model = far.supply.front.model
    known = model.execute
    model.execute = lambda message: '-100,"again"' if message == "SYST:ERR?" else known(message)
    assert bench.judged(lambda: bench.bench.supply.set_output(5.0, 1.0)) == (*BENCH, "BEN-INS-102")
    model.execute = known
    assert list(model.received)[asked:].count("SYST:ERR?") <= QUEUE


def test_B11_a_query_that_times_out(rig: Any, far: Any) -> None:
    """A late answer: device clear, resynchronised by *IDN?, asked again; it is never taken for the next query's."""
    bench = rig(supply="timeout: 400 ms")
    bench.power()
    clears = far.supply.hislip.clears
    far.supply.hislip.latency = 5.0
    timer = threading.Timer(0.6, setattr, (far.supply.hislip, "latency", 0.0))
    timer.start()
    with suppress(BenchError):
        bench.bench.supply.volts()
    timer.join()
    assert bench.bench.supply.volts() == pytest.approx(5.0)
    assert bench.bench.supply.amperes() == pytest.approx(5.0 / 27.0, rel=0.01)
    assert far.supply.hislip.clears > clears


def test_B12_an_answer_to_the_previous_question(rig: Any, far: Any) -> None:
    """A socket instrument that answers late: the link is opened anew, and no reading is another question's answer."""
    bench = rig(roles=METER.format(far.manifest["meter"]["address"]))
    bench.power()
    meter, door = bench.bench.role("meter"), far.world.far_end("meter").raw_socket
    door.latency = 0.8
    assert bench.judged(meter.volts)[:2] == BENCH
    door.latency = 0.0
    bench.power()
    assert meter.amperes() == pytest.approx(5.0 / 27.0, rel=0.02)
    assert meter.volts() == pytest.approx(5.0, rel=0.02)


def test_B13_another_instrument_answers(rig: Any, far: Any) -> None:
    """Another *IDN? during the run ends as INCONCLUSIVE(bench); at the start it refuses the bench."""
    bench = rig()
    bench.power()
    far.supply.front.model._identity = "Somebody,ELSE,1,1.0"
    assert bench.judged(misbehaved) == (*BENCH, "BEN-INS-103")
    assert not far.powered()
    bench.leave()
    with pytest.raises(InstrumentError) as caught:
        rig_again(bench, far, "Simulated*")
    assert caught.value.code == "BEN-INS-103"


def rig_again(bench: Any, far: Any, expect: str) -> None:
    settings = SupplySettings(address=far.manifest["supply"]["address"], expect_idn=expect)
    ScpiSupply.open(settings, bench_context(bench))


def test_B14_settings_changed_at_the_front_panel(rig: Any, far: Any) -> None:
    """Somebody turns the voltage knob: the settings differ from what was set, the trial is INCONCLUSIVE(bench)."""
    bench = rig()
    bench.power()
    bench.bench.check_health()
    far.supply.front.model.execute("VOLT 7.5")
    assert bench.judged(misbehaved) == (*BENCH, "BEN-INS-113")
    assert not far.powered()


@pytest.mark.parametrize(
    ("case", "answer", "code"),
    [
        ("B15", "9.9E37", "BEN-INS-105"),
        ("B15", "NaN", "BEN-INS-105"),
        ("B15", "INF", "BEN-INS-105"),
        ("B15", "4999", "BEN-INS-106"),
        ("B16", "5,03", "BEN-INS-104"),
        ("B16", "5030 mV", "BEN-INS-104"),
    ],
)
def test_B15_B16_readings_that_are_none(rig: Any, far: Any, case: str, answer: str, code: str) -> None:
    """NaN, infinity, overload, out of range, another unit, a decimal comma: INCONCLUSIVE(bench), nothing converted."""
    bench = rig(roles=METER.format(far.manifest["meter"]["address"]))
    bench.power()
    replies(far, "meter", "MEAS:VOLT:DC?", answer)

    def compare() -> None:
        assert bench.bench.role("meter").volts() < 6.0, case

    assert bench.judged(compare) == (*BENCH, code)
    assert not far.powered()


def half_open() -> socket.socket:
    """A port that takes connections and never says a word."""
    return socket.create_server(("127.0.0.1", 0))


def resetting() -> socket.socket:
    """A port that resets each connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener


@pytest.mark.parametrize("make", [half_open, resetting])
def test_B17_a_network_instrument_that_hangs_or_resets(rig: Any, make: Callable[[], socket.socket]) -> None:
    """No name, a reset, a half-open socket: bounded tries, then INCONCLUSIVE(bench)."""
    bench, listener = rig(), make()
    bench.power()
    address = f"TCPIP::127.0.0.1::{listener.getsockname()[1]}::SOCKET"

    def open_it() -> None:
        ScpiSupply.open(SupplySettings(address=address, timeout="300 ms"), bench_context(bench))  # type: ignore[arg-type]

    began = time.monotonic()
    verdict, cause, code = bench.judged(open_it)
    assert (verdict, cause) == BENCH
    assert code[:8] in ("BEN-LNK-", "BEN-INS-")
    assert time.monotonic() - began < 30.0, "bounded"
    assert not bench.far.powered()
    listener.close()


def test_B17_a_name_that_no_server_knows(rig: Any) -> None:
    """A host that does not resolve: INCONCLUSIVE(bench)."""
    bench = rig()
    settings = SupplySettings(address="TCPIP::no-such-instrument.invalid::5025::SOCKET")
    assert bench.judged(lambda: ScpiSupply.open(settings, bench_context(bench)))[:2] == BENCH


@pytest.mark.parametrize(
    ("fault", "code"), [("black", "BEN-WCH-003"), ("frozen", "BEN-WCH-004"), ("gone", "BEN-WCH-002")]
)
def test_B18_a_camera_that_is_covered_frozen_or_gone(rig: Any, tmp_path: Path, fault: str, code: str) -> None:
    """Black frames, a frozen frame, a camera that vanishes: INCONCLUSIVE(bench), power off."""
    bench = rig()
    bench.power()
    world = World(Options("nothing", folder=tmp_path))
    add_scene(world)
    camera: Any = world.far_end("watch")
    settings = OpencvWatch.Settings.model_validate({**camera.start(), "frozen_after": "400 ms", "timeout": "1 s"})
    watch = OpencvWatch.open(settings, DriverContext("watch", RealClock(), tmp_path))
    try:
        if fault == "gone":
            camera.kill()
        camera.fault = fault
        time.sleep(0.8)
        assert bench.judged(watch.frame) == (*BENCH, code)
        assert not bench.far.powered()
    finally:
        watch.close()
        world.stop()


def test_B22_light_outside_the_limits(rig: Any, far: Any) -> None:
    """Light outside the bench file's limits: a trial in it is INCONCLUSIVE(environment), power off."""
    lux = LUX.format(far.manifest["lux"]["address"])
    bench = rig(roles=lux, rest="limits: {illuminance: {lower: 100 lx, upper: 1000 lx}}\n")
    bench.power()
    starting.require_surroundings(bench.bench)
    far.world.lux.set(20.0)
    verdict = bench.judged(lambda: starting.require_surroundings(bench.bench))
    assert verdict == ("INCONCLUSIVE", "environment", "ENV-LIM-001")
    assert not far.powered()
    far.world.lux.set(300.0)
    starting.require_surroundings(bench.bench)


def test_B23_a_position_that_is_not_confirmed(rig: Any, far: Any) -> None:
    """The turntable never confirms its position: it is stopped, INCONCLUSIVE(bench), power off."""
    bench = rig(roles=MOVER.format(far.manifest["mover"]["address"]))
    bench.power()
    assert bench.judged(lambda: bench.bench.role("mover").goto(6)) == (*BENCH, "BEN-INS-132")
    assert far.world.far_end("mover").seen()["state"] == "STOPPED"
    assert not far.powered()


def test_B13_the_link_to_an_instrument_that_died(rig: Any, far: Any) -> None:
    """An instrument dies while the device seems to misbehave: INCONCLUSIVE(bench), not FAIL."""
    bench = rig(roles=METER.format(far.manifest["meter"]["address"]))
    bench.power()
    far.world.far_end("meter").kill()
    assert bench.judged(misbehaved)[:2] == BENCH
    assert not far.powered()
    assert issubclass(LinkError, BenchError)


AGAIN = """
from dataclasses import dataclass
from pytest_conformance.procedures.procedure import procedure

tries = []

@dataclass(frozen=True)
class Looked:
    number: int

@procedure
def looking(bench) -> Looked:
    "Look, and miss the first time."
    bench.supply.set_output(5.0, 1.0)
    bench.supply.on()
    tries.append(bench.supply.is_on())
    if len(tries) == 1:
        raise InstrumentError("BEN-WCH-002", "the watch camera sends no more pictures", where="watch")
    return Looked(len(tries))

@clause("CN-FRT-8.a")
def test_it(looking):
    assert looking.number == 2
"""


@pytest.mark.parametrize(("retries", "verdict"), [(0, ("INCONCLUSIVE", "bench")), (1, ("PASS", None))])
def test_B18_a_camera_that_comes_back(
    conduct: Any, bench_file: Any, far: Any, tmp_path: Path, retries: int, verdict: tuple[str, str | None]
) -> None:
    """A fault that passes: switched off and done again as often as the profile allows; both attempts are shown."""
    standard = (shipped("fixtures") / "profiles" / "standard.yaml").read_text("utf-8")
    assert "\nretries: 1" in standard
    (tmp_path / "own-profile.yaml").write_text(standard.replace("\nretries: 1", f"\nretries: {retries}"))
    ran = conduct(AGAIN, bench_file(), f"--profile={tmp_path / 'own-profile.yaml'}")
    assert ran.verdict("CN-FRT-8.a") == verdict, ran.out
    rows = [(each.data["attempt"], each.data["state"]) for each in ran.events("procedure")]
    first = [(1, "started"), (1, "failed")]
    assert rows == (first if not retries else [*first, (2, "started"), (2, "done")])
    assert ("done again" in ran.out) == bool(retries), ran.out
    assert not far.powered()

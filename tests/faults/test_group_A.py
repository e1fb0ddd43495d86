"""Group A, power and safety: whatever happens to the run, the device is without power soon after, and it is known."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from pytest_conformance.bench import Bench, assembly, quarantine
from pytest_conformance.bench.file import load_bench
from pytest_conformance.errors import BenchError, DeviceError, InstrumentError
from pytest_conformance.record import verify_run
from pytest_conformance.reports.reading import read_record

WITHIN = 1.0 if os.environ.get("FAULTS") else 10.0
"""Seconds from a decision to an output that is off (rule 6); a busy test machine is given more."""
HANG = """
@clause("CN-FRT-8.a")
def test_first(powered):
    assert powered.is_on()

@clause("CN-FRT-8.b")
def test_hangs(powered, clock):
    (HERE / "hangs").touch()
    with clock.realtime():
        clock.sleep(600)
"""
STUCK = """
@clause("CN-FRT-8.a")
def test_stuck_in_code_that_never_waits_through_the_clock(powered):
    until = time.monotonic() + 600
    while time.monotonic() < until and not (HERE / "wake").exists():
        time.sleep(0.05)

@clause("CN-FRT-8.b")
def test_next(powered):
    assert powered.is_on(), "the bench was used after its supervisor had switched it off"
"""
LOCKED_UP = """
        import ctypes
        c, mutex = ctypes.PyDLL(None), ctypes.create_string_buffer(64)
        c.pthread_mutex_lock(mutex)
        c.pthread_mutex_lock(mutex)
"""
MOVER = "\n  mover: {{driver: serial-mover, address: '{}'}}"
GNSS = "\n  gnss: {{driver: scpi-gnss, address: '{}'}}"
LONG = pytest.mark.skipif(not os.environ.get("FAULTS"), reason="long: `make faults` runs it")
Begin = Callable[..., Any]


def hanging(begin: Begin, file: Any, until: Any) -> Any:
    """Begin a run whose first test has passed and whose second one waits, powered, for ten minutes."""
    ran = begin(HANG, file)
    ran.until_powered()
    until(lambda: (ran.here / "hangs").exists(), what="the second test")
    until(lambda: ran.events("verdict"), what="the first verdict")
    return ran


def stopped(ran: Any, far: Any, moment: int) -> None:
    """Check what A02 asks of a run that was stopped at `moment`."""
    assert ran.end() == 2, ran.out
    assert far.off_after(moment) < WITHIN
    assert ran.verdict("CN-FRT-8.a") == ("PASS", None), "results so far are kept"
    assert ran.verdict("CN-FRT-8.b") == ("NOT_TESTED", "aborted")
    last = ran.safe_states()[-1]
    assert last["reached"] is True
    assert last["outputs"]["supply off"] == "done", "read back"
    (end,) = ran.events("stop")
    assert end.data["exit_code"] == 2
    assert verify_run(ran.folder) == []


@LONG
def test_A02_I08_interrupt_once(begin: Begin, bench_file: Any, far: Any, until: Any) -> None:
    """Ctrl-C, the operator's stop: off within 1 s and read back, results kept, the open clause aborted, exit code 2."""
    ran = hanging(begin, bench_file(), until)
    stopped(ran, far, ran.kill(signal.SIGINT))


@LONG
def test_A03_interrupt_twice(begin: Begin, bench_file: Any, far: Any, until: Any) -> None:
    """A second Ctrl-C does not keep the first from switching off."""
    ran = hanging(begin, bench_file(), until)
    moment = ran.kill(signal.SIGINT)
    ran.kill(signal.SIGINT)
    assert ran.end() == 2, ran.out
    assert far.off_after(moment) < WITHIN
    assert ran.safe_states()[-1]["reached"] is True
    assert ran.verdict("CN-FRT-8.a") == ("PASS", None)


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=LONG)])
def test_A04_sigterm_and_a_closed_terminal(
    begin: Begin, bench_file: Any, far: Any, until: Any, number: signal.Signals
) -> None:
    """SIGTERM and SIGHUP end a run as Ctrl-C does: the far end is off within 1 s, results are kept."""
    ran = hanging(begin, bench_file(), until)
    stopped(ran, far, ran.kill(number))


@LONG
def test_A04_sigterm_while_stuck_is_left_to_the_supervisor(begin: Begin, bench_file: Any, far: Any, until: Any) -> None:
    """A run that sits in foreign code never comes to its signal handler; its supervisor heard of the signal."""
    ran = begin(HANG.replace("clock.sleep(600)", LOCKED_UP), bench_file())
    until(lambda: (ran.here / "hangs").exists() or ran.process.poll() is not None, what="the second test")
    moment = ran.kill(signal.SIGTERM)
    until(lambda: not far.powered(), what="off")
    assert far.off_after(moment) < WITHIN
    assert ran.process.poll() is None, "the run itself has not noticed"
    until(lambda: ran.safe_states(), what="the supervisor's word")
    said = ran.safe_states()[-1]
    assert (said["by"], said["reached"]) == ("supervisor", True)
    assert "SIGTERM" in said["trigger"]


def test_A05_sigkill_of_the_runner(begin: Begin, bench_file: Any, far: Any, until: Any) -> None:
    """The supervisor switches off within 1 s, reads back and journals it; the next start finds the run and says so."""
    ran = hanging(begin, bench_file(outlet="deadman: 60 s"), until)
    assert far.powered()
    moment = ran.kill(signal.SIGKILL)
    assert ran.end() == -signal.SIGKILL
    until(lambda: ran.safe_states(), what="the supervisor's word")
    assert far.off_after(moment) < WITHIN
    (said,) = ran.safe_states()
    assert (said["by"], said["reached"], said["outputs"]) == ("supervisor", True, {"supply off": "done"})
    assert "died" in said["trigger"]
    until(lambda: not far.outlet.armed, what="release of the dead-man")
    assert far.outlet.closed, "the outlet is not cut when the supply went off"
    assert [each.data["verdict"] for each in ran.events("verdict")] == ["PASS"]
    assert verify_run(ran.folder) == []
    assert not ran.events("stop"), "a run that was killed has no end"
    again = begin(
        "\n@clause('CN-FRT-8.a')\ndef test_again(supply):\n    assert not supply.is_on()\n",
        bench_file(),
        here=ran.here / "next",
    )
    assert again.end() == 0, again.out
    (found,) = again.safe_states()[:-1]
    assert found["by"] == "next owner", "the next start finds the unfinished run and reports it"
    assert str(ran.folder) in found["trigger"]
    assert found["outputs"] == {"supply off": "done"}
    assert any("left this bench unfinished" in each for each in read_record(again.folder).notes)


def children(pid: int) -> list[int]:
    """Return the processes that `pid` started."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(each) for each in file.read().split()]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["A06_killed", "A07_frozen"])
def test_A06_A07_without_run_and_supervisor(holder: Any, far: Any, until: Any, number: signal.Signals) -> None:
    """Run and supervisor both killed, or frozen as by a host that hangs: the dead-man falls, a person closes it."""
    held = holder(outlet="deadman: 2 s")
    both = [*children(held.process.pid), held.process.pid]
    assert len(both) == 2
    assert far.powered()
    for each in both:
        os.kill(each, number)
    until(lambda: not far.powered(), what="the fall of the dead-man")
    assert far.outlet.changes[-1]["why"] == "dead-man"
    assert far.output[-1]["why"] == "mains, dead-man"
    for each in both:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    assert [each.data["text"] for each in held.events("note")] == ["powered"], "the journal opens cleanly"
    assert verify_run(held.folder) == []
    bench = Bench.open(load_bench(held.here / "own.yaml"), held.here / "again", dut="mock-lock")
    with pytest.raises(InstrumentError) as caught:
        bench.role("outlet")
    bench.close()
    assert caught.value.code == "BEN-INS-150", "an outlet that fell is closed by a person, never by the bench"


def test_A08_a_stuck_run_loop(begin: Begin, bench_file: Any, far: Any, until: Any) -> None:
    """No beat from the loop: the supervisor switches off; a run that wakes switches nothing on, INCONCLUSIVE(bench)."""
    ran = begin(STUCK, bench_file(safe_state="silence: 5 s"))
    ran.until_powered()
    until(lambda: ran.safe_states(), what="the supervisor's word")
    assert not far.powered()
    assert ran.process.poll() is None, "the run is alive, only stuck"
    said = ran.safe_states()[0]
    assert (said["by"], said["reached"]) == ("supervisor", True)
    assert "no sign of life from the run loop" in said["trigger"]
    (ran.here / "wake").touch()
    assert ran.end() == 10, ran.out
    assert not far.powered(), "a run that wakes switches nothing on"
    for clause in ("CN-FRT-8.a", "CN-FRT-8.b"):
        assert ran.verdict(clause) == ("INCONCLUSIVE", "bench")
        assert "BEN-SAF-002" in ran.clauses[clause]["reason"]
    assert len(far.output) == 2


def test_A01_an_exception_while_powered(rig: Any, far: Any) -> None:
    """An exception while powered: off before the next test, INCONCLUSIVE(bench); a failed assertion stays FAIL."""
    bench = rig()
    bench.power()

    def breaks() -> None:
        raise RuntimeError("a defect in the test")

    assert bench.judged(breaks) == ("INCONCLUSIVE", "bench", "BEN-INT-001")
    assert not far.powered()
    (said,) = bench.safe_states()
    assert (said["reached"], said["outputs"]) == (True, {"supply off": "done"})
    assert said["after"] == "mine/test_mine.py::test_it"
    bench.power()

    def fails() -> None:
        raise AssertionError("the face left")

    assert bench.judged(fails)[0] == "FAIL"
    assert bench.verdicts() == [("INCONCLUSIVE", "bench", "BEN-INT-001"), ("FAIL", "dut", "")]
    assert bench.leave()["reached"] is True
    assert not far.powered()


def test_A09_a_supply_that_ignores_off(rig: Any, far: Any) -> None:
    """The output stays on: both paths tried, the upstream outlet cut, alarm rung, quarantine, said in the report."""
    bench = rig(outlet="")
    bench.power()
    far.supply.stage.stuck = True
    said = bench.leave()
    assert not far.powered()
    assert far.output[-1]["why"] == "mains, command"
    assert "BEN-INS-110" in said["outputs"]["supply off"]
    assert "second path" in said["outputs"]["supply off"]
    assert said["outputs"]["outlet cut"] == "done"
    assert said["quarantine"] is True
    assert "BEN-SAF-010" in bench.rang.read_text()
    assert "BEN-INS-110" in bench.quarantine()
    bench.run.plan([], documents={})
    bench.run.stop(10)
    notes = read_record(bench.run.folder).notes
    assert any("upstream switch" in each for each in notes), notes
    assert any("quarantine" in each for each in notes), notes


def test_A09_the_supervisor_cuts_the_upstream_outlet_too(holder: Any, far: Any, until: Any) -> None:
    """SIGKILL of the runner while the supply ignores off: its supervisor cuts the outlet, rings and quarantines."""
    held = holder(outlet="deadman: 60 s")
    far.supply.stage.stuck = True
    moment = held.kill()
    until(lambda: held.safe_states(), what="the supervisor's word")
    assert far.off_after(moment) < WITHIN + 1.0, "two paths of the supply come first"
    (said,) = held.safe_states()
    assert said["by"] == "supervisor"
    assert said["reached"] is True
    assert said["outputs"]["outlet cut"] == "done"
    assert "BEN-INS-110" in said["outputs"]["supply off"]
    until(held.quarantined, what="the quarantine")


def test_A10_a_short_circuit_trips_the_supply(rig: Any, far: Any) -> None:
    """A short circuit: the supply's protection trips, INCONCLUSIVE(bench), never the device's; safe state reached."""
    bench = rig(supply="over_current: true")
    bench.power()
    far.world.load.set(0.5)

    def silent() -> None:
        raise DeviceError("DUT-BOOT-001", "the device does not answer")

    assert bench.judged(silent) == ("INCONCLUSIVE", "bench", "BEN-INS-001")
    assert far.output[-1]["why"] == "OC"
    assert bench.leave()["reached"] is True


def test_A11_an_emergency_stop(rig: Any, far: Any) -> None:
    """Power cut before the bench by hand: INCONCLUSIVE(bench), and no start until a person has closed the outlet."""
    bench = rig(outlet="")
    bench.power()
    far.outlet.switch(False, "emergency stop")

    def silent() -> None:
        raise AssertionError("the device did nothing")

    assert bench.judged(silent) == ("INCONCLUSIVE", "bench", "BEN-INS-001")
    bench.leave()
    again = Bench.open(bench.bench.file, bench.run.folder / "again", dut="mock-lock")
    with pytest.raises(InstrumentError) as caught:
        again.role("outlet")
    assert caught.value.code == "BEN-INS-150"
    assert not far.outlet.closed, "the bench never closes it by itself"
    far.outlet.switch(True, "by hand")
    again.role("outlet")
    again.close()


def test_A12_a_teardown_step_that_hangs(rig: Any, far: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An off that hangs is cut at its deadline; the next steps run, the outlet is cut, the bench is in quarantine."""
    monkeypatch.setattr(assembly, "OFF_WITHIN", 0.5)
    bench = rig(outlet="", roles=MOVER.format(far.manifest["mover"]["address"]), safe_state="park: [mover], ")
    bench.bench.role("mover").goto(2)
    bench.power()
    far.supply.hislip.latency = far.supply.raw_socket.latency = 3.0
    said = bench.leave()
    assert said["outputs"]["supply off"].startswith("no end within 0.5 s")
    assert said["outputs"]["outlet cut"] == "done"
    assert said["outputs"]["mover parked"] == "done"
    assert far.world.holder.value == 0
    assert not far.powered()
    assert "no end within" in bench.quarantine()
    far.supply.hislip.latency = far.supply.raw_socket.latency = 0.0


def test_A13_an_off_that_raises(rig: Any, far: Any) -> None:
    """The supply cannot be reached to switch off: said, and the other output is switched off all the same."""
    bench = rig(roles=GNSS.format(far.manifest["gnss"]["address"]))
    bench.power()
    bench.bench.role("gnss").place(31.0, 121.0)
    gnss = far.world.far_end("gnss")
    far.supply.kill()
    said = bench.leave()
    assert said["reached"] is False
    assert "BEN-INS-110" in said["outputs"]["supply off"]
    assert said["outputs"]["gnss off"] == "done"
    assert "OUTP OFF" in gnss.seen()["commands"]
    assert bench.quarantine()


def test_A14_a_welded_relay(rig: Any, far: Any) -> None:
    """An output that reads on after off: INCONCLUSIVE(bench), quarantine, and accredited runs refuse until released."""
    bench = rig()
    bench.power()
    far.supply.stage.stuck = True
    assert bench.judged(bench.bench.supply.off) == ("INCONCLUSIVE", "bench", "BEN-INS-110")
    assert bench.leave()["reached"] is False
    assert far.powered(), "no path is left: the alarm says so"
    assert "BEN-SAF-010" in bench.rang.read_text()
    state = bench.run.folder.parent / "state"
    with pytest.raises(BenchError) as caught:
        quarantine.require_none(state, "own")
    assert caught.value.code == "BEN-QUA-001"
    quarantine.release(state, "own", "lead-1", "relay replaced")
    quarantine.require_none(state, "own")
    kept = [json.loads(line) for line in (state / quarantine.HISTORY).read_text().splitlines()]
    assert [each["event"] for each in kept[-2:]] == ["imposed", "released"]
    assert kept[-1]["person"] == "lead-1"


def test_A15_a_table_that_stalls(rig: Any, far: Any) -> None:
    """A stalled turntable: the move is given up, INCONCLUSIVE(bench), and it is parked in the end."""
    bench = rig(roles=MOVER.format(far.manifest["mover"]["address"]), safe_state="park: [mover], ")
    bench.power()
    far.world.far_end("mover").stalls = True
    assert bench.judged(lambda: bench.bench.role("mover").goto(3)) == ("INCONCLUSIVE", "bench", "BEN-INS-130")
    assert not far.powered()
    far.world.far_end("mover").stalls = False
    assert bench.leave()["outputs"]["mover parked"] == "done"


def test_A17_a_supply_that_does_not_reach_its_voltage(rig: Any, far: Any) -> None:
    """The rail sags at the current limit: switching on is refused, INCONCLUSIVE(bench), and the output goes off."""
    bench = rig(supply="settling: 0.3 s")
    far.world.load.set(1.0)

    def on() -> None:
        bench.bench.supply.set_output(5.0, 0.5)
        bench.bench.supply.on()

    assert bench.judged(on) == ("INCONCLUSIVE", "bench", "BEN-INS-112")
    assert not far.powered()

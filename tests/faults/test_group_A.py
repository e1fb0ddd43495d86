"""Group A, power and safety: whatever happens to the run, the device is without power soon after, and it is known."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from pytest_conformance.record import verify_run

WITHIN = 1.0
"""Seconds from a decision to an output that is off (rule 6)."""
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


def test_A02_interrupt_once(begin: Begin, bench_file: Any, far: Any, until: Any) -> None:
    ran = hanging(begin, bench_file(), until)
    stopped(ran, far, ran.kill(signal.SIGINT))


def test_A03_interrupt_twice(begin: Begin, bench_file: Any, far: Any, until: Any) -> None:
    ran = hanging(begin, bench_file(), until)
    moment = ran.kill(signal.SIGINT)
    ran.kill(signal.SIGINT)
    assert ran.end() == 2, ran.out
    assert far.off_after(moment) < WITHIN
    assert ran.safe_states()[-1]["reached"] is True
    assert ran.verdict("CN-FRT-8.a") == ("PASS", None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_A04_sigterm_and_a_closed_terminal(
    begin: Begin, bench_file: Any, far: Any, until: Any, number: signal.Signals
) -> None:
    ran = hanging(begin, bench_file(), until)
    stopped(ran, far, ran.kill(number))


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


def children(pid: int) -> list[int]:
    """Return the processes that `pid` started."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(each) for each in file.read().split()]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["A06_killed", "A07_frozen"])
def test_A06_A07_without_runner_and_supervisor_the_dead_man_falls(
    begin: Begin, bench_file: Any, far: Any, until: Any, number: signal.Signals
) -> None:
    ran = hanging(begin, bench_file(outlet="deadman: 2 s"), until)
    both = [*children(ran.process.pid), ran.process.pid]
    assert len(both) == 2
    for each in both:
        os.kill(each, number)
    until(lambda: not far.powered(), what="the fall of the dead-man")
    assert far.outlet.changes[-1]["why"] == "dead-man"
    assert far.output[-1]["why"] == "mains, dead-man"
    if number == signal.SIGSTOP:
        for each in both:
            os.kill(each, signal.SIGKILL)
    assert [each.data["verdict"] for each in ran.events("verdict")] == ["PASS"], "the journal opens cleanly"
    refused = begin(
        "\ndef test_nothing(supply):\n    pass\n", bench_file(outlet="deadman: 2 s"), here=ran.here / "next"
    )
    assert refused.end() == 11, "an outlet that fell is closed by a person, never by the bench"
    assert "BEN-INS-150" in refused.out


def test_A08_a_stuck_run_loop(begin: Begin, bench_file: Any, far: Any, until: Any) -> None:
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

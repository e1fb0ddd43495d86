"""Group D, time: durations come from the monotonic clock, and a machine that slept voids what it measured."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_conformance.bench.clock_watch import ClockWatch
from pytest_conformance.bench.machine import clock
from pytest_conformance.errors import BenchError
from pytest_conformance.record import read_journal
from pytest_conformance.running import accreditation, starting

SECOND = 1_000_000_000


class Host:
    """The three clocks of a host, to be moved by hand."""

    def __init__(self) -> None:
        self.wall, self.monotonic, self.boot = 1_780_000_000 * SECOND, 50 * SECOND, 50 * SECOND

    def watch(self) -> ClockWatch:
        return ClockWatch(lambda: self.wall, lambda: self.monotonic, lambda: self.boot)

    def run(self, seconds: float) -> None:
        for name in ("wall", "monotonic", "boot"):
            setattr(self, name, getattr(self, name) + int(seconds * SECOND))


@pytest.mark.parametrize("hours", [1, -1])
def test_D01_a_step_of_the_wall_clock(rig: Any, hours: int) -> None:
    """The wall clock jumps an hour: the jump is recorded once, durations in the record do not change."""
    bench, host = rig(), Host()
    bench.bench.watch_of_clocks = host.watch()
    began = bench.bench.clock.now()
    host.run(1.0)
    host.wall += hours * 3600 * SECOND
    starting.note_jumps(bench.bench, bench.run)
    starting.note_jumps(bench.bench, bench.run)
    notes = [each.data["text"] for each in read_journal(bench.run.folder / "journal.jsonl") if each.type == "note"]
    assert notes == [f"the wall clock jumped by {hours * 3600:+.1f} s; durations are monotonic"]
    assert 0 <= bench.bench.clock.now() - began < 3600 * SECOND
    bench.bench.check_health()


def test_D01_slow_drift_is_no_jump() -> None:
    """A clock that is slewed by milliseconds is not reported."""
    host = Host()
    watch = host.watch()
    for _ in range(10):
        host.run(1.0)
        host.wall += SECOND // 100
        assert watch.jump() == 0.0


@pytest.mark.parametrize("seconds", [0.0, 1_700_000_000.0, 5_000_000_000.0])
def test_D02_a_clock_that_cannot_be_right(seconds: float) -> None:
    """Year 1970, a date before the tool's, a date far ahead: an accredited run is refused, BEN-CLK-001."""
    shown = clock(seconds)
    with pytest.raises(BenchError) as caught:
        accreditation.refuse(accreditation.of_clock(shown.open, shown.detail))
    assert caught.value.code == "BEN-CLK-001"
    good = clock(1_780_000_000.0)
    accreditation.refuse(accreditation.of_clock(good.open, good.detail))


def test_D03_events_are_stored_in_utc(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another time zone with daylight saving: the journal's times are UTC, and in order."""
    import time

    bench = rig()
    stamps = []
    for zone in ("Europe/Berlin", "Pacific/Auckland", "UTC"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        stamps.append(bench.run.event("note", {"text": zone}).utc)
    monkeypatch.undo()
    time.tzset()
    assert stamps == sorted(stamps)
    assert all(each.endswith("Z") for each in stamps)
    assert {each[:13] for each in stamps} <= {
        time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() - back)) for back in (0, 60)
    }


def test_D04_the_computer_sleeps_during_a_trial(rig: Any, far: Any) -> None:
    """Boot time gains on monotonic time: the running trial is INCONCLUSIVE(bench), power off; the next one counts."""
    bench, host = rig(), Host()
    bench.power()
    bench.bench.watch_of_clocks = host.watch()
    host.run(2.0)
    for name in ("wall", "boot"):
        setattr(host, name, getattr(host, name) + 90 * SECOND)

    def fails() -> None:
        raise AssertionError("it took too long")

    assert bench.judged(fails) == ("INCONCLUSIVE", "bench", "BEN-CLK-002")
    assert not far.powered()
    assert bench.bench.watch_of_clocks.jump() == 0.0, "sleep is no jump of the wall clock"
    bench.power()
    assert bench.judged(fails)[0] == "FAIL"

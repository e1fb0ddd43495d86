"""Faults in mid-run: instruments and channels that die, devices that never boot or lie, signals. Never a FAIL."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytest_conformance.record import read_journal

Conduct = Callable[..., Any]

DIE = """
@pytest.fixture(scope="session")
def powered(device):
    device.power_on()
    return device

@pytest.fixture
def kill(bench):
    return lambda name: bench.world.control(do="kill", name=name)

@clause("CN-FRT-8.a")
def test_the_device_answers(powered):
    assert powered.identity().model
"""
LINKS = """
@clause("CN-FRT-8.b")
def test_companion_dies(powered, kill):
    assert powered.companion.screen(picture=False) is not None
    kill("companion")
    powered.companion.open("/privacy")
    assert powered.companion.screen(picture=False).path == "/never"

@clause("CN-FRT-7.a")
def test_console_dies(powered, kill):
    kill("console")
    assert powered.identity().model == "another"

@clause("CN-FRT-10.a")
def test_capture_dies(bench, powered, kill):
    bench.capture.start("all")
    kill("capture")
    bench.clock.sleep(1.0)
    assert bench.capture.stop().packets == -1
"""
SUPPLY = """
@clause("CN-FRT-8.b")
def test_supply_dies_and_the_device_seems_to_misbehave(bench, powered, kill):
    kill("supply")
    assert powered.identity().model == "another", "a verdict on a device whose supply nobody hears"

@clause("CN-FRT-7.a")
def test_supply_is_dead_while_the_bench_waits(bench, powered):
    bench.clock.sleep(600.0)
    assert False, "the wait went on without a living supply"
"""


def test_a_dead_channel_or_capture_is_the_bench_s_and_power_goes_off(conduct: Conduct) -> None:
    ran = conduct(DIE + LINKS)
    assert ran.code == 10, ran.out
    assert ran.clauses["CN-FRT-8.a"]["verdict"] == "PASS", ran.out
    for clause in ("CN-FRT-8.b", "CN-FRT-7.a", "CN-FRT-10.a"):
        row = ran.clauses[clause]
        assert (row["verdict"], row["cause"]) == ("INCONCLUSIVE", "bench"), (clause, row["reason"])
    assert ran.switched_off() == "command"
    safe = ran.of_type("safe-state")[-1]
    assert safe.data["outputs"]["supply off"] == "done"


def test_a_dead_supply_is_the_bench_s_and_its_own_watchdog_cuts_the_power(
    conduct: Conduct, bench_file: Callable[..., str]
) -> None:
    ran = conduct(DIE + SUPPLY, bench=bench_file(("  upstream: outlet", "  # no upstream")))
    assert ran.code == 10, ran.out
    for clause in ("CN-FRT-8.b", "CN-FRT-7.a"):
        row = ran.clauses[clause]
        assert (row["verdict"], row["cause"]) == ("INCONCLUSIVE", "bench"), (clause, row["reason"])
    assert ran.switched_off() == "WDOG"
    safe = ran.of_type("safe-state")[-1]
    assert safe.data["reached"] is False, "an off that nobody read back is not proven"
    assert "watchdog" in safe.data["outputs"]["supply off"]


def test_long_waits_feed_the_watchdog(conduct: Conduct) -> None:
    ran = conduct(
        DIE
        + """
@clause("CN-FRT-8.b")
def test_the_device_stays_powered(bench, powered):
    bench.clock.sleep(200.0)
    assert bench.clock.wait_for(lambda: False, 100.0) is None
    assert powered.identity().model
    assert bench.supply.is_on()
"""
    )
    assert ran.code == 0, ran.out
    assert ran.switched_off() == "command"


def test_C01_a_device_that_never_boots_is_inconclusive_by_the_device(conduct: Conduct) -> None:
    ran = conduct(DIE, "--known-bad=never-boots")
    row = ran.clauses["CN-FRT-8.a"]
    assert (ran.code, row["verdict"], row["cause"]) == (10, "INCONCLUSIVE", "dut"), ran.out
    assert "DUT-BOOT-001" in row["reason"]
    assert ran.switched_off() == "command"


def test_hostile_device_text_is_escaped_wherever_it_comes_out(conduct: Conduct) -> None:
    ran = conduct(
        """
@clause("CN-FRT-8.a")
def test_hostile(device, run, judgement):
    device.power_on()
    said = device.identity()
    print(said.serial)
    run.event("descriptor", {"of": "device", "model": said.serial, "serial": said.serial})
    judgement.cite(run.evidence(said.serial.encode("utf-8", "surrogatepass"),
                   name=said.serial, media_type="text/plain", caption=said.serial))
    assert device.log(), "it logs"
    assert said.serial == "honest", said.serial
""",
        "--known-bad=hostile-identity",
    )
    assert ran.code == 1, ran.out
    row = ran.clauses["CN-FRT-8.a"]
    assert row["verdict"] == "FAIL"
    assert "<script>" in row["reason"], "the words are kept"
    printed = re.sub(r"\x1b\[[0-9;]*m", "", ran.out)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\udc80-\udcff]", printed)
    journal = (ran.folder / "journal.jsonl").read_bytes()
    assert journal.isascii()
    assert not re.search(rb"[\x00-\x09\x0b-\x1f]", journal)
    report = (ran.folder / "report.html").read_text("utf-8")
    assert "<script>alert" not in report
    assert "<img src=x" not in report
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202e\ud800-\udfff]", report)
    for file in (ran.folder / "allure-results").glob("*.json"):
        assert not re.search(
            "[\x00-\x08\x0b-\x1f\u202e\ud800-\udfff]", json.dumps(json.loads(file.read_text()), ensure_ascii=False)
        )
    inside = {file.resolve() for file in ran.here.rglob("*")}
    assert all(ran.here.resolve() in file.parents for file in inside), "nothing was written by a path in a name"
    assert ran.switched_off() == "command"


def _wait_until(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_sigterm_in_mid_run_reaches_the_safe_state_and_keeps_the_results(
    started: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    process = started(
        DIE
        + """
@clause("CN-FRT-8.b")
def test_long(bench, powered):
    open("powered", "w").close()
    with bench.clock.realtime():
        bench.clock.sleep(120)
"""
    )
    _wait_until(lambda: (tmp_path / "powered").exists() or process.poll() is not None)
    assert process.poll() is None, (tmp_path / "out").read_text()
    os.killpg(process.pid, signal.SIGTERM)
    time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(60) == 2
    (folder,) = (tmp_path / "runs").iterdir()
    events = {event.type: event for event in read_journal(folder / "journal.jsonl")}
    assert events["safe-state"].data["reached"] is True
    assert events["stop"].data["exit_code"] == 2
    rows = {row["id"]: row for row in json.loads((folder / "results.json").read_text())["clauses"]}
    assert rows["CN-FRT-8.a"]["verdict"] == "PASS"
    assert rows["CN-FRT-8.b"]["verdict"] in {"NOT_TESTED", "INCONCLUSIVE"}
    supply = json.loads((folder / "bench" / "simulation" / "far-ends.json").read_text())["supply"]
    assert [each["on"] for each in supply["output"]] == [True, False]

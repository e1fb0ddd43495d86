"""A campaign on a bench without a turntable, from the command line in a terminal: a person presents, skips, and leaves.

The person of this test has the simulated turntable for hands: they put what is asked for before the simulated device.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import serial

from pytest_conformance.resources import shipped
from tests.system.conftest import HEAD, TIMEOUT, Ran, command, surroundings

PLAN = """\
schema: conformance-plan/1
name: by-hand
version: "1"
title: a short plan by hand
kind: attack
cells: species
rules: {attack: {kind: fixed, n: 2, c: 1}}
bona_fide_every: 2
stop_at_failure: false
limits: [{name: IAPAR, value: 15 %, text_status: unsure, source: this test}]
source: this test
text_status: unsure
"""
SUITE = """
from pathlib import Path
from pytest_conformance.procedures.campaign_judging import require_decided

@clause("CN-LOCK-GB-B")
def test_attacks(bench, campaign, recogniser):
    Path("hands.part").write_text(bench.world.entry("mover")["address"])
    Path("hands.part").rename("hands")
    require_decided(campaign.run("by-hand.yaml", recogniser))
"""
SHOWN = 6
"""Presentations that the person makes, enrolments included, before they begin to skip."""
_QUESTION = re.compile(rb"Hold ([^\r\n]*), place (\d+), before the device[^>]*> ")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    here = tmp_path_factory.mktemp("by-hand")
    bench = (shipped("benches") / "mock-campaign.yaml").read_text()
    table = "  mover:\n    driver: serial-mover\n    address: sim:mover\n    id: SIM-MOVER\n"
    assert table in bench
    bench = bench.replace(table, "  operator: {driver: terminal-operator, timeout: 60 s}\n")
    (here / "bench.yaml").write_text(bench.replace("  park: [mover]\n", "").replace("rejects: 2 %", "rejects: 0 %"))
    (here / "by-hand.yaml").write_text(PLAN)
    (here / "mine").mkdir()
    (here / "mine" / "test_mine.py").write_text(HEAD + SUITE)
    return conducted(here, lambda shown: shown < SHOWN)


def conducted(here: Path, presents: Callable[[int], bool]) -> Ran:
    """Start the run in a terminal of its own; the person presents while `presents(number so far)`, then skips."""
    master, slave = os.openpty()
    process = subprocess.Popen(
        command("mine", f"--bench={here / 'bench.yaml'}", "--profile=quick"),
        cwd=here,
        env=surroundings(),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        preexec_fn=lambda: os.login_tty(slave),
    )
    os.close(slave)
    screen, answered, shown, until = b"", 0, 0, time.monotonic() + TIMEOUT
    try:
        while process.poll() is None or select.select([master], [], [], 0)[0]:
            assert time.monotonic() < until, screen[-2000:].decode(errors="replace")
            if not select.select([master], [], [], 0.1)[0]:
                continue
            try:
                screen += os.read(master, 65536)
            except OSError:  # the other side is closed
                break
            questions = list(_QUESTION.finditer(screen))
            for question in questions[answered:]:
                answered += 1
                if presents(shown):
                    shown += 1
                    put(here, int(question[2]))
                os.write(master, b"\r" if shown == answered else b"s\r")
        return Ran(process.wait(TIMEOUT), screen.decode(errors="replace"), here)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def put(here: Path, place: int) -> None:
    """Put what lies at `place` before the simulated device."""
    # the far end is there although no role of the bench uses it
    with serial.Serial((here / "hands").read_text(), timeout=2.0) as table:
        table.write(f"GOTO {place}\n".encode())
        assert table.readline().strip() == b"OK"
        answer = b""
        while answer != f"POS {place} READY".encode():
            time.sleep(0.05)
            table.write(b"POS?\n")
            answer = table.readline().strip()


def test_what_the_person_presents_is_enrolled_and_counts(ran: Ran) -> None:
    trials = [event.data for event in ran.of_type("trial")]
    counted = [each for each in trials if not each["void"]]
    assert len(counted) == SHOWN - 3, ran.out
    assert {each["outcome"] for each in counted if each["bona_fide"]} == {"accepted"}


def test_what_the_person_skips_is_void_and_no_outcome(ran: Ran) -> None:
    void = [event.data for event in ran.of_type("trial") if event.data["void"]]
    assert [(each["outcome"], each["reason"]) for each in void] == [("none", "operator")] * 5


def test_each_question_and_each_answer_is_in_the_journal(ran: Ran) -> None:
    asked = [event.data for event in ran.of_type("operator")]
    assert [each["answer"] for each in asked] == ["done"] * SHOWN + ["skip"] * 5
    assert asked[0]["prompt"].startswith("Hold subject S1, place 1, before the device")
    assert all(each["prompt"] in ran.out for each in asked)


def test_skipping_five_in_a_row_ends_the_campaign_without_a_verdict_on_the_device(ran: Ran) -> None:
    row = ran.clauses["CN-LOCK-GB-B"]
    assert (ran.code, row["verdict"], row["cause"]) == (10, "INCONCLUSIVE", "operator")
    assert "5 trials in a row" in row["reason"]
    assert "the operator skipped" in row["reason"]

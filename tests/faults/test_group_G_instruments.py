"""Group G, single instruments: one that is in quarantine or was replaced keeps the bench from running."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.cli import main

METER = "\n  meter: {{driver: scpi-meter, address: '{}', id: LAB-0021}}"
ONE = """
@clause("CN-FRT-8.a")
def test_it(powered):
    assert powered.is_on()
"""


@pytest.fixture
def bench(bench_file: Any, far: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONFORMANCE_STATE", str(tmp_path / "state"))
    path: Path = bench_file(roles=METER.format(far.manifest["meter"]["address"]), rest="people: {lead-1: [release]}\n")
    return path


def refused(ran: Any, far: Any, code: str) -> str:
    assert ran.process.returncode == 11, ran.out
    (note,) = [each.data["text"] for each in ran.events("note") if "refused to start" in each.data["text"]]
    assert code in note
    assert not any(each["on"] for each in far.output), "a refused run powers nothing"
    return str(note)


def test_G15_an_instrument_in_quarantine(conduct: Any, bench: Path, far: Any, tmp_path: Path) -> None:
    """A meter that somebody put into quarantine: refused, with its number, nothing touched, until it is released."""
    said = ["--person", "lead-1", "--reason", "dropped on the floor"]
    assert main(["bench", "quarantine", str(bench), "--role", "meter", *said]) == 10
    ran = conduct(ONE, bench, here=tmp_path / "one")
    note = refused(ran, far, "BEN-QUA-002")
    assert "meter (LAB-0021)" in note
    assert "dropped on the floor" in note
    assert not far.world.far_end("meter").model.received, "nothing was asked"
    release = ["bench", "release", str(bench), "--role", "meter", "--reason", "verified against the reference"]
    assert main([*release, "--person", "somebody"]) == 11
    assert main([*release, "--person", "lead-1"]) == 0
    assert main(["bench", "status", str(bench)]) == 0

    ran = conduct(ONE, bench, here=tmp_path / "two")

    assert ran.verdict("CN-FRT-8.a") == ("PASS", None), ran.out
    assert not far.powered()


def test_G15_an_instrument_that_was_replaced(conduct: Any, bench: Path, far: Any, tmp_path: Path) -> None:
    """Another serial number than in the last run: refused, both named, until a person has verified the new one."""
    assert conduct(ONE, bench, here=tmp_path / "one").verdict("CN-FRT-8.a") == ("PASS", None)
    far.output.clear()
    far.supply.stage.output.clear()
    known = far.world.far_end("meter").model
    before = known._identity
    known._identity = before.replace(before.split(",")[2], "ANOTHER-1")

    note = refused(conduct(ONE, bench, here=tmp_path / "two"), far, "BEN-QUA-003")
    assert before.split(",")[2] in note
    assert "ANOTHER-1 now" in note
    refused(conduct(ONE, bench, here=tmp_path / "three"), far, "BEN-QUA-002")
    release = ["bench", "release", str(bench), "--role", "meter", "--reason", "verified", "--person", "lead-1"]
    assert main(release) == 0

    ran = conduct(ONE, bench, here=tmp_path / "four")

    assert ran.verdict("CN-FRT-8.a") == ("PASS", None), ran.out
    assert not far.powered()

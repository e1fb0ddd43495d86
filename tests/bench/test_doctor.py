"""Visits to roles: what answers, what fails, what hangs; none stops the next."""

from __future__ import annotations

import datetime
import threading
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.bench.doctor import visit, visit_all
from pytest_conformance.bench.file import BenchFile, load_bench
from pytest_conformance.drivers.roles import Identity
from pytest_conformance.errors import LinkError, UsageError

TODAY = datetime.date(2026, 3, 1)
BENCH = """
schema: conformance-bench/1
name: small
mode: lab
roles:
  supply:
    driver: scpi-supply
    address: TCPIP::192.0.2.10::INSTR
    calibration: {certificate: C1, body: B, due: DUE}
  mover: {driver: serial-mover, address: /dev/nothing}
channels:
  console: {driver: serial-console, address: /dev/none}
"""


class Answering:
    """An instrument that is well, but for what it was told to complain of."""

    door = "hislip"

    def __init__(self, *findings: str) -> None:
        self.findings = findings

    def identity(self) -> Identity:
        return Identity("Maker", "M1", "S1", "1.0")

    def check(self) -> list[str]:
        return list(self.findings)


class Link:
    """A channel: it can be opened, and says nothing of itself."""

    door = "pty"


class FakeBench:
    """A bench whose roles and channels are what the test says."""

    def __init__(self, file: BenchFile, **given: Any) -> None:
        self.file = file
        self.given = given

    def role(self, name: str) -> Any:
        found = self.given[name]
        if isinstance(found, BaseException):
            raise found
        return found

    channel = role


def bench_file(tmp_path: Path, due: str = "2027-02-28") -> BenchFile:
    path = tmp_path / "small.yaml"
    path.write_text(BENCH.replace("DUE", due))
    return load_bench(path)


def test_who_answers_is_named_with_door_findings_and_days_left(tmp_path: Path) -> None:
    entry = bench_file(tmp_path).roles["supply"]
    seen = visit(entry, "role", lambda: Answering("the cap is on"), TODAY, 5)
    assert (seen.name, seen.driver, seen.address) == ("supply", "scpi-supply", "TCPIP::192.0.2.10::INSTR")
    assert seen.reached
    assert seen.door == "hislip"
    assert seen.identity == Identity("Maker", "M1", "S1", "1.0")
    assert seen.findings == ("the cap is on",)
    assert seen.calibration_days == 364
    assert seen.place.endswith("small.yaml:6:3")


@pytest.mark.parametrize(
    ("due", "days", "finding"),
    [
        ("2026-02-27", -2, "its calibration ended 2 days ago"),
        ("2026-03-01", 0, "its calibration ends in 0 days"),
        ("2026-03-31", 30, "its calibration ends in 30 days"),
        ("2026-04-01", 31, ""),
    ],
)
def test_a_calibration_that_ends_is_a_finding(due: str, days: int, finding: str, tmp_path: Path) -> None:
    seen = visit(bench_file(tmp_path, due).roles["supply"], "role", Answering, TODAY, 5)
    assert seen.calibration_days == days
    assert [each[: len(finding)] for each in seen.findings] == ([finding] if finding else [])
    assert seen.reached


def test_one_that_fails_stops_none_of_the_others_and_says_how_to_mend_it(tmp_path: Path) -> None:
    gone = LinkError("BEN-LNK-101", "nobody there", where="supply at X", expected="an answer", todo="check its cable")
    bench = FakeBench(bench_file(tmp_path), supply=gone, mover=ValueError("odd"), console=Link())
    supply, mover, console = visit_all(bench, TODAY, 5)  # type: ignore[arg-type]
    assert supply.trouble is not None
    assert (supply.trouble.code, supply.trouble.todo) == ("BEN-LNK-101", "check its cable")
    assert not supply.trouble.refused
    assert mover.trouble is not None
    assert (mover.trouble.code, mover.trouble.where) == ("BEN-DOC-002", "mover at /dev/nothing")
    assert "ValueError: odd" in mover.trouble.what
    assert [each.reached for each in (supply, mover, console)] == [False, False, True]
    assert (console.kind, console.door, console.identity) == ("channel", "pty", None)


def test_what_the_file_says_wrongly_is_told_from_what_is_broken(tmp_path: Path) -> None:
    wrong = UsageError("USE-DRV-001", "no driver is named 'scpi-suply'")
    bench = FakeBench(bench_file(tmp_path), supply=wrong, mover=Answering(), console=Link())
    supply, mover, _ = visit_all(bench, TODAY, 5)  # type: ignore[arg-type]
    assert supply.trouble is not None
    assert supply.trouble.refused
    assert mover.reached


def test_one_that_hangs_is_left_behind_at_its_deadline(tmp_path: Path) -> None:
    never = threading.Event()
    seen = visit(bench_file(tmp_path).roles["mover"], "role", never.wait, TODAY, 0.2)
    never.set()
    assert not seen.reached
    assert 0.2 <= seen.seconds < 2
    assert seen.trouble is not None
    assert (seen.trouble.code, seen.trouble.where) == ("BEN-DOC-001", "mover at /dev/nothing")


def test_an_identity_that_fails_is_not_reached_though_it_opened(tmp_path: Path) -> None:
    class Mute(Answering):
        def identity(self) -> Identity:
            raise LinkError("BEN-LNK-102", "its link broke")

    seen = visit(bench_file(tmp_path).roles["mover"], "role", Mute, TODAY, 5)
    assert not seen.reached
    assert seen.trouble is not None
    assert seen.trouble.code == "BEN-LNK-102"

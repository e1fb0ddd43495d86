"""Cases B26 and B27: a meter that drifted shows in no reading of its own, and in the verdicts of the golden samples."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.bench.file import load_bench
from pytest_conformance.bench.golden import Check, Golden, GoldenSample, Judged, Ledger, now
from pytest_conformance.bench.quarantine import in_force
from pytest_conformance.commands.golden import compared
from pytest_conformance.errors import UsageError
from pytest_conformance.record import verify_run
from pytest_conformance.record.sequel import read_sequel

METER = "\n  meter: {{driver: scpi-meter, address: '{}'}}"
GOLDEN = """
golden:
  valid: 8 h
  samples:
    - {name: GS-1, dut: mock-lock, clauses: [CN-FRT-8.a], must: PASS}
    - {name: KB-1, dut: mock-lock, clauses: [CN-FRT-8.a], must: FAIL}
"""
DRAWS = """
@clause("CN-FRT-8.a")
def test_it_draws_little(supply, meter, request):
    known_bad = request.config.getoption("conformance_golden") == "KB-1"
    supply.set_output(9.0 if known_bad else 5.0, 1.0)  # stands for the known-bad sample, which draws more
    supply.on()
    assert meter.amperes() < 0.25
"""
TOO_MUCH, TOO_LITTLE = 1.6, 0.5


@pytest.fixture
def bench(bench_file: Callable[..., Path], far: Any) -> Path:
    return bench_file(roles=METER.format(far.manifest["meter"]["address"]), rest=GOLDEN)


@pytest.fixture
def check(tmp_path: Path, bench: Path, conduct: Callable[..., Any]) -> Callable[..., tuple[int, Any, str]]:
    """Judge the golden samples from the command line; return exit code, what it said as JSON, and the run beside."""

    def judge(when: str) -> tuple[int, Any, str]:
        command = [sys.executable, "-m", "pytest_conformance.cli", "golden", str(bench), when, "--person=lead-1"]
        command += ["--suite=mine/test_mine.py", "--json"]
        mine = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_", "CONFORM"))
        }
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**mine, "CONFORMANCE_STATE": str(tmp_path / "state")},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout), done.stderr

    return judge


def test_B26_a_golden_sample_that_is_wrong_at_the_start(
    bench: Path, check: Any, conduct: Any, far: Any, tmp_path: Path
) -> None:
    """The known-bad sample passes: exit code 1, quarantine, the runs since the last good check are listed, accredited
    runs refuse; what was measured before is left as it was."""
    ran = conduct(DRAWS, bench)
    assert ran.verdict("CN-FRT-8.a") == ("PASS", None), ran.out
    assert "the golden samples of this bench were never judged" in ran.events("note")[0].data["text"]
    far.world.far_end("meter").gain = TOO_LITTLE

    code, said, told = check("opening")

    assert (code, said["good"]) == (1, False), told
    assert [(each["sample"], each["wrong"]) for each in said["judged"]] == [("GS-1", []), ("KB-1", ["CN-FRT-8.a PASS"])]
    assert said["runs_since_good"] == [str(ran.folder)]
    found = in_force(tmp_path / "state", "own")
    assert found is not None
    assert "KB-1 must give FAIL: CN-FRT-8.a PASS" in found.reason
    assert not far.powered()
    assert list(read_sequel(ran.folder)) == []
    before = list(far.supply.front.model.received)
    accredited = conduct(DRAWS, bench, "--accredited", here=tmp_path / "second")
    assert accredited.process.returncode == 11
    assert "BEN-GLD-003" in " ".join(accredited.out.split())
    assert list(far.supply.front.model.received) == before, "an instrument was touched"


def test_B27_a_golden_sample_that_is_wrong_at_the_closing_check(
    bench: Path, check: Any, conduct: Any, far: Any, tmp_path: Path
) -> None:
    """The good sample fails: each verdict since the last good check is INCONCLUSIVE(bench), pending review, with the
    original beside it; the journal is as it was."""
    ran = conduct(DRAWS, bench)
    assert ran.verdict("CN-FRT-8.a") == ("PASS", None), ran.out
    journal = (ran.folder / "journal.jsonl").read_bytes()
    far.world.far_end("meter").gain = TOO_MUCH

    code, said, told = check("closing")

    assert (code, said["untold"]) == (1, {}), told
    assert said["judged"][0]["wrong"] == ["CN-FRT-8.a FAIL"]
    del ran.__dict__["clauses"]
    row = ran.clauses["CN-FRT-8.a"]
    assert (row["verdict"], row["cause"]) == ("INCONCLUSIVE", "bench")
    assert "pending review" in row["reason"]
    assert "was PASS" in row["reason"]
    assert "CN-FRT-8.a FAIL" in row["reason"]
    assert (ran.folder / "journal.jsonl").read_bytes() == journal
    assert verify_run(ran.folder) == []
    assert "closing " in (page := (ran.folder / "report.html").read_text())
    assert "WRONG" in page
    assert in_force(tmp_path / "state", "own") is not None


def test_a_good_check_is_told_to_the_runs_before_and_after_it(
    bench: Path, check: Any, conduct: Any, far: Any, tmp_path: Path
) -> None:
    ran = conduct(DRAWS, bench)

    code, said, told = check("closing")

    assert (code, said["good"], said["runs_since_good"]) == (0, True, [str(ran.folder)]), told
    assert [each.data["good"] for each in read_sequel(ran.folder) if each.type == "golden"] == [True]
    assert in_force(tmp_path / "state", "own") is None
    assert ran.verdict("CN-FRT-8.a") == ("PASS", None)
    (golden, _) = (tmp_path / "runs-golden").iterdir()
    assert "judges golden sample" in (golden / "report.html").read_text()
    after = conduct(DRAWS, bench, here=tmp_path / "second")
    (opening,) = after.events("golden")
    assert (opening.data["good"], opening.data["person"]) == (True, "lead-1")
    assert "no check after the run yet" in (after.folder / "report.html").read_text()
    assert Ledger(tmp_path / "state", "own").since_good() == [after.folder]


SAMPLE = GoldenSample(name="GS-1", dut="d", clauses=("A", "B"), must="PASS")


@pytest.mark.parametrize(
    ("verdicts", "wrong", "undecided"),
    [
        ({"A": "PASS", "B": "PASS"}, (), ""),
        ({"A": "PASS", "B": "FAIL"}, ("B FAIL",), ""),
        ({"A": "PASS"}, (), "B NOT_TESTED"),
        ({"A": "INCONCLUSIVE", "B": "CONDITIONAL_PASS"}, (), "A INCONCLUSIVE, B CONDITIONAL_PASS"),
    ],
)
def test_only_the_very_verdict_counts(verdicts: dict[str, str], wrong: tuple[str, ...], undecided: str) -> None:
    judged = compared(SAMPLE, "run", {name: {"verdict": each} for name, each in verdicts.items()})
    assert (judged.wrong, judged.undecided) == (wrong, undecided)


def test_what_an_accredited_run_asks_of_the_ledger(tmp_path: Path) -> None:
    ledger, golden = Ledger(tmp_path, "own"), Golden.model_validate({"valid": "1 h", "samples": [SAMPLE.model_dump()]})
    at = datetime.now(UTC)

    def refused(golden: Golden | None, at: datetime = at) -> list[str]:
        return [each.code for each in ledger.require_good(golden, "own.yaml", at)]

    assert refused(None) == ["BEN-GLD-001"]
    assert refused(golden) == ["BEN-GLD-002"], "never"
    good = Judged("GS-1", "PASS", "r")
    ledger.add_check(Check("opening", now(), "p", (good,)))
    assert refused(golden, at + timedelta(minutes=50)) == []
    assert refused(golden, at + timedelta(minutes=70)) == ["BEN-GLD-002"], "too old"
    assert refused(golden, at - timedelta(minutes=10)) == ["BEN-GLD-002"], "from the future"
    ledger.add_check(Check("closing", now(), "p", (Judged("GS-1", "PASS", "r", ("A FAIL",)),)))
    assert refused(golden, datetime.now(UTC) + timedelta(seconds=2)) == ["BEN-GLD-003"]
    assert Check("opening", now(), "p", (Judged("GS-1", "PASS", "r", undecided="A NOT_TESTED"),)).good is False


@pytest.mark.parametrize(
    ("samples", "code"),
    [
        ("[{name: A, dut: d, clauses: [X], must: PASS}]", "USE-BEN-014"),
        ("[{name: A, dut: d, clauses: [X], must: FAIL}]", "USE-BEN-014"),
        ("[{name: A, dut: d, clauses: [X], must: PASS}, {name: A, dut: d, clauses: [X], must: FAIL}]", "USE-BEN-010"),
        (
            "[{name: A, dut: d, clauses: [X], must: PASS}, {name: B, dut: d, clauses: [X], must: FAIL, known_bad: y}]",
            "USE-BEN-012",
        ),
    ],
)
def test_a_section_that_could_not_notice_a_bad_bench_is_refused(tmp_path: Path, samples: str, code: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(f"schema: conformance-bench/1\nname: own\nmode: lab\nroles: {{}}\ngolden: {{samples: {samples}}}\n")
    with pytest.raises(UsageError) as caught:
        load_bench(file)
    assert code in str(caught.value)
    assert "own.yaml:5" in str(caught.value)


def test_a_run_of_a_golden_sample_is_not_accredited(bench: Path, conduct: Any, tmp_path: Path) -> None:
    for options in (["--golden=GS-1", "--accredited"], ["--golden=nobody"]):
        ran = conduct(DRAWS, bench, *options)
        assert (ran.process.returncode, "USE-GLD-001" in ran.out) == (11, True), ran.out

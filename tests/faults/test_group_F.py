"""Group F, processes and concurrency: one bench has one user, and what a process leaves behind is found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.bench import leases
from pytest_conformance.bench.leases import Lease, acquire
from pytest_conformance.errors import AbortedError, LeaseError

Begin = Callable[..., Any]
HOLD = """
import sys, time
from pathlib import Path
from pytest_conformance.bench.leases import acquire
lease = acquire(Path(sys.argv[1]), "b1", ["tcp:one"], Path("runs/first"), silence=float(sys.argv[2]))
print("held", flush=True)
for line in sys.stdin:
    try:
        lease.check()
        print("mine", flush=True)
    except Exception as error:
        print(type(error).__name__, error.code, flush=True)
"""
NOTHING = "\n@clause('CN-FRT-8.a')\ndef test_nothing(supply):\n    assert not supply.is_on()\n"
PAUSED = """
@clause("CN-FRT-8.a")
def test_paused(powered):
    while not (HERE / "wake").exists():
        time.sleep(0.05)
    powered.set_output(3.3, 1.0)

@clause("CN-FRT-8.b")
def test_next(powered):
    assert powered.is_on()
"""


class Holding:
    """Another process that holds the lease of bench b1; `ask` lets it check its lease."""

    def __init__(self, state: Path, silence: float = 60.0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(state), str(silence)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.line() == "held"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.line()


@pytest.fixture
def holding(tmp_path: Path) -> Iterator[Callable[..., Holding]]:
    made: list[Holding] = []

    def hold(silence: float = 60.0) -> Holding:
        made.append(Holding(tmp_path, silence))
        return made[-1]

    yield hold
    for each in made:
        each.process.kill()
        each.process.communicate()


def take(state: Path, name: str = "b1", address: str = "tcp:one", **more: Any) -> Lease:
    return acquire(state, name, [address], Path("runs/second"), silence=60.0, **more)


def test_F01_a_busy_bench(begin: Begin, bench_file: Any, far: Any, until: Any) -> None:
    file = bench_file()
    first = begin(NOTHING.replace("assert", "(HERE / 'in').touch(); time.sleep(600); assert"), file)
    until(lambda: (first.here / "in").exists() or first.process.poll() is not None, what="the first run")
    said = len(far.supply.front.model.received)
    second = begin(NOTHING, file, here=first.here / "second")
    assert second.end() == 11, second.out
    flat = " ".join(second.out.split())
    for each in ("BEN-LSE-001", f"process {first.process.pid}", str(first.folder), "since 20", "its end is not known"):
        assert each in flat
    new = list(far.supply.front.model.received)[said:]
    assert not [each for each in new if each != "*OPC?"], "the second run touched an instrument"
    assert not (second.here / "runs" / second.folder.name / "bench" / "supply").exists()
    assert first.process.poll() is None


def test_F01_two_benches_that_share_an_instrument(tmp_path: Path, holding: Any) -> None:
    first = holding()
    with pytest.raises(LeaseError) as caught:
        take(tmp_path, "another-name", " TCP:ONE")
    assert caught.value.code == "BEN-LSE-001"
    assert str(first.process.pid) in str(caught.value)
    take(tmp_path, "another-name", "tcp:two").release()


def test_F01_the_end_is_estimated_from_the_last_run(tmp_path: Path) -> None:
    leases.remember(tmp_path, "b1", 1800)
    lease = take(tmp_path)
    assert lease.holder.until > lease.holder.since
    with pytest.raises(LeaseError, match="until about 20"):
        take(tmp_path)
    lease.release()
    take(tmp_path).release()


def test_F02_a_dead_holder(tmp_path: Path, holding: Any) -> None:
    first = holding()
    first.process.kill()
    first.process.wait()
    lease = take(tmp_path)
    assert [(each.how, each.holder.run) for each in lease.former] == [("dead", "runs/first")]
    assert lease.holder.token == 2
    lease.release()


def test_F03_a_paused_holder_is_fenced_off(begin: Begin, bench_file: Any, far: Any, until: Any) -> None:
    file = bench_file(safe_state="silence: 2 s", rest="people: {lead-1: [take-over]}\n")
    first = begin(PAUSED, file)
    first.until_powered()
    supervisor = int(Path(f"/proc/{first.process.pid}/task/{first.process.pid}/children").read_text().split()[0])
    for each in (first.process.pid, supervisor):
        os.kill(each, signal.SIGSTOP)
    time.sleep(2.0 * leases.TERM + 0.5)
    second = begin(NOTHING, file, here=first.here / "second")
    assert second.end() == 0, second.out
    assert not far.powered(), "the next owner brings the bench to its safe state"
    assert "expired" in second.safe_states()[0]["trigger"]
    sent = len(far.supply.front.model.received)
    (first.here / "wake").touch()
    for each in (supervisor, first.process.pid):
        os.kill(each, signal.SIGCONT)
    assert first.end() == 10, first.out
    later = [
        each for each in list(far.supply.front.model.received)[sent:] if each.startswith(("OUTP ", "VOLT", "CURR"))
    ]
    assert later == [], "the fenced run still commanded the supply"
    for clause in ("CN-FRT-8.a", "CN-FRT-8.b"):
        assert first.verdict(clause) == ("INCONCLUSIVE", "aborted"), first.out
        assert "ABO-LSE-001" in first.clauses[clause]["reason"]


def test_F03_the_token_of_a_fenced_holder_is_refused(tmp_path: Path, holding: Any) -> None:
    first = holding(silence=0.1)
    assert first.ask() == "mine"
    os.kill(first.process.pid, signal.SIGSTOP)
    time.sleep(0.1 * leases.TERM + 0.3)
    lease = take(tmp_path)
    os.kill(first.process.pid, signal.SIGCONT)
    assert first.ask() == "AbortedError ABO-LSE-001"
    lease.check()
    assert lease.former[0].how == "expired"
    lease.release()
    with pytest.raises(OSError, match="descriptor"):
        lease.check()


def test_F04_a_forced_take_over(begin: Begin, bench_file: Any, far: Any, until: Any) -> None:
    file = bench_file(rest="people: {lead-1: [take-over], tech-2: [release]}\n")
    first = begin(PAUSED, file)
    first.until_powered()
    for asked, code in (("lead-1", "USE-LSE-001"), ("tech-2: in a hurry", "USE-LSE-002")):
        refused = begin(NOTHING, file, f"--take-over={asked}", here=first.here / code)
        assert refused.end() == 11
        assert code in refused.out
    assert far.powered(), "a refused take-over touches nothing"
    second = begin(NOTHING, file, "--take-over=lead-1: the first run was forgotten", here=first.here / "second")
    assert second.end() == 0, second.out
    (first.here / "wake").touch()
    assert first.end() == 10
    assert not far.powered()
    assert first.verdict("CN-FRT-8.a") == ("INCONCLUSIVE", "aborted")
    for ran in (first, second):
        (said,) = ran.events("operator")
        assert (said.data["person"], said.data["answer"]) == ("lead-1", "the first run was forgotten")


def test_F05_another_boot_or_a_reused_process_number(tmp_path: Path) -> None:
    for number, change in enumerate(({"boot": "another"}, {"born": 1}, {"pid": 2**22 - 3})):
        state = tmp_path / str(number)
        lease = take(state)
        head, _, text = lease.path.read_text().partition("\n")
        lease.path.write_text(f"{head}\n{json.dumps({**json.loads(text), **change})}\n")
        later = take(state)
        assert [each.how for each in later.former] == ["dead"], change
        with pytest.raises(AbortedError):
            lease.check()


def test_F05_a_live_process_is_no_stale_lock(tmp_path: Path) -> None:
    take(tmp_path)
    with pytest.raises(LeaseError, match=f"process {os.getpid()}"):
        take(tmp_path)

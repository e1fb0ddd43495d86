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
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_conformance.bench import leases
from pytest_conformance.bench.file import load_bench
from pytest_conformance.bench.leases import Lease, acquire
from pytest_conformance.errors import AbortedError, LeaseError, StorageError, UsageError
from pytest_conformance.record import Run, read_journal, verify_run
from pytest_conformance.running import accreditation, starting

LONG = pytest.mark.skipif(not os.environ.get("FAULTS"), reason="long: `make faults` runs it")
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


@LONG
def test_F01_a_busy_bench(begin: Begin, bench_file: Any, far: Any, until: Any) -> None:
    """A second run is refused with holder, host, start and end; it touches no instrument."""
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
    """The lease of a dead process passes on, with what it must be made safe from (A05 shows the safe state)."""
    first = holding()
    first.process.kill()
    first.process.wait()
    lease = take(tmp_path)
    assert [(each.how, each.holder.run) for each in lease.former] == [("dead", "runs/first")]
    assert lease.holder.token == 2
    lease.release()


@LONG
def test_F03_a_paused_holder_is_fenced_off(begin: Begin, bench_file: Any, far: Any, until: Any) -> None:
    """A paused run loses its lease; when it wakes it sends nothing any more, and ends INCONCLUSIVE(aborted)."""
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


@LONG
def test_F04_a_forced_take_over(begin: Begin, bench_file: Any, far: Any, until: Any) -> None:
    """A take-over needs a person who may and a reason; both runs record it, the former one ends aborted."""
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


@pytest.fixture(scope="module")
def mixed_up() -> str:
    """Tests that each end in another way that must not be read as the device's failure."""
    return """
@clause("CN-FRT-8.a")
def test_timeout_plugin_fires(powered):
    pytest.fail("Timeout (>1.0s) from pytest-timeout.")

@clause("CN-FRT-8.b")
def test_assertion_from_a_bench_error():
    try:
        raise LinkError("BEN-LNK-998", "the wire is gone")
    except LinkError as error:
        raise AssertionError("the device said nothing") from error

@pytest.fixture
def wobbly(powered):
    yield
    raise InstrumentError("BEN-INS-999", "the meter broke in teardown")

@clause("CN-FRT-7.a")
def test_fails_and_then_the_bench_breaks(wobbly):
    assert False, "the face left"

@clause("CN-PIPL-16")
def test_storm():
    import logging, warnings
    for number in range(20000):
        logging.getLogger("dut").warning("line %d", number)
    warnings.warn("once")

@clause("CN-PIPL-13.a")
def test_left_out():
    assert False
"""


def test_F11_F14_F15_F16_what_is_not_the_device_s(conduct: Any, bench_file: Any, far: Any, mixed_up: str) -> None:
    """Timeouts, bench errors behind assertions, faults after a FAIL, tests left out: each is said as it is."""
    ran = conduct(mixed_up, bench_file(), "-k", "not left_out")
    assert ran.process.returncode == 1, ran.out
    assert ran.verdict("CN-FRT-8.a") == ("INCONCLUSIVE", "bench")
    assert "Timeout" in ran.clauses["CN-FRT-8.a"]["reason"]
    assert ran.verdict("CN-FRT-8.b") == ("INCONCLUSIVE", "bench")
    assert "BEN-LNK-998" in ran.clauses["CN-FRT-8.b"]["reason"]
    assert ran.verdict("CN-FRT-7.a") == ("FAIL", "dut"), "kept, whatever breaks afterwards"
    said = [each.data for each in ran.events("verdict") if each.data["clauses"] == ["CN-FRT-7.a"]]
    assert [(each["verdict"], each["code"]) for each in said] == [("FAIL", ""), ("INCONCLUSIVE", "BEN-INS-999")]
    assert "BEN-INS-999" in (ran.folder / "report.html").read_text(), "shown beside it"
    assert ran.verdict("CN-PIPL-13.a")[0] == "NOT_TESTED"
    assert ran.clauses["CN-PIPL-13.a"]["reason"] == "deselected"
    assert ran.results["run"]["partial"] is True
    assert ran.verdict("CN-PIPL-16") == ("PASS", None)
    assert not far.powered()
    journal = (ran.folder / "journal.jsonl").stat().st_size
    assert journal < 3_000_000, f"20 000 log lines made a journal of {journal} bytes"


class Config:
    """What `accreditation` asks of pytest's configuration."""

    def __init__(self, *arguments: str, plugins: tuple[str, ...] = (), **options: Any) -> None:
        self.invocation_params = self
        self.args = arguments
        self.pluginmanager = self
        self.plugins = plugins
        self.options = options

    def hasplugin(self, name: str) -> bool:
        return name in self.plugins

    def getoption(self, name: str, default: Any = None) -> Any:
        return self.options.get(name, default)

    def getini(self, name: str) -> Any:
        raise ValueError(name)


@pytest.mark.parametrize(
    ("case", "config", "optimised", "code"),
    [
        ("F12", Config(plugins=("rerunfailures",)), False, "USE-ACC-003"),
        ("F12", Config(plugins=("flaky",)), False, "USE-ACC-003"),
        ("F13", Config(), True, "USE-ACC-001"),
        ("F13", Config("-p", "no:assertion"), False, "USE-ACC-002"),
        ("F13", Config("-pno:unraisableexception"), False, "USE-ACC-002"),
    ],
)
def test_F12_F13_what_blurs_verdicts(case: str, config: Any, optimised: bool, code: str) -> None:
    """Foreign reruns, blocked plugins, assertions that are off: an accredited run is refused, with the name."""
    with pytest.raises(UsageError) as caught:
        accreditation.refuse(accreditation.of_process(config, optimised=optimised))
    assert caught.value.code == code, case
    fine = Config("-p", "no:cacheprovider", "-p", "no:randomly", plugins=("xdist",))
    accreditation.refuse(accreditation.of_process(fine, optimised=False))  # type: ignore[arg-type]


def test_F12_order_and_seed_are_told() -> None:
    """A plugin that shuffles the tests is named with its seed."""
    shuffled: Any = Config(plugins=("randomly",), randomly_seed=7)
    assert accreditation.order(shuffled) == "pytest-randomly, seed 7"
    assert accreditation.order(Config()) == ""  # type: ignore[arg-type]


def test_F14_a_timeout_that_kills_from_a_thread() -> None:
    """pytest-timeout in thread mode ends the process without a safe state: refused for every run."""
    with pytest.raises(UsageError) as caught:
        accreditation.refuse_thread_timeouts(Config(plugins=("timeout",), timeout_method="thread"))  # type: ignore[arg-type]
    assert caught.value.code == "USE-ACC-004"
    accreditation.refuse_thread_timeouts(Config(plugins=("timeout",), timeout_method="signal"))  # type: ignore[arg-type]


def test_F18_G14_an_accredited_run_on_a_bench_that_is_not_fit(begin: Begin, bench_file: Any, far: Any) -> None:
    """A version that was not validated here, a calibration that ended: exit code 11, each named, nothing touched."""
    calibration = "calibration: {certificate: c, body: b, due: 2020-01-01}"
    ran = begin(NOTHING, bench_file(supply=calibration, rest="validated: 0.0.1\n"), "--accredited")
    assert ran.end() == 11, ran.out
    flat = " ".join(ran.out.split())
    assert "BEN-VAL-001" in flat
    assert "BEN-CAL-002" in flat
    assert not far.supply.front.model.received, "an instrument was touched"
    (note,) = [each.data["text"] for each in ran.events("note") if "refused" in each.data["text"]]
    assert "0.0.1 was validated" in note
    assert ran.events("stop") == [] or ran.results["exit_code"] == 11


def test_F06_parallel_workers_aimed_at_one_bench(begin: Begin, bench_file: Any, far: Any) -> None:
    """`-n 2` on a bench with one place is refused before any worker starts; nothing is touched."""
    ran = begin(NOTHING, bench_file(), "-n", "2")
    assert ran.end() == 11, ran.out
    assert "USE-PAR-001" in ran.out
    assert not far.supply.front.model.received


def test_E01_a_disk_without_room_for_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Less than the estimate plus the reserve is free: refused with both figures; the estimate follows earlier runs."""
    run = tmp_path / "runs" / "b"
    run.mkdir(parents=True)
    free = [starting.EXPECTED + starting.RESERVE]
    monkeypatch.setattr(starting.shutil, "disk_usage", lambda _: SimpleNamespace(free=free[0]))
    starting.require_room(run)
    free[0] -= 1
    with pytest.raises(StorageError) as caught:
        starting.require_room(run)
    assert caught.value.code == "BEN-STO-013"
    assert "256 MiB" in caught.value.what
    earlier = tmp_path / "runs" / "a" / "evidence"
    earlier.mkdir(parents=True)
    with (earlier / "capture.pcapng").open("wb") as file:
        file.truncate(400 * 1024**2)
    free[0] = starting.EXPECTED + starting.RESERVE
    with pytest.raises(StorageError, match="may need 800 MiB"):
        starting.require_room(run)


def test_F08_two_runs_into_one_folder(tmp_path: Path) -> None:
    """Two runs of one suite in the same second: each has a folder and a journal of its own."""
    first, second = Run.start(tmp_path, {"bench": "a"}), Run.start(tmp_path, {"bench": "b"})
    for run in (first, second):
        run.event("note", {"text": run.id})
        run.stop(0)
    assert first.folder != second.folder
    for run in (first, second):
        assert verify_run(run.folder) == []
        told = [each.data["text"] for each in read_journal(run.folder / "journal.jsonl") if each.type == "note"]
        assert told == [run.id]


def test_F04_who_may_take_over_and_what_the_former_holder_sees(tmp_path: Path, bench_file: Any) -> None:
    """Only a person whom the bench file lets, with a reason; the former lease ends at once, with its holder named."""
    file = load_bench(bench_file(rest="people: {lead-1: [take-over], tech-2: [release]}\n"))
    for asked, code in (("lead-1", "USE-LSE-001"), (": why", "USE-LSE-001"), ("tech-2: in a hurry", "USE-LSE-002")):
        with pytest.raises(UsageError) as caught:
            starting.taking_over(file, asked)
        assert caught.value.code == code
    assert starting.taking_over(file, "lead-1: it was forgotten: see log") == ("lead-1", "it was forgotten: see log")
    first = take(tmp_path)
    second = take(tmp_path, force=True)
    assert [(each.how, each.holder.token) for each in second.former] == [("taken over", first.holder.token)]
    with pytest.raises(AbortedError):
        first.check()
    second.check()


@pytest.mark.parametrize("before", ["plan", '"of":"declaration"', '"of":"suite"'])
def test_F09_a_run_that_was_killed_before_it_had_written_what_it_rests_on(
    conduct: Any, begin: Begin, bench_file: Any, far: Any, before: str
) -> None:
    """A record that ends before plan and inputs are written: the run goes on and ends as if undisturbed."""
    file = bench_file()
    first = conduct(NOTHING, file)
    journal = first.folder / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    cut = next(number for number, line in enumerate(lines) if before.encode() in line)
    journal.write_bytes(b"".join(lines[:cut]))
    for name in ("journal.root", "results.json", "report.html"):
        (first.folder / name).unlink()
    again = begin(NOTHING, file, f"--resume={first.folder.name}")
    assert again.end() == 0, again.out
    assert again.verdict("CN-FRT-8.a") == ("PASS", None)
    rows = [(each.type, each.data.get("of")) for each in again.events()]
    resumed = rows.index(("resumed", None))
    assert ("plan", None) in rows[resumed:], "planned once more"
    for of in ("bench", "declaration", "profile", "suite"):
        assert ("input", of) in rows[resumed:]
    assert verify_run(again.folder) == [], "evidence that the kill left unrecorded was set aside"
    aside = list((again.folder / "set-aside").glob("*"))
    assert rows.count(("recovered", None)) == len(aside)
    assert bool(aside) == ("suite" not in before), "all evidence was recorded before the suite's digests"
    assert not far.powered()


def test_F10_a_run_killed_so_early_needs_the_same_bench(conduct: Any, begin: Begin, bench_file: Any) -> None:
    """Its header knows bench, declaration and profile: with another bench file it is refused."""
    file = bench_file()
    first = conduct(NOTHING, file)
    journal = first.folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[0])
    (first.folder / "journal.root").unlink()
    file.write_text(file.read_text() + "# changed\n")
    again = begin(NOTHING, file, f"--resume={first.folder.name}")
    assert again.end() == 11, again.out
    assert "the bench file changed" in again.out


STORM = """
import logging, resource

@clause('CN-FRT-8.a')
def test_storm(caplog):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(200_000):
        logging.getLogger("driver").warning("record %d of a storm that fills memory: %s", number, "x" * 200)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000, "KiB"
    assert len(caplog.records) == 1000

@clause('CN-FRT-8.b')
def test_after(caplog):
    logging.getLogger("driver").warning("heard again")
    assert caplog.messages == ["heard again"]
"""


def test_F17_a_storm_of_log_records(conduct: Any, bench_file: Any) -> None:
    """200,000 warnings in one test: 1,000 are kept, the others counted; memory stays as it was."""
    ran = conduct(STORM, bench_file())
    assert (ran.verdict("CN-FRT-8.a"), ran.verdict("CN-FRT-8.b")) == (("PASS", None), ("PASS", None)), ran.out[-3000:]
    (note,) = [each.data["text"] for each in ran.events("note") if "log records" in each.data["text"]]
    assert note.startswith("199000 more log records of 'driver' were left out")

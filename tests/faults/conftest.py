"""Two things to do harm to: a small signed record, and a small bench of simulated instruments in this process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.bench import Bench
from pytest_conformance.bench.file import load_bench
from pytest_conformance.bench.leases import acquire
from pytest_conformance.bench.quarantine import in_force
from pytest_conformance.errors import ConformanceError
from pytest_conformance.record import Event, Run, read_journal
from pytest_conformance.record.keys import PublicKey, SigningKey, load_signing_key, make_key
from pytest_conformance.running import judging
from pytest_conformance.running.leaving import leave, rest
from pytest_conformance.simulation.instruments import Outlet, Supply, add_instruments
from pytest_conformance.simulation.world import Options, World

HEADER = {"bench": "b1", "mode": "mock", "device": {"model": "M", "firmware": "1.2", "sample": "S1"}}
TIMEOUT = 240
"""Wall seconds that one run may take on a busy machine."""
HEAD = """
import os, time, threading, signal
from pathlib import Path
import pytest
from pytest_conformance.errors import *
from pytest_conformance.marks import clause
from pytest_conformance.verdicts import Limit

HERE = Path(__file__).parent.parent

@pytest.fixture
def powered(supply):
    supply.set_output(5.0, 1.0)
    supply.on()
    (HERE / "powered").touch()
    return supply
"""
POWER = "\n  supply: {{driver: scpi-supply, address: '{supply}', alternative: '{alternative}', {more}}}"
OUTLET = "\n  outlet: {{driver: scpi-outlet, address: '{outlet}', {more}}}"


@dataclass
class FarEnds:
    """The instruments of a bench, alive in this process whatever becomes of the run that uses them."""

    world: World
    manifest: Mapping[str, Any]

    @property
    def supply(self) -> Supply:
        return self.world.far_end("supply")  # type: ignore[return-value]

    @property
    def outlet(self) -> Outlet:
        return self.world.far_end("outlet")  # type: ignore[return-value]

    @property
    def output(self) -> list[Any]:
        """Each change of the supply's output."""
        return list(self.supply.stage.output)

    def powered(self) -> bool:
        """Whether there are volts on the device's terminals."""
        return self.world.rail.value > 0.5

    def off_after(self, moment: int) -> float:
        """Seconds from `moment` (host's monotonic ns) until the output went off for good; fails if it is still on."""
        assert not self.powered(), f"still powered: {self.output}"
        last = self.output[-1]
        assert last["on"] is False, self.output
        return (last["wall"] - moment) / 1e9


def wait_until(condition: Callable[[], Any], seconds: float = 120.0, what: str = "it") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.01)


@dataclass
class Conducted:
    """One run on a bench file, in a folder of its own: alive, or ended."""

    here: Path
    process: subprocess.Popen[bytes]
    options: Sequence[str] = field(default_factory=tuple)

    def until_powered(self) -> None:
        """Wait until the run has switched the device on."""
        wait_until(lambda: (self.here / "powered").exists() or self.process.poll() is not None, what="power")
        assert self.process.poll() is None, self.out

    def end(self) -> int:
        return self.process.wait(TIMEOUT)

    def kill(self, number: int = signal.SIGKILL) -> int:
        """Send a signal to the run alone; return the host's monotonic time of it, ns."""
        moment = time.monotonic_ns()
        os.kill(self.process.pid, number)
        return moment

    @property
    def out(self) -> str:
        return (self.here / "out").read_text("utf-8", "replace")

    @property
    def folder(self) -> Path:
        """The record; there must be exactly one."""
        (folder,) = sorted((self.here / "runs").iterdir())
        return folder

    def events(self, *kinds: str) -> list[Event]:
        return [each for each in read_journal(self.folder / "journal.jsonl") if not kinds or each.type in kinds]

    @property
    def results(self) -> Mapping[str, Any]:
        return json.loads((self.folder / "results.json").read_text())  # type: ignore[no-any-return]

    @cached_property
    def clauses(self) -> Mapping[str, Mapping[str, Any]]:
        return {row["id"]: row for row in self.results["clauses"]}

    def verdict(self, clause: str) -> tuple[str, str | None]:
        row = self.clauses[clause]
        return row["verdict"], row["cause"]

    def safe_states(self) -> list[Mapping[str, Any]]:
        return [each.data for each in self.events("safe-state")]

    def quarantined(self) -> bool:
        return in_force(self.here / "state", "own") is not None


@pytest.fixture
def far(tmp_path: Path) -> Iterator[FarEnds]:
    """Every simulated instrument, started in this process."""
    world = World(Options("mock-lock", folder=tmp_path))
    add_instruments(world)
    try:
        yield FarEnds(world, world.start())
    finally:
        world.stop()


@pytest.fixture
def bench_file(tmp_path: Path, far: FarEnds) -> Callable[..., Path]:
    """Write a lab bench around the far ends: a supply, an outlet before it when asked, and more roles as text."""

    def write(
        *, outlet: str | None = None, supply: str = "", roles: str = "", safe_state: str = "", rest: str = ""
    ) -> Path:
        entry = far.manifest["supply"]
        text = "schema: conformance-bench/1\nname: own\nmode: lab\ndut: mock-lock\nroles:"
        if outlet is not None:
            text += OUTLET.format(outlet=far.manifest["outlet"]["address"], more=outlet)
        text += POWER.format(supply=entry["address"], alternative=entry["alternative"], more=supply) + roles
        upstream = "upstream: outlet, " if outlet is not None else ""
        text += f"\nsafe_state: {{switch_off: [supply], {upstream}{safe_state}}}\n{rest}"
        file = tmp_path / "own.yaml"
        file.write_text(text)
        return file

    return write


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Conducted]]:
    """Begin a run of some tests and return at once; what is left of it is killed in the end."""
    started: list[Conducted] = []

    def start(source: str, file: Path, *options: str, here: Path = tmp_path, **env: str) -> Conducted:
        (here / "mine").mkdir(exist_ok=True, parents=True)
        (here / "mine" / "test_mine.py").write_text(HEAD + source)
        quiet = ["-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:cov", "-p", "no:hypothesispytest"]
        bench = [] if any(each.startswith("--resume") for each in options) else [f"--bench={file}"]
        command = [sys.executable, "-m", "pytest", *quiet, *bench, *options, "mine"]
        mine = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_", "CONFORM"))
        }
        with (here / "out").open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=here,
                env={**mine, "COLUMNS": "200", "CONFORMANCE_STATE": str(tmp_path / "state"), **env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(Conducted(here, process, options))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            os.killpg(each.process.pid, signal.SIGKILL)
        each.process.wait()


@pytest.fixture
def conduct(begin: Callable[..., Conducted]) -> Callable[..., Conducted]:
    """Conduct a run to its end."""

    def run(source: str, file: Path, *options: str, **more: Any) -> Conducted:
        ran = begin(source, file, *options, **more)
        ran.end()
        return ran

    return run


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait for a condition with a generous deadline."""
    return wait_until


@pytest.fixture(scope="session")
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return load_signing_key(make_key(tmp_path_factory.mktemp("keys"), "lab"))


@pytest.fixture(scope="session")
def trusted(signing_key: SigningKey) -> dict[str, PublicKey]:
    return {signing_key.public.id: signing_key.public}


@pytest.fixture
def signed_run(tmp_path: Path, signing_key: SigningKey) -> Callable[[], Run]:
    """Make a small run that is signed and stopped."""

    def make() -> Run:
        run = Run.start(tmp_path / "runs", HEADER, key=signing_key)
        for number in range(4):
            run.event("trial", {"campaign": "c", "number": number, "outcome": "match"})
        run.evidence(b"a face", name="face.png", media_type="image/png", face=True)
        run.evidence(b"a,b", name="table.csv", media_type="text/csv")
        run.stop(0)
        return run

    return make


@dataclass
class Rig:
    """A bench and its record in this process, for faults that need no process of their own.

    `judged` does with an action what a run does with the body of a test, up to the verdict in the journal.
    """

    bench: Bench
    run: Run
    far: FarEnds
    rang: Path
    """Written by the laboratory's alarm."""

    def judged(self, act: Callable[[], Any]) -> tuple[str, str | None, str]:
        """Carry out `act` as a test, blame and switch off as a run does; return the journalled verdict."""
        found: BaseException | None = None
        try:
            act()
        except Exception as error:
            found = error
        if isinstance(found, AssertionError | ConformanceError):
            found = judging.settled(found, self.bench.blame(found))
        said = judging.contribution("mine/test_mine.py::test_it", "call", found, None)
        assert said is not None
        rest(self.bench, self.run, said)
        self.run.verdict(["CN-FRT-8.a"], said)
        return self.verdicts()[-1]

    def power(self, volts: float = 5.0, amperes: float = 1.0) -> None:
        self.bench.supply.set_output(volts, amperes)
        self.bench.supply.on()
        assert self.far.powered()

    def leave(self) -> Mapping[str, Any]:
        """Leave the bench as a run does; return what the journal says of the safe state."""
        leave(self.bench, self.run)
        return self.safe_states()[-1]

    def safe_states(self) -> list[Mapping[str, Any]]:
        events = read_journal(self.run.folder / "journal.jsonl")
        return [each.data for each in events if each.type == "safe-state"]

    def verdicts(self) -> list[tuple[str, str | None, str]]:
        """Verdict, cause and code of each verdict in the journal."""
        events = read_journal(self.run.folder / "journal.jsonl")
        said = [each.data for each in events if each.type == "verdict"]
        return [(each["verdict"], each["cause"], each["code"]) for each in said]

    def quarantine(self) -> str:
        """Return why the bench is in quarantine; "" when it is not."""
        found = in_force(self.run.folder.parent / "state", "own")
        return found.reason if found else ""


@pytest.fixture
def rig(tmp_path: Path, far: FarEnds, bench_file: Callable[..., Path]) -> Iterator[Callable[..., Rig]]:
    """Make a bench in this process from what `bench_file` takes; it is closed in the end."""
    made: list[Rig] = []

    def make(*, safe_state: str = "", **parts: Any) -> Rig:
        ring = tmp_path / "ring"
        ring.write_text(f'#!/bin/sh\nprintf "%s" "$1" > {tmp_path}/rang\n')
        ring.chmod(0o755)
        file = load_bench(bench_file(safe_state=f"{safe_state}alarm: ['{ring}']", **parts))
        run = Run.start(tmp_path, {"bench": "own", "mode": "lab"}, run_id="run")
        addresses = [each.address for each in file.roles.values()]
        lease = acquire(tmp_path / "state", file.name, addresses, run.folder, silence=60.0)
        bench = Bench.open(file, tmp_path / "bench", dut="mock-lock", lease=lease)
        for role in file.roles:
            bench.role(role)
        made.append(Rig(bench, run, far, tmp_path / "rang"))
        return made[-1]

    yield make
    for each in made:
        far.supply.stage.stuck = False
        each.bench.close()


HOLDER = """
import sys
from pathlib import Path
from pytest_conformance.bench import Bench
from pytest_conformance.bench.file import load_bench
from pytest_conformance.bench.leases import acquire
from pytest_conformance.record import Run

here, file = Path(sys.argv[1]), load_bench(Path(sys.argv[2]))
run = Run.start(here / "runs", {"bench": "own", "mode": "lab"})
lease = acquire(here / "state", "own", [], run.folder, silence=60.0)
bench = Bench.open(file, run.folder / "bench", dut="x", journal=run.folder / "journal.jsonl", lease=lease)
for role in file.roles:
    bench.role(role)
bench.supply.set_output(5.0, 1.0)
bench.supply.on()
run.event("note", {"text": "powered"})
(here / "powered").touch()
bench.clock.sleep(600)
"""


@pytest.fixture
def holder(tmp_path: Path, bench_file: Callable[..., Path]) -> Iterator[Callable[..., Conducted]]:
    """Hold a powered bench in a process of its own, with its supervisor, until somebody does something to them."""
    made: list[Conducted] = []

    def hold(**parts: Any) -> Conducted:
        with (tmp_path / "out").open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-c", HOLDER, str(tmp_path), str(bench_file(**parts))],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        made.append(Conducted(tmp_path, process))
        made[-1].until_powered()
        return made[-1]

    yield hold
    for each in made:
        each.process.kill()
        each.process.wait()

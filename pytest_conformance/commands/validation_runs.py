"""The runs behind a validation: which simulated devices there are, and one pytest process for each run of one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from threading import Event, Lock
from typing import Any

from pytest_conformance.commands.killing import Ran, said_in
from pytest_conformance.errors import ConformanceError

SIMULATORS = "pytest_conformance.simulators"
LISTING = 60.0
"""Wall seconds in which a simulated device must say what its known-bad variants are."""
ENDING = 30.0
"""Wall seconds that a run is given to reach its safe state when it is stopped."""
OUTPUT = "output.txt"


@dataclass(frozen=True)
class Simulated:
    """A simulated device that can be asked for: name, kind, rows of its known-bad variants, or why it cannot."""

    dut: str
    kind: str
    table: tuple[Mapping[str, Any], ...] = ()
    trouble: str = ""

    @property
    def adds(self) -> bool:
        """Whether it only adds to another device of its kind: the rest is validated there."""
        return any(row.get("own") for row in self.table)


def simulated_devices(here: Path) -> list[Simulated]:
    """Return every simulated device that is installed, the unusable ones with the reason."""
    return [_simulated(name, here) for name in sorted({each.name for each in entry_points(group=SIMULATORS)})]


def _simulated(dut: str, here: Path) -> Simulated:
    from pytest_conformance.declaration import find_declaration, load_declaration

    try:
        kind = load_declaration(find_declaration(dut, here)).kind
    except ConformanceError as error:
        return Simulated(dut, "", trouble=f"its declaration cannot be used: {error}")
    command = [sys.executable, "-m", "pytest_conformance.simulation", "--list", dut]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=LISTING, stdin=subprocess.DEVNULL, check=False, text=True
        )
        said = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        return Simulated(dut, kind, trouble=f"its known-bad variants cannot be listed: {error}")
    if isinstance(said, dict):
        return Simulated(dut, kind, trouble=str(said.get("error")))
    return Simulated(dut, kind, tuple(said))


@dataclass
class Runner:
    """Starts runs on the mock bench below `folder`; `stop` ends those that are under way."""

    folder: Path
    profile: str = "quick"
    patience: float = 900.0
    """Wall seconds after which a run is stopped."""
    _live: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _stopped: Event = field(default_factory=Event)

    def run(self, dut: str, known_bad: str, clauses: str) -> Ran:
        """Run the suites on `dut` with one behaviour swapped ("": the good device) and return what they said."""
        if self._stopped.is_set():
            return Ran(trouble="stopped before it began")
        own = self.folder / dut / (known_bad or "good")
        own.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        code = self._pytest(own, dut, known_bad, clauses)
        return _read(own, code, time.monotonic() - began)

    def stop(self) -> None:
        """Let each run under way reach its safe state, and let none begin."""
        self._stopped.set()
        with self._lock:
            live = list(self._live.values())
        for process in live:
            _end(process)

    def _pytest(self, own: Path, dut: str, known_bad: str, clauses: str) -> int | None:
        """Return pytest's exit code; None when it was stopped because it took too long."""
        command = [sys.executable, "-m", "pytest", "--bench=mock", f"--dut={dut}", f"--profile={self.profile}"]
        command += ["--record", str(own.absolute()), "-q", "-p", "no:cacheprovider"]
        command += [f"--known-bad={known_bad}"] if known_bad else []
        command += [f"--clauses={clauses}"] if clauses else []
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        with (own / OUTPUT).open("wb") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True
            )
            with self._lock:
                self._live[process.pid] = process
            try:
                return process.wait(self.patience)
            except subprocess.TimeoutExpired:
                return None
            finally:
                _end(process)
                with self._lock:
                    self._live.pop(process.pid, None)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a run to stop; kill it with its children when it does not."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(ENDING)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _read(own: Path, code: int | None, seconds: float) -> Ran:
    from pytest_conformance.commands.naming import newest_runs

    runs = newest_runs(own, 1)
    folder = str(runs[0]) if runs else str(own)
    if code is None:
        return Ran(trouble="it took too long and was stopped", seconds=seconds, folder=folder)
    if code not in (0, 1, 10):
        return Ran(trouble=f"exit code {code}: {_last_words(own)}", seconds=seconds, folder=folder)
    try:
        results = json.loads((runs[0] / "results.json").read_bytes())
    except (OSError, ValueError, IndexError) as error:
        return Ran(trouble=f"no results.json: {error}", seconds=seconds, folder=folder)
    return Ran(said_in(results), "", seconds, folder)


def _last_words(own: Path) -> str:
    lines: Sequence[str] = (own / OUTPUT).read_text("utf-8", "replace").splitlines()
    said = [line.strip() for line in lines if line.strip()]
    refused = [line for line in said if "refused to start" in line]
    return (refused or said or ["it said nothing"])[-1][:400]

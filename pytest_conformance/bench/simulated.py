"""The process behind the mock bench: start it, read its manifest, advance its time, end it."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_conformance.errors import SimulationError, UsageError

START_TIMEOUT = 60.0
"""Wall seconds that the simulated bench may take until its manifest is there."""
ADVANCE_TIMEOUT = 300.0
"""Wall seconds that one step of simulated time may take."""


class SimulatedWorld:
    """A simulated bench in a process of its own; its far ends are reached over their wires, as in a lab.

    It dies with this process: it lives only as long as its standard input is open. Signals to this process's group
    do not reach it, so that the safe state finds its instruments.
    """

    def __init__(
        self,
        dut: str,
        *,
        known_bad: Sequence[str],
        seed: int,
        door: str,
        folder: Path,
        truth: str = "",
        drawn: int = 0,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._errors = (folder / "simulation.log").open("wb")
        command = [sys.executable, "-m", "pytest_conformance.simulation", "--dut", dut, "--seed", str(seed)]
        command += ["--known-bad", ",".join(known_bad), "--door", door, "--folder", str(folder)]
        command += ["--truth", truth, "--drawn", str(drawn)] if truth else []
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=folder,
            start_new_session=True,
        )
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        try:
            self.manifest = self._read_manifest(folder / "simulation.log")
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process is still there."""
        return self._process.poll() is None

    def entry(self, name: str) -> Mapping[str, Any]:
        """Return the manifest's entry for far end `name`; SimulationError names those that exist."""
        entry = self.manifest.get(name)
        if not isinstance(entry, dict):
            raise SimulationError(
                "BEN-SIM-003",
                f"the simulated bench has no far end {name!r}",
                where=f"address sim:{name}",
                expected=f"one of {', '.join(sorted(self.manifest))}",
                todo="correct the address in the bench file",
            )
        return entry

    def life_line(self) -> int:
        """Return the descriptor that keeps the world alive as long as anybody holds it open."""
        assert self._process.stdin is not None
        return self._process.stdin.fileno()

    def advance(self, seconds: float) -> None:
        """Let `seconds` of the world's time pass at once."""
        self.control(do="advance", seconds=seconds)

    def control(self, **request: Any) -> Any:
        """Ask the simulation's control port (tests only, but for `advance`); SimulationError when it is gone."""
        with self._lock:
            try:
                if self._control is None:
                    port = int(self.entry("control")["port"])
                    self._control = socket.create_connection(("127.0.0.1", port), timeout=ADVANCE_TIMEOUT)
                    self._reader = self._control.makefile("rb")
                self._control.sendall(json.dumps(request).encode() + b"\n")
                line = self._reader.readline()
                if not line:
                    raise ConnectionError("the control connection was closed")
            except OSError as error:
                self._hang_up()
                raise self._gone(str(error)) from error
        answer = json.loads(line)
        if "error" in answer:
            raise SimulationError("BEN-SIM-004", answer["error"], where=f"simulated bench, {request}")
        return answer["ok"]

    def close(self) -> None:
        """End the simulation: close its input, wait, and kill it when it does not go."""
        self._hang_up()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def _hang_up(self) -> None:
        """Close the control connection: after an error, question and answer may be out of step."""
        connection, self._control = self._control, None
        if connection is not None:
            with contextlib.suppress(OSError):
                self._reader.close()
                connection.close()

    def _gone(self, why: str) -> SimulationError:
        return SimulationError(
            "BEN-SIM-002",
            f"the simulated bench went away ({why})",
            where=f"process {self._process.pid}, exit code {self._process.poll()}",
            expected="a process that lives as long as the run",
            todo=f"read {self._errors.name}",
        )

    def _read_manifest(self, log: Path) -> dict[str, Any]:
        assert self._process.stdout is not None
        watchdog = threading.Timer(START_TIMEOUT, self._process.kill)
        watchdog.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            self._process.wait()
            tail = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise self._no_start(tail[0], log)
        try:
            manifest = json.loads(line)
        except ValueError:
            manifest = None
        if not isinstance(manifest, dict):
            raise self._no_start(f"it said {line[:200]!r}", log)
        if isinstance(manifest.get("error"), str):
            raise UsageError("USE-SIM-001", manifest["error"], todo="`conformance validate --list` names what exists")
        return manifest

    def _no_start(self, why: str, log: Path) -> SimulationError:
        return SimulationError(
            "BEN-SIM-001",
            f"the simulated bench did not start: {why}",
            where=str(log),
            expected=f"a manifest within {START_TIMEOUT:g} s",
            todo="read the log; run `conformance simulate` alone",
        )

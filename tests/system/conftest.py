"""Whole runs from the command line: a private suite of a few tests, a bench, and what is left of the run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pytest_conformance.record import Event, read_journal
from pytest_conformance.resources import shipped

TIMEOUT = 240
"""Wall seconds that one run may take on a busy machine."""
HEAD = """
import os, time, threading
import pytest
from pytest_conformance.errors import BenchError, DeviceError, LinkError, MethodError
from pytest_conformance.marks import clause
from pytest_conformance.verdicts import Limit
"""


@dataclass(frozen=True)
class Ran:
    """A run that has ended: exit code, what it printed, and the folder in which it was started."""

    code: int
    out: str
    here: Path

    @cached_property
    def folder(self) -> Path:
        """The record of the run; there must be exactly one."""
        (folder,) = sorted((self.here / "runs").iterdir())
        return folder

    @cached_property
    def results(self) -> Mapping[str, Any]:
        return json.loads((self.folder / "results.json").read_text())  # type: ignore[no-any-return]

    @cached_property
    def clauses(self) -> Mapping[str, Mapping[str, Any]]:
        return {row["id"]: row for row in self.results["clauses"]}

    @cached_property
    def events(self) -> Sequence[Event]:
        return list(read_journal(self.folder / "journal.jsonl"))

    def of_type(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.type == kind]

    def far_end(self, name: str, worker: str = "") -> Any:
        """What the simulated far end `name` saw."""
        file = self.folder / "bench" / worker / "simulation" / "far-ends.json"
        return json.loads(file.read_text())[name]

    @cached_property
    def allure(self) -> Mapping[str, Mapping[str, Any]]:
        """Allure's result of each test, by the test's name."""
        files = (self.folder / "allure-results").glob("*-result.json")
        return {each["name"]: each for each in (json.loads(file.read_text()) for file in files)}

    def switched_off(self, worker: str = "") -> str:
        """Why the supply's output went off in the end; fails when it did not, or never was on."""
        changes = self.far_end("supply", worker)["output"]
        assert [each["on"] for each in changes][:1] == [True], f"the output was never on: {changes}"
        assert changes[-1]["on"] is False, f"the output is still on: {changes}"
        assert self.far_end("supply", worker)["on"] is False
        return str(changes[-1]["why"])


Conduct: TypeAlias = "Callable[..., Ran]"


def command(suite: str, *options: str) -> list[str]:
    quiet = ["-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:cov"]
    return [sys.executable, "-m", "pytest", *quiet, *options, *([suite] if suite else [])]


def surroundings(**more: str) -> dict[str, str]:
    """The environment without what the pytest around this one has put there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_", "CONFORM"))}
    return {**kept, "COLUMNS": "200", **more}


def conduct_in(here: Path, source: str, *options: str, bench: str = "mock", **env: str) -> Ran:
    """Run the tests in `source` (none: the shipped suites) on `bench`, in folder `here`; return when it has ended."""
    if source:
        (here / "mine").mkdir(exist_ok=True)
        (here / "mine" / "test_mine.py").write_text(HEAD + source)
    done = subprocess.run(
        command("mine" if source else "", f"--bench={bench}", *options),
        cwd=here,
        env=surroundings(**env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode("utf-8", "surrogateescape"), here)


@pytest.fixture
def conduct(tmp_path: Path) -> Conduct:
    """Conduct a run in this test's own folder."""
    return partial(conduct_in, tmp_path)


@pytest.fixture(scope="module")
def conduct_once(tmp_path_factory: pytest.TempPathFactory) -> Conduct:
    """Conduct a run that several tests of a module look at."""
    return lambda *arguments, **more: conduct_in(tmp_path_factory.mktemp("run"), *arguments, **more)


@pytest.fixture
def bench_file(tmp_path: Path) -> Callable[..., str]:
    """Write a bench file made from the mock bench's by replacing texts, and return its path as an option takes it."""

    def write(*replaced: tuple[str, str]) -> str:
        text = (shipped("benches") / "mock.yaml").read_text()
        for old, new in replaced:
            assert old in text, old
            text = text.replace(old, new, 1)
        file = tmp_path / "own.yaml"
        file.write_text(text)
        return str(file)

    return write


@pytest.fixture
def declaration_file(tmp_path: Path) -> Callable[..., str]:
    """Write a declaration made from the mock lock's by replacing texts, and return its path."""

    def write(*replaced: tuple[str, str]) -> str:
        text = (shipped("fixtures") / "devices" / "mock-lock.yaml").read_text()
        for old, new in replaced:
            assert old in text, old
            text = text.replace(old, new, 1)
        file = tmp_path / "mock-lock.yaml"
        file.write_text(text)
        return str(file)

    return write


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a run and return at once; killed with everything it started when the test ends."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(source: str, *options: str) -> subprocess.Popen[bytes]:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "test_mine.py").write_text(HEAD + source)
        process = subprocess.Popen(
            command("mine", "--bench=mock", *options),
            cwd=tmp_path,
            env=surroundings(),
            stdin=subprocess.DEVNULL,
            stdout=(tmp_path / "out").open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

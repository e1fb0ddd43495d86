"""Forks runs: a process that has loaded everything once, so that five hundred runs do not load it five hundred times.

Each line of its input is JSON: folder, arguments of pytest, environment. It answers with the process number, and with
the exit status when that process has ended. Every run is a process of its own, started by a fork without threads.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

import pytest_conformance.bench.assembly
import pytest_conformance.bench.file
import pytest_conformance.drivers.supply
import pytest_conformance.fixtures
import pytest_conformance.procedures
import pytest_conformance.reports.building
import pytest_conformance.reports.terminal
import pytest_conformance.running.session  # noqa: F401
from pytest_conformance.catalogue import load_catalogue
from pytest_conformance.declaration import find_declaration, load_declaration


def child(folder: str, arguments: list[str], environment: dict[str, str]) -> int:
    os.setsid()
    os.chdir(folder)
    out = os.open("out", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(out, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(environment)
    return int(pytest.main(arguments))


def main() -> None:
    load_catalogue()
    load_declaration(find_declaration("mock-lock", Path.cwd()))  # units are read for the first time here
    print("ready", flush=True)
    while line := sys.stdin.readline():
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            status = 70
            try:
                status = child(asked["folder"], asked["arguments"], asked["environment"])
            finally:
                sys.stdout.flush()
                os._exit(status)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


main()

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_conformance.simulation.network import namespaces
from pytest_conformance.simulation.network.namespace_door import NamespaceDoor

pytestmark = pytest.mark.skipif(bool(namespaces.missing()), reason=f"no namespaces: {namespaces.missing()}")

CHILD = """
from pytest_conformance.simulation.network.namespace_door import NamespaceDoor
door = NamespaceDoor()
door.open()
print("open", flush=True)
input()
"""


def names_of(pid: int) -> set[str]:
    folder = Path("/run/netns")
    return {path.name for path in folder.iterdir() if path.name.endswith(f"-{pid}")} if folder.is_dir() else set()


def child() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def test_closing_the_door_leaves_no_namespace() -> None:
    door = NamespaceDoor()
    door.open()
    assert len(names_of(os.getpid())) == 4
    door.close()
    assert names_of(os.getpid()) == set()
    door.close()


def test_a_process_that_ends_without_closing_leaves_no_namespace() -> None:
    process = child()
    assert len(names_of(process.pid)) == 4
    process.communicate("\n", timeout=20)
    assert names_of(process.pid) == set()


def test_the_namespaces_of_a_killed_process_are_removed_by_the_next_one() -> None:
    process = child()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)
    assert len(names_of(process.pid)) == 4
    alive = child()
    assert names_of(process.pid) == set()
    assert namespaces.remove_stale() == []
    assert len(names_of(alive.pid)) == 4
    alive.communicate("\n", timeout=20)


def test_two_processes_have_networks_of_their_own() -> None:
    processes = [child(), child()]
    assert all(len(names_of(process.pid)) == 4 for process in processes)
    for process in processes:
        process.communicate("\n", timeout=20)


def test_a_failing_command_is_an_error_with_its_complaint() -> None:
    with pytest.raises(OSError, match="no-such-interface"):
        namespaces.ip("link", "show", "no-such-interface")

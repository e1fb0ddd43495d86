"""Work in a child with limits: its result comes back, and whatever ends it is said here."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_conformance.apart import WorkDiedError, apart
from pytest_conformance.errors import UsageError
from pytest_conformance.record.merkle import Frontier
from pytest_conformance.verdicts import Limit


@dataclass(frozen=True)
class Foreign:
    """A type that is not ours."""

    number: int


def double(number: int) -> tuple[int, Limit]:
    return 2 * number, Limit("s", upper=float(number))


def pid() -> int:
    return os.getpid()


def refuse() -> None:
    raise UsageError("USE-CAP-001", "no capture", where="file", expected="packets", todo="give one")


def raise_what_decoders_raise() -> None:
    raise IndexError("list index out of range")


def die(number: int) -> None:
    os.kill(os.getpid(), number)


def exit_early() -> None:
    os._exit(3)


def allocate(size: int) -> int:
    return len(bytearray(size))


def spin() -> None:
    while True:
        pass


def foreign() -> Foreign:
    return Foreign(1)


def behaving() -> Frontier:
    return Frontier()


def foreign_path() -> Path:
    return Path("/etc/passwd")


def test_a_result_comes_back_from_another_process() -> None:
    assert apart(double, 3) == (6, Limit("s", upper=3.0))
    assert apart(pid) != os.getpid()


def test_an_error_of_ours_is_raised_here_as_it_was() -> None:
    with pytest.raises(UsageError) as caught:
        apart(refuse)
    assert (caught.value.code, caught.value.where, caught.value.todo) == ("USE-CAP-001", "file", "give one")


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_child_that_is_killed_is_said(number: signal.Signals) -> None:
    with pytest.raises(WorkDiedError, match=number.name):
        apart(die, int(number))


def test_a_child_that_leaves_without_a_result_is_said() -> None:
    with pytest.raises(WorkDiedError, match="ended with 3 and no result"):
        apart(exit_early)


def test_what_is_no_error_of_ours_ends_the_work_and_not_the_run() -> None:
    with pytest.raises(WorkDiedError, match="IndexError: list index out of range"):
        apart(raise_what_decoders_raise)


def test_memory_is_limited() -> None:
    size = 64 * 1024**2
    assert apart(allocate, size, memory=4 * size) == size
    with pytest.raises(WorkDiedError, match="needs more than 64 MiB"):
        apart(allocate, 4 * size, memory=size)


def test_processor_time_is_limited_and_meanwhile_the_caller_lives() -> None:
    beats: list[int] = []
    with pytest.raises(WorkDiedError, match="more than 2 s of processor time"):
        apart(spin, seconds=2, meanwhile=lambda: beats.append(1))
    assert beats


@pytest.mark.parametrize("act", [foreign, foreign_path, behaving])
def test_only_data_of_ours_comes_back(act: object) -> None:
    with pytest.raises(WorkDiedError, match="no data of ours"):
        apart(act)  # type: ignore[arg-type]


def test_an_interrupted_caller_leaves_no_child(tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    before = _children()
    with pytest.raises(KeyboardInterrupt):
        apart(spin, meanwhile=interrupt)
    assert _children() == before


def _children() -> int:
    """Return how many processes run this work at the moment: forked from the server, by their command line."""
    import multiprocessing

    assert sys.platform == "linux"
    return len(multiprocessing.active_children())

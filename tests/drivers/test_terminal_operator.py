"""A person at a terminal: what they are asked, what counts as an answer, and what when none comes."""

from __future__ import annotations

import os
import select
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_conformance.clock import RealClock
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.terminal_operator import TerminalOperator, TerminalOperatorSettings
from pytest_conformance.errors import LinkError, OperatorError


class Person:
    """Who sits at the terminal: types `answers` one by one, each when the next question has come."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.answers: list[bytes] = []
        self.read = b""
        self._ends = False
        self._thread = threading.Thread(target=self._sit, daemon=True)
        self._thread.start()

    @property
    def terminal(self) -> str:
        return os.ttyname(self.slave)

    @property
    def questions(self) -> int:
        return self.read.count(b"> ")

    def leave(self) -> None:
        self._ends = True
        self._thread.join()
        os.close(self.slave)
        os.close(self.master)

    def _sit(self) -> None:
        answered = 0
        while not self._ends:
            if select.select([self.master], [], [], 0.02)[0]:
                self.read += os.read(self.master, 4096)
            if self.questions > answered and self.answers:
                answered = self.questions
                os.write(self.master, self.answers.pop(0))


@pytest.fixture
def person() -> Iterator[Person]:
    person = Person()
    yield person
    person.leave()


def opened(person: Person, tmp_path: Path, timeout: str = "5 s", reminder: str = "2 s") -> TerminalOperator:
    given = {"address": person.terminal, "timeout": timeout, "reminder": reminder}
    settings = TerminalOperatorSettings.model_validate(given)
    return TerminalOperator.open(settings, DriverContext("operator", RealClock(), tmp_path))


@pytest.mark.parametrize(("typed", "done"), [(b"\r", True), (b"\n", True), (b"s\n", False), (b"S\r", False)])
def test_enter_is_done_and_s_is_skip(person: Person, tmp_path: Path, typed: bytes, done: bool) -> None:
    person.answers = [typed]
    assert opened(person, tmp_path).ask("Hold S1, place 1, before the device.") is done
    assert b"Hold S1, place 1, before the device." in person.read


def test_any_other_answer_is_asked_again(person: Person, tmp_path: Path) -> None:
    person.answers = [b"yes please\n", b"q\n", b"\n"]
    assert opened(person, tmp_path).ask("Hold S1.")
    assert person.questions == 3
    assert b"'yes please' is no answer" in person.read


def test_what_was_typed_before_the_question_is_no_answer(person: Person, tmp_path: Path) -> None:
    operator = opened(person, tmp_path, timeout="0.6 s", reminder="0.6 s")
    os.write(person.master, b"\n\n")
    time.sleep(0.05)
    with pytest.raises(OperatorError):
        operator.ask("Hold S1.")


def test_I01_nobody_answers_a_reminder_comes_and_it_is_never_a_yes(person: Person, tmp_path: Path) -> None:
    operator = opened(person, tmp_path, timeout="0.9 s", reminder="0.3 s")
    began = time.monotonic()
    with pytest.raises(OperatorError) as caught:
        operator.ask("Hold S1.")
    assert caught.value.code == "OPR-ASK-001"
    assert 0.9 <= time.monotonic() - began < 3.0
    time.sleep(0.1)
    assert person.questions in (3, 4)
    assert person.read.count(b"Still waiting") in (2, 3)


def test_without_a_terminal_the_bench_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for address in ("/dev/no-such-terminal", str(tmp_path / "file")):
        with pytest.raises(LinkError) as caught:
            TerminalOperator.open(
                TerminalOperatorSettings(address=address), DriverContext("operator", RealClock(), tmp_path)
            )
        assert caught.value.code == "BEN-LNK-141"


def test_a_terminal_that_goes_away_is_a_fault_of_the_bench(tmp_path: Path) -> None:
    master, slave = os.openpty()
    address = os.ttyname(slave)
    operator = TerminalOperator.open(
        TerminalOperatorSettings(address=address), DriverContext("operator", RealClock(), tmp_path)
    )
    os.close(slave)
    threading.Timer(0.2, os.close, [master]).start()
    with pytest.raises(LinkError) as caught:
        operator.ask("Hold S1.")
    assert caught.value.code == "BEN-LNK-142"
    operator.close()
    operator.close()

"""Scripted far ends for wire conversations, and the simulated instruments in this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import EllipsisType
from typing import TypeAlias

import pytest

from pytest_conformance.clock import DrivenClock, RealClock
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.simulation.instruments import add_instruments
from pytest_conformance.simulation.world import Options, World

Answer: TypeAlias = "str | tuple[str, float] | EllipsisType | None"
"""A text, at once or after some seconds; None: no answer; `...`: hang up, and listen no more."""
Exchange: TypeAlias = "tuple[str, Answer]"
Talk: TypeAlias = "Callable[[Sequence[Exchange]], AbstractContextManager[Scripted]]"


class Scripted:
    """Expects the lines of a script, in order and over any number of connections, and gives their answers."""

    def __init__(self, script: Sequence[Exchange]) -> None:
        self._script = list(script)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._timers: list[threading.Timer] = []
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.surprises: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def visa(self) -> str:
        return f"TCPIP::127.0.0.1::{self.port}::SOCKET"

    @property
    def serial(self) -> str:
        return f"socket://127.0.0.1:{self.port}"

    def say(self, line: str) -> None:
        """Send a line that nobody asked for."""
        self._connections[-1].sendall(line.encode() + b"\n")

    def close(self) -> None:
        for timer in self._timers:
            timer.cancel()
        for each in (self._listener, *self._connections):
            each.close()

    def left(self) -> list[Exchange]:
        return list(self._script)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            for raw in connection.makefile("rb"):
                line = raw.decode().strip()
                if not self._script or self._script[0][0] != line:
                    self.surprises.append(line)
                    continue
                _, answer = self._script.pop(0)
                if answer is ...:
                    self._listener.shutdown(socket.SHUT_RDWR)
                    connection.shutdown(socket.SHUT_RDWR)
                    return
                self._answer(connection, answer)
        except (OSError, ValueError):
            pass

    def _answer(self, connection: socket.socket, answer: Answer) -> None:
        if isinstance(answer, tuple):
            timer = threading.Timer(answer[1], self._send, (connection, answer[0]))
            self._timers.append(timer)
            timer.start()
        elif isinstance(answer, str):
            self._send(connection, answer)

    @staticmethod
    def _send(connection: socket.socket, text: str) -> None:
        with suppress(OSError):
            connection.sendall(text.encode("utf-8", "surrogateescape") + b"\n")


@pytest.fixture
def talk() -> Talk:
    """Give a scripted far end; on leaving, every line of the script must have been said and no other."""

    @contextmanager
    def conversation(script: Sequence[Exchange]) -> Iterator[Scripted]:
        scripted = Scripted(script)
        try:
            yield scripted
            assert scripted.surprises == []
            assert scripted.left() == []
        finally:
            scripted.close()

    return conversation


@pytest.fixture
def context(tmp_path: Path) -> DriverContext:
    return DriverContext("role", RealClock(), tmp_path)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give a world with every simulated instrument started; `world.manifest` is what clients need to know."""
    world = World(Options("mock-lock", folder=tmp_path))
    add_instruments(world)
    try:
        world.manifest = world.start()  # type: ignore[attr-defined]
        yield world
    finally:
        world.stop()


@pytest.fixture
def driven(world: World, tmp_path: Path) -> DriverContext:
    """Give a context whose clock advances `world`, as on the mock bench."""
    return DriverContext("role", DrivenClock(world.timeline.advance), tmp_path)

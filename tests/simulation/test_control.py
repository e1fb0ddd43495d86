"""The back door of the mock bench: JSON lines in, answers or errors out, whatever is asked."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.simulation.control import ControlServer
from pytest_conformance.simulation.timeline import SECOND
from pytest_conformance.simulation.world import Options, World

Ask = Callable[[Any], Any]


class Far:
    """A far end that only remembers."""

    def __init__(self, name: str) -> None:
        self.name, self.killed = name, False

    def start(self) -> dict[str, Any]:
        return {"address": f"at {self.name}"}

    def stop(self) -> None: ...

    def kill(self) -> None:
        self.killed = True

    def seen(self) -> Any:
        return [self.name, "saw"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(Options("none", folder=tmp_path))
    made.add(Far("supply"))
    yield made
    made.stop()


@pytest.fixture
def ask(world: World) -> Iterator[Ask]:
    server = ControlServer(world)
    server.start()
    with socket.create_connection(("127.0.0.1", server.port), 5) as connection, connection.makefile("rb") as answers:

        def asked(request: Any) -> Any:
            line = request if isinstance(request, bytes) else json.dumps(request).encode()
            connection.sendall(line + b"\n")
            return json.loads(answers.readline())

        yield asked
    server.stop()


def test_time_can_be_asked_and_advanced(ask: Ask) -> None:
    before = ask({"do": "now"})["ok"]
    after = ask({"do": "advance", "seconds": 100})["ok"]
    assert after - before >= 100 * SECOND


@pytest.mark.parametrize("seconds", [-1, 1e7, "5", None, float("nan")])
def test_time_advances_by_sensible_amounts_only(ask: Ask, seconds: Any) -> None:
    before = ask({"do": "now"})["ok"]
    assert "ValueError" in ask({"do": "advance", "seconds": seconds})["error"]
    assert ask({"do": "now"})["ok"] - before < 60 * SECOND


def test_far_ends_are_named_seen_and_killed(ask: Ask, world: World) -> None:
    assert ask({"do": "names"}) == {"ok": ["supply"]}
    assert ask({"do": "seen", "name": "supply"}) == {"ok": ["supply", "saw"]}
    assert ask({"do": "kill", "name": "supply"}) == {"ok": True}
    assert world.far_end("supply").killed  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "request_", [{"do": "dance"}, {}, [], b"no json", b"\xff\xfe", {"do": "kill"}, {"do": "kill", "name": "nobody"}]
)
def test_nonsense_gets_an_error_and_the_next_question_an_answer(ask: Ask, request_: Any) -> None:
    assert "error" in ask(request_)
    assert ask({"do": "names"}) == {"ok": ["supply"]}

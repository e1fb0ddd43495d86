"""The world's far ends: named once, started for the manifest, stopped in reverse, telling in the end what they saw."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.simulation.world import FAR_ENDS, Options, World

HAPPENED: list[str] = []


class Far:
    def __init__(self, name: str, seen: Any = None) -> None:
        self.name, self._seen = name, seen

    def start(self) -> dict[str, Any]:
        HAPPENED.append(f"start {self.name}")
        return {"address": f"at {self.name}"}

    def stop(self) -> None:
        HAPPENED.append(f"stop {self.name}")

    def kill(self) -> None: ...

    def seen(self) -> Any:
        if isinstance(self._seen, Exception):
            raise self._seen
        return self._seen


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    HAPPENED.clear()
    made = World(Options("none", seed=5, folder=tmp_path))
    yield made
    made.timeline.close()


def test_the_manifest_has_each_far_end_s_entry(world: World) -> None:
    world.add(Far("a"))
    world.add(Far("b"))
    assert world.start() == {"a": {"address": "at a"}, "b": {"address": "at b"}}
    assert [each.name for each in world] == ["a", "b"]


def test_far_ends_stop_in_reverse_and_then_time_does(world: World) -> None:
    world.add(Far("a"))
    world.add(Far("b"))
    world.stop()
    assert HAPPENED == ["stop b", "stop a"]
    assert world.timeline._closed


def test_two_far_ends_of_one_name_are_a_mistake(world: World) -> None:
    world.add(Far("a"))
    with pytest.raises(ValueError, match="'a'"):
        world.add(Far("a"))


def test_an_unknown_far_end_names_those_that_exist(world: World) -> None:
    world.add(Far("b"))
    world.add(Far("a"))
    with pytest.raises(KeyError, match="there are a, b"):
        world.far_end("c")


def test_in_the_end_it_tells_what_each_far_end_saw(world: World, tmp_path: Path) -> None:
    world.add(Far("supply", {"on": False, "output": [{"on": True}]}))
    world.add(Far("console", ["\x1b", "\udc80", b"raw"]))
    world.add(Far("shy", ValueError("closed already")))
    world.tell()
    raw = (tmp_path / FAR_ENDS).read_bytes()
    assert raw.isascii()
    told = json.loads(raw)
    assert told["supply"]["output"] == [{"on": True}]
    assert told["console"] == ["\x1b", "\udc80", "b'raw'"]
    assert told["shy"] == {"error": "ValueError: closed already"}


def test_the_same_seed_gives_the_same_chances(world: World, tmp_path: Path) -> None:
    other = World(Options("none", seed=5, folder=tmp_path))
    other.timeline.close()
    assert [world.random.random() for _ in range(3)] == [other.random.random() for _ in range(3)]


def test_a_device_begins_without_power(world: World) -> None:
    assert world.rail.value == 0.0
    assert world.bolt.value is True

"""The whole world around a small device: what is added, what is refused."""

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from pytest_conformance.simulation import build
from pytest_conformance.simulation.build import build_world, known_bad_table
from pytest_conformance.simulation.devices.base import Device, Facts
from pytest_conformance.simulation.devices.behaviours import COMMON, Identity
from pytest_conformance.simulation.devices.known_bad import known_bad
from pytest_conformance.simulation.world import Options, World


@known_bad("build-test-mute", kind="build-test", slot="identity", breaks=["EN303645-5.1-1"])
class Mute(Identity):
    """Says nothing of itself."""


def build_sample(world: World, known_bad: tuple[str, ...]) -> Device:
    return Device(world, "build-test", Facts("M", "Sample", "1", "2"), COMMON, known_bad)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """Only the sample device is installed, as a third party would."""
    entries = [EntryPoint("private-lock", f"{__name__}:build_sample", build.SIMULATORS)]
    monkeypatch.setattr(EntryPoint, "load", lambda self: loaders[self.name]())
    monkeypatch.setattr(build, "entry_points", lambda group: entries)
    return entries


def missing() -> Callable[..., Device]:
    raise ImportError("no module named 'nowhere'")


loaders: dict[str, Callable[[], Callable[..., Device]]] = {"private-lock": lambda: build_sample, "broken": missing}


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options("private-lock", door="relay", folder=tmp_path)


@pytest.fixture
def world(installed: list[EntryPoint], options: Options) -> Iterator[World]:
    made = build_world(options)
    yield made
    made.stop()


def test_every_part_of_the_world_is_there_and_starts(world: World) -> None:
    names = {far_end.name for far_end in world}
    assert {"supply", "mover", "display", "watch", "console"} <= names
    manifest = world.start()
    assert set(manifest) == names
    assert str(manifest["console"]["address"]).startswith("/dev/")
    world.rail.set(5.0)
    world.timeline.advance(2.1)


def test_the_device_s_front_is_seen_by_the_watch_camera(world: World) -> None:
    far_end = world.far_end("watch")
    before = far_end.jpeg()
    device = next(far_end for far_end in world if far_end.name == "console")._device
    device.front("Hello there")
    assert len(far_end.jpeg()) > len(before) + 50


def test_known_bad_behaviours_are_swapped_in(installed: list[EntryPoint], tmp_path: Path) -> None:
    world = build_world(Options("private-lock", ("build-test-mute",), door="relay", folder=tmp_path))
    world.rail.set(5.0)
    world.timeline.advance(2.1)
    assert type(world.far_end("console")._device.behaviour("identity")) is Mute
    world.stop()


def test_an_unknown_device_lists_near_ones(installed: list[EntryPoint], tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="'private-lock'"):
        build_world(Options("privat-lock", folder=tmp_path))


def test_an_unknown_variant_is_refused(installed: list[EntryPoint], tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="build-test-mute"):
        build_world(Options("private-lock", ("build-test-mut",), door="relay", folder=tmp_path))


def test_a_device_that_cannot_be_imported_is_named(installed: list[EntryPoint], tmp_path: Path) -> None:
    installed.append(EntryPoint("broken", "nowhere:build", build.SIMULATORS))
    with pytest.raises(LookupError, match=r"'broken'.*nowhere"):
        build_world(Options("broken", folder=tmp_path))
    with pytest.raises(LookupError, match="'broken'"):
        known_bad_table()


def test_the_table_holds_what_devices_registered(installed: list[EntryPoint]) -> None:
    row = next(row for row in known_bad_table() if row["name"] == "build-test-mute")
    assert row == {
        "name": "build-test-mute",
        "kind": "build-test",
        "slot": "identity",
        "breaks": ["EN303645-5.1-1"],
        "does": "Says nothing of itself.",
    }


def test_only_a_missing_optional_package_is_tolerated(
    installed: list[EntryPoint], options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(name: str) -> Callable[[str], object]:
        from importlib import import_module

        def load(module: str) -> object:
            if module.endswith(".ble"):
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            return import_module(module)

        return load

    monkeypatch.setattr(build, "import_module", without("bumble.device"))
    world = build_world(options)
    assert "ble" not in {far_end.name for far_end in world}
    world.stop()
    monkeypatch.setattr(build, "import_module", without("numpy"))
    with pytest.raises(ModuleNotFoundError):
        build_world(options)

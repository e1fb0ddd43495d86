"""Which door is opened, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_conformance.simulation.network import DoorUnavailableError, add_network, namespaces
from pytest_conformance.simulation.world import Options, World


def test_demanding_namespaces_where_there_are_none_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(namespaces, "missing", lambda: "dumpcap not installed")
    with pytest.raises(DoorUnavailableError, match="dumpcap not installed"):
        add_network(World(Options("none", door="namespace", folder=tmp_path)))


def test_the_relay_stands_in_for_missing_namespaces_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(namespaces, "missing", lambda: "not running as root")
    world = World(Options("none", folder=tmp_path))
    add_network(world)
    try:
        manifest = world.start()
        assert world.net.door == "relay"
        assert "not running as root" in world.net.door_reason
        assert str(manifest["capture"]["address"]).startswith("relay:127.0.0.1:")  # type: ignore[index,call-overload]
    finally:
        world.stop()


def test_a_namespace_that_cannot_be_made_leads_to_the_relay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*arguments: str) -> str:
        raise OSError("Operation not permitted")

    monkeypatch.setattr(namespaces, "missing", lambda: "")
    monkeypatch.setattr(namespaces, "ip", refuse)
    world = World(Options("none", folder=tmp_path))
    add_network(world)
    try:
        world.start()
        assert world.net.door == "relay"
        assert world.net.door_reason == "Operation not permitted"
    finally:
        world.stop()

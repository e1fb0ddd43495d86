"""Drivers by entry point: found, unknown with near names, broken with the reason."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from pytest_conformance.drivers import registry
from pytest_conformance.drivers.supply import ScpiSupply
from pytest_conformance.errors import UsageError


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {
        registry.DRIVERS: ["good = collections:OrderedDict", "gone = no_such_module:X", "bare = collections:Nothing"],
        registry.DEVICES: [],
    }

    def found(*, group: str) -> list[EntryPoint]:
        return [EntryPoint(*line.split(" = "), group) for line in entries[group]]

    monkeypatch.setattr(registry, "entry_points", found)


def test_the_shipped_drivers_load() -> None:
    assert registry.load("scpi-supply") is ScpiSupply
    assert "serial-console" in registry.names()
    assert "lock" in registry.names(registry.DEVICES)


@pytest.mark.parametrize("name", registry.names())
def test_every_shipped_driver_has_settings_and_opens(name: str) -> None:
    driver: Any = registry.load(name)
    assert callable(driver.open)
    assert driver.Settings.model_config.get("extra") == "forbid", "an unknown setting must be an error"


def test_names_are_sorted_and_each_once(installed: None) -> None:
    assert registry.names() == ["bare", "gone", "good"]


def test_an_unknown_driver_has_near_names_and_a_place(installed: None) -> None:
    with pytest.raises(UsageError) as caught:
        registry.load("godo", where="own.yaml:3:5")
    assert (caught.value.code, caught.value.where) == ("USE-DRV-001", "own.yaml:3:5")
    assert "did you mean 'good'" in caught.value.expected
    assert "no driver is named 'godo'" in str(caught.value)


def test_with_nothing_near_all_are_named(installed: None) -> None:
    with pytest.raises(UsageError, match="'bare', 'gone', 'good'"):
        registry.load("xyz")


def test_with_nothing_installed_that_is_said(installed: None) -> None:
    with pytest.raises(UsageError, match="an installed entry point") as caught:
        registry.load("lock", group=registry.DEVICES)
    assert "no device is named" in caught.value.what


@pytest.mark.parametrize(("name", "said"), [("gone", "ModuleNotFoundError"), ("bare", "AttributeError")])
def test_a_driver_that_cannot_be_loaded_says_why(installed: None, name: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        registry.load(name, where="own.yaml:3:5")
    assert caught.value.code == "USE-DRV-002"
    assert said in caught.value.what
    assert caught.value.where.startswith("own.yaml:3:5 -> ")

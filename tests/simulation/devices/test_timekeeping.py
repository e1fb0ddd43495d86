from __future__ import annotations

from typing import Any

import pytest

from pytest_conformance.simulation.devices.timekeeping import Timekeeping

Lock = Any


def told(lock: Lock) -> float | None:
    hour: float | None = lock.device.get(Timekeeping).hour
    return hour


def test_before_the_rules_nobody_asks_for_the_time(lock: Lock) -> None:
    lock.wait(900)
    assert lock.world.net.time_asked == 0
    assert told(lock) is None


def test_the_device_follows_the_time_that_it_is_told(owned: Lock) -> None:
    owned.wait(300)
    assert told(owned) == pytest.approx(owned.world.net.wall() % 86_400 / 3600, abs=0.01)
    before = told(owned)
    owned.world.net.ahead = 7200.0
    owned.wait(300)
    assert before is not None
    assert told(owned) == pytest.approx((before + 2 + 1 / 12) % 24, abs=0.01)


def test_without_an_answer_the_old_time_goes_on(owned: Lock, monkeypatch: pytest.MonkeyPatch) -> None:
    owned.wait(300)
    before = told(owned)

    def unreachable(sender: str) -> None:
        raise OSError("unreachable")

    monkeypatch.setattr(owned.world.net, "udp", unreachable)
    owned.wait(3600)
    assert before is not None
    assert told(owned) == pytest.approx((before + 1) % 24, abs=0.01)

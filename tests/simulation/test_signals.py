"""Lines between simulated things: a value, its history, and who is told of changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_conformance.simulation.signals import Signal
from pytest_conformance.simulation.timeline import SECOND, Timeline


@pytest.fixture
def timeline() -> Iterator[Timeline]:
    made = Timeline()
    yield made
    made.close()


def test_changes_are_told_in_the_order_of_listening(timeline: Timeline) -> None:
    rail = Signal(timeline, 0.0)
    told: list[tuple[str, float]] = []
    rail.listen(lambda volts: told.append(("first", volts)))
    rail.listen(lambda volts: told.append(("second", volts)))
    rail.set(5.0)
    assert (rail.value, told) == (5.0, [("first", 5.0), ("second", 5.0)])


def test_the_same_value_again_is_no_change(timeline: Timeline) -> None:
    bolt = Signal(timeline, True)
    told: list[bool] = []
    bolt.listen(told.append)
    bolt.set(True)
    assert (told, len(bolt.history)) == ([], 1)


def test_the_history_has_world_times(timeline: Timeline) -> None:
    lamp = Signal(timeline, "off")
    timeline.advance(10.0)
    lamp.set("red")
    (began, first), (changed, second) = lamp.history
    assert (first, second) == ("off", "red")
    assert changed - began >= 10 * SECOND


def test_a_listener_may_change_the_signal_again(timeline: Timeline) -> None:
    number = Signal(timeline, 0)
    number.listen(lambda value: number.set(min(value + 1, 3)))
    number.set(1)
    assert number.value == 3
    assert [value for _, value in number.history] == [0, 1, 2, 3]

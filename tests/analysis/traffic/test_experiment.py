"""The volume experiment's statistics: size, power and coverage by simulation, exact values by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_conformance.analysis.traffic import Event, Policy, experiment

Generator = np.random.Generator


def quiet(g: Generator, shape: tuple[int, int]) -> Any:
    return np.where(g.random(shape) < 1 / 3, g.integers(60, 320, shape), 0).astype(float)


def chatty(g: Generator, shape: tuple[int, int]) -> Any:
    bursts = g.poisson(10 / 240, shape)
    return quiet(g, shape) + bursts * np.exp(g.normal(np.log(3000) - 0.18, 0.6, shape))


def heavy(g: Generator, shape: tuple[int, int]) -> Any:
    bursts = g.poisson(10 / 120, shape)
    return quiet(g, shape) + np.minimum(bursts * 1500 * (1 + g.pareto(1.3, shape)), 2e6)


BACKGROUNDS = {"quiet": quiet, "chatty": chatty, "heavy": heavy}


def _runs(background: str, runs: int, extra: float, blocks: int = 12) -> list[tuple[Any, tuple[int, ...]]]:
    out = []
    for seed in range(runs):
        plan = experiment.schedule(seed, blocks)
        slots = BACKGROUNDS[background](np.random.default_rng(seed + 10_000), (blocks, 5))
        slots[np.arange(blocks), list(plan.events)] += extra
        out.append((slots, plan.events))
    return out


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_size_at_one_percent(background: str) -> None:
    rejected = sum(experiment.rank_test(x, e).p <= 0.01 for x, e in _runs(background, 2000, 0))
    assert 0.005 <= rejected / 2000 <= 0.016


def test_power_for_two_kilobytes_in_a_chatty_background() -> None:
    rejected = sum(experiment.rank_test(x, e).p <= 0.01 for x, e in _runs("chatty", 400, 2000))
    assert rejected / 400 >= 0.95


@pytest.mark.parametrize("background", ["quiet", "chatty"])
def test_bounds_cover_the_truth(background: str) -> None:
    inside = sum(low <= 2000 <= high for low, high in (experiment.bounds(x, e) for x, e in _runs(background, 60, 2000)))
    assert inside >= 57


def test_null_is_exact_without_ties() -> None:
    slots = np.array([[1.0, 2, 3, 4, 5]] * 3)
    result = experiment.rank_test(slots, (4, 4, 4))
    assert result.p == pytest.approx(1 / 125)
    assert experiment.rank_test(slots, (0, 0, 0)).p == pytest.approx(1.0)


def test_all_equal_slots_say_nothing() -> None:
    assert experiment.rank_test(np.zeros((12, 5)), (0,) * 12).p == pytest.approx(1.0)


def test_schedule_is_reproducible_and_uses_every_slot() -> None:
    assert experiment.schedule(5) == experiment.schedule(5)
    assert set(experiment.schedule(5, blocks=200).events) == {0, 1, 2, 3, 4}
    assert experiment.schedule(5).starts()[1][0] == pytest.approx(75.0)


def test_sequential_test_stops_early_and_rarely_under_the_null() -> None:
    stops = [experiment.sequential(x, e, s)[1] for s, (x, e) in enumerate(_runs("chatty", 200, 2000, 30))]
    assert sum(stop is not None and stop <= 9 for stop in stops) >= 190
    false = [experiment.sequential(x, e, s)[1] for s, (x, e) in enumerate(_runs("heavy", 500, 0, 60))]
    assert sum(stop is not None for stop in false) <= 12


def test_lag_scan_finds_an_unknown_delay() -> None:
    plan = experiment.schedule(3, 12)
    flat = quiet(np.random.default_rng(1), (30, 5)).reshape(-1)
    for block, slot in enumerate(plan.events):
        flat[block * 5 + slot + 23] += 4000
    p, lag = experiment.lag_scan(flat, plan, draws=199)
    assert (p <= 0.01, lag) == (True, 23)


def test_holm_and_rounds_and_change() -> None:
    assert experiment.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert experiment.rounds_test([0, 2, 4, 6, 8, 0, 2, 4], [1, 20, 41, 60, 80, 2, 21, 40], 1, 999) < 0.01
    p, where = experiment.change_point(
        [1, 2, 1, 3, 2, 1, 2, 3, 1, 2, 50, 60, 55, 52, 58, 61, 57, 59, 54, 53], 1, draws=299
    )
    assert p < 0.01
    assert 8 <= where <= 11


def test_constant_rate_and_number_of_events() -> None:
    assert experiment.is_constant_rate(np.full((4, 5), 1000.0))
    assert not experiment.is_constant_rate(quiet(np.random.default_rng(2), (4, 5)))
    assert experiment.events_needed(2000, 844) == 4
    assert experiment.events_needed(100, 844) == 1405


def _experiment(wire: Any, extra: int, start: float) -> tuple[Event, ...]:
    plan = experiment.schedule(11, 12)
    g = np.random.default_rng(4)
    events = []
    for block, times in enumerate(plan.starts()):
        for slot, offset in enumerate(times):
            t = start + offset
            hot = slot == plan.events[block]
            events.append(Event(t, "experiment_event" if hot else "experiment_sham", str(block)))
            wire.time = t + 1
            size = int(g.integers(60, 320)) + (extra if hot else 0)
            for at in range(0, size, 1400):
                wire.udp(g.bytes(min(1400, size - at)), 7000)
    return tuple(events)


@pytest.mark.parametrize(("extra", "verdict"), [(9000, "FAIL"), (0, "INCONCLUSIVE")])
def test_encrypted_upload_at_each_event_is_found_by_volume(wire: Any, look: Any, extra: int, verdict: str) -> None:
    start = wire.time
    wire.udp(b"\x99" * 20, 7000)
    events = _experiment(wire, extra, start + 5)
    check = look(wire, events=events, policy=Policy(slot=10.0)).checks["upload-volume-independent-of-enrolment"]
    assert check.verdict.value == verdict, check
    if extra:
        assert check.figures["lower"] > 8000
        assert check.figures["upper"] < 10000

"""The timing chain: its corrections, known delays that come out or do not, and drift between two checks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pytest_conformance.analysis.chain import (
    DRIFT_LIMIT,
    ChainReadings,
    KnownDelay,
    budget_rows,
    chain_components,
    delays_found,
    uncalibrated,
    with_drift,
)
from pytest_conformance.analysis.latency import budget, median_reach, observed_median
from pytest_conformance.errors import CalibrationError, MethodError

LIGHT = (0.0060, 0.0061, 0.0062, 0.0061, 0.0060)
FRAME = (0.010, 0.030, 0.050, 0.020, 0.040)
EDGE = (0.00001, 0.00002, 0.00003, 0.00002, 0.00001)


def readings(offset: float = 0.0, delay: float = 0.5) -> ChainReadings:
    known = (delay, delay + 1e-5, delay, delay + 2e-5)
    raw = tuple(
        each + 0.0061 + 0.00002 + offset + wobble for each, wobble in zip(known, (0, 1e-5, -1e-5, 0), strict=True)
    )
    return ChainReadings(LIGHT, FRAME, EDGE, (0.0003,), 0.0002, (KnownDelay(delay, known, raw),))


def test_a_flip_comes_before_the_light_and_a_frame_after_it() -> None:
    assert budget(chain_components(readings(), "flip")).correction_s == pytest.approx(-0.0061 - 0.00002)
    assert budget(chain_components(readings(), "frame")).correction_s == pytest.approx(0.030 - 0.00002)


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.5, 1.0])
def test_a_known_delay_comes_out_within_its_uncertainty(delay: float) -> None:
    (found,) = delays_found(readings(delay=delay))
    assert abs(found.error) <= found.uncertainty < 0.005
    assert (found.nominal, found.n) == (delay, 4)


@pytest.mark.parametrize("offset", [0.005, -0.005])
def test_a_delay_that_the_budget_lacks_is_refused(offset: float) -> None:
    with pytest.raises(CalibrationError, match=r"[45]\.\d+ ms wrong") as caught:
        delays_found(readings(offset))
    assert caught.value.code == "BEN-CAL-102"


def test_the_error_of_the_median_is_within_u_as_often_as_it_says() -> None:
    generator = np.random.default_rng(7)
    within = 0
    for _ in range(400):
        light, edge = generator.normal(0.0061, 3e-4, 12), generator.normal(2e-5, 1e-5, 12)
        known = np.full(5, 0.1)
        raw = known + generator.normal(0.0061, 3e-4, 5) + generator.normal(2e-5, 1e-5, 5)
        chain = ChainReadings(tuple(light), (), tuple(edge), (), 1e-5, (KnownDelay(0.1, tuple(known), tuple(raw)),))
        try:
            delays_found(chain)
            within += 1
        except CalibrationError:
            pass
    assert within / 400 >= 0.93


@pytest.mark.parametrize("astray", [0, 1, 2])
def test_the_error_of_a_known_delay_is_within_a_small_u_also_on_a_busy_host(astray: int) -> None:
    generator = np.random.default_rng(11)
    within, largest = 0, 0.0
    for _ in range(500):
        light, edge = generator.normal(0.0061, 3e-4, 12), generator.normal(2e-5, 1e-5, 12)
        known = np.full(8, 0.1)
        raw = known + generator.normal(0.0061, 3e-4, 8) + 2e-5
        raw[:astray] += generator.uniform(0.005, 0.04, astray)
        chain = ChainReadings(tuple(light), (), tuple(edge), (), 1e-5, (KnownDelay(0.1, tuple(known), tuple(raw)),))
        (found,) = delays_found(chain)
        within += abs(found.error) <= found.uncertainty
        largest = max(largest, found.uncertainty)
    assert within / 500 >= 0.945
    assert largest < 0.005


def test_the_reach_of_a_median_holds_it_in_some_two_of_three_cases() -> None:
    generator = np.random.default_rng(12)
    for count in (7, 8, 12, 59):
        times = np.sort(generator.lognormal(0.0, 0.8, (2000, count)), axis=1)
        held = sum(abs(float(np.median(each)) - 1.0) <= median_reach(list(each)) for each in times)
        assert held / 2000 >= 0.60, count


def test_one_reading_gone_astray_moves_no_correction() -> None:
    calm, astray = observed_median("light", LIGHT), observed_median("light", (*LIGHT[:-1], 0.3))
    assert abs(calm.correction_s - astray.correction_s) < 2e-4
    assert astray.uncertainty_s < 2e-4
    assert observed_median("light", (0.1, 0.1)).uncertainty_s > 0, "no stamp is finer than its resolution"


def test_a_chain_that_stands_still_gains_only_what_it_may_have_drifted() -> None:
    opening = chain_components(readings(), "flip")
    moved = replace(readings(), flip_to_light=tuple(each + 0.001 for each in LIGHT))
    parts = with_drift(opening, chain_components(moved, "flip"))
    drift = next(each for each in parts if each.name == "display flip to light: drift")
    assert drift.correction_s == pytest.approx(-0.0005)
    assert drift.uncertainty_s == pytest.approx(0.0005 / 3**0.5)


def test_D06_a_chain_that_drifts_voids_what_was_timed_between() -> None:
    opening = chain_components(readings(), "flip")
    moved = replace(readings(), flip_to_light=tuple(each + 2 * DRIFT_LIMIT for each in LIGHT))
    with pytest.raises(CalibrationError) as caught:
        with_drift(opening, chain_components(moved, "flip"))
    assert (caught.value.code, caught.value.cause) == ("BEN-CAL-101", "bench")


def test_without_a_loop_back_box_a_frame_counts_for_half_its_period() -> None:
    chain = budget(uncalibrated(0.05, 1e-4))
    assert chain.correction_s == pytest.approx(0.025)
    assert chain.combined_s == pytest.approx(0.025 / 3**0.5, rel=1e-3)
    assert [each.name for each in budget_rows(chain)] == [
        "frame period of the watch camera",
        "time of the contact's edge",
    ]


def test_one_reading_is_no_calibration() -> None:
    with pytest.raises(MethodError) as caught:
        chain_components(replace(readings(), flip_to_light=(0.006,)), "flip")
    assert caught.value.code == "MET-LAT-001"

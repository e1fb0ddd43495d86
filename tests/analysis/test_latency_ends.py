"""Decision times to the device's own event and to its lamp: what each end's correction and budget are made of."""

from __future__ import annotations

import pytest

from pytest_conformance.analysis.chain import ChainReadings, chain_components, uncalibrated
from pytest_conformance.analysis.latency import TimedTrial, budget
from pytest_conformance.analysis.latency_ends import end_found, event_components, lamp_components

LIGHT, FRAME, EDGE = (0.006, 0.0061, 0.0062), (0.03, 0.031, 0.032), (2e-4, 3e-4, 4e-4)
CALIBRATED = chain_components(ChainReadings(LIGHT, FRAME, EDGE, (), 1e-5), "frame")


def trials(*seconds: float | None) -> list[TimedTrial]:
    return [
        TimedTrial(str(i), 10**9, None if each is None else 10**9 + round(each * 1e9)) for i, each in enumerate(seconds)
    ]


def test_an_event_of_the_device_is_not_corrected_by_the_contact() -> None:
    chain = budget(event_components(CALIBRATED, 0.004))
    assert chain.correction_s == pytest.approx(0.031)
    parts = {each.name: each.uncertainty_s for each in chain.components}
    assert parts["way of the status from the device"] == pytest.approx(0.002 / 3**0.5)
    assert parts["whole milliseconds of event and anchor"] == pytest.approx(0.001 / 6**0.5)
    assert not [name for name in parts if "contact" in name]


def test_a_lamp_is_seen_as_late_as_what_is_shown() -> None:
    chain = budget(lamp_components(CALIBRATED, 0.05))
    assert chain.correction_s == pytest.approx(0.0)
    assert len([each for each in chain.components if each.uncertainty_s > 1e-4]) == 2, "at the start and at the end"
    assert not [each for each in chain.components if "contact" in each.name]


def test_without_a_calibration_a_frame_of_the_lamp_counts_for_half_its_period() -> None:
    chain = budget(lamp_components(uncalibrated(0.05, 1e-4), 0.05))
    assert chain.correction_s == pytest.approx(0.0)
    assert chain.combined_s == pytest.approx(0.025 * (2 / 3) ** 0.5, rel=1e-3)


def test_times_are_corrected_and_one_without_the_end_is_told() -> None:
    found = end_found("event of the test port", trials(0.4, 0.5, 0.6, None), event_components(CALIBRATED, 0.004))
    assert found is not None
    assert found.seconds == pytest.approx((0.431, 0.531, 0.631))
    assert (found.missed, found.median) == (1, pytest.approx(0.581))
    assert found.uncertainty > 0.0
    assert found.correction == pytest.approx(0.031)


def test_an_end_that_most_trials_lack_is_no_end() -> None:
    assert end_found("lamp", trials(0.4, None, None), CALIBRATED) is None
    assert end_found("lamp", [], CALIBRATED) is None

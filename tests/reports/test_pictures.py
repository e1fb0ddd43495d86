"""Plots are pictures with their data beside them, whatever text they carry."""

from __future__ import annotations

import json
import math
import sys

import cv2
import numpy as np
import pytest

from pytest_conformance.reports.pictures import Plot, Sent, Span, latency_histogram, outcome_grid, traffic_timeline

TEXTS = ["plain", "人脸识别", "$\\frac{$", "<b>\x1b\ud800\u202e", "", "x" * 5000, "{0}"]


def _drawn(plot: Plot) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(plot.png, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.std() > 5, "something is drawn"
    return picture


def _has(picture: np.ndarray, colour: str) -> bool:
    rgb = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return bool((np.abs(picture[:, :, ::-1].astype(int) - rgb).max(axis=2) < 12).any())


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_can_stand_in_a_plot(text: str) -> None:
    _drawn(latency_histogram([1.0, 2.0], unit="s", title=text))
    _drawn(traffic_timeline([Sent(1, text, 9)], title=text, events=[(1, text)], spans=[Span(0, 1, text)]))
    _drawn(outcome_grid({text: [text, "void"]}, title=text))


def test_limit_guard_band_and_bound_are_drawn() -> None:
    values = [0.5 + number / 100 for number in range(50)]
    with_limit = _drawn(latency_histogram(values, unit="s", title="t", limit=1.5, guard=0.1, bound=1.1))
    without = _drawn(latency_histogram(values, unit="s", title="t"))

    for colour in ("#b3261e", "#f3c9c5", "#6b3fa0"):
        assert _has(with_limit, colour)
        assert not _has(without, colour)


def test_the_data_stand_beside_the_plot() -> None:
    plot = latency_histogram([1.0, math.nan, math.inf], unit="s", title="t", limit=2.0)

    data = json.loads(plot.data, parse_constant=pytest.fail)
    assert data["values"] == [1.0, None, None]
    assert data["limit"] == 2.0


@pytest.mark.parametrize("empty", [[], [math.nan]])
def test_nothing_measured_is_still_a_plot(empty: list[float]) -> None:
    _drawn(latency_histogram(empty, unit="s", title="none", limit=1.0))
    _drawn(traffic_timeline([], title="none"))
    _drawn(outcome_grid({}, title="none"))


def test_K03_many_destinations_are_folded() -> None:
    sent = [Sent(float(number), f"host-{number}", number) for number in range(500)]

    picture = _drawn(traffic_timeline(sent, title="many"))

    assert picture.shape[0] < 1000


def test_the_same_data_give_the_same_bytes() -> None:
    first = outcome_grid({"print": ["rejected", "accepted"]}, title="t")

    assert outcome_grid({"print": ["rejected", "accepted"]}, title="t") == first


def test_pyplot_and_its_global_state_stay_out() -> None:
    outcome_grid({"a": ["pass"]}, title="t")

    assert "matplotlib.pyplot" not in sys.modules

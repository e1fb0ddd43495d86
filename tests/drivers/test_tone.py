"""A display's tone: what it is fed with gives the light that the picture stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pytest_conformance.drivers.tone import ToneSettings, corrected, correction


def light_of(picture: Any) -> Any:
    """The share of full light that values of an sRGB picture stand for."""
    share = np.asarray(picture) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2, 2.6, 4.0])
def test_a_display_of_that_gamma_gives_the_light_that_is_due(gamma: float) -> None:
    lookup = correction(gamma, None)
    assert lookup is not None
    assert (lookup[0], lookup[255], lookup.dtype, len(lookup)) == (0, 255, np.uint8, 256)
    assert (np.diff(lookup.astype(int)) >= 0).all()
    given, due = (lookup / 255) ** gamma, light_of(np.arange(256))
    half = gamma / 255 / 2 * 1.01  # half a step of the value, at the steepest place of the curve
    assert np.abs(given - due).max() <= half


def test_what_was_measured_counts_from_black_to_white() -> None:
    values = np.arange(0, 256, 5)
    table = [(int(value), 0.35 + 180 * (value / 255) ** 2.4) for value in values]
    lookup = correction(None, table)
    same = correction(2.4, None)
    assert lookup is not None
    assert same is not None
    assert np.abs(lookup.astype(int) - same.astype(int)).max() <= 2
    assert correction(None, [(0, 0.0), (255, 9.0)]).tolist() == correction(1.0, None).tolist()  # type: ignore[union-attr]


def test_without_a_declaration_a_picture_is_shown_as_it_is() -> None:
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert corrected(picture, ToneSettings()) is picture
    fed = corrected(picture, ToneSettings(gamma=1.0))
    assert fed.shape == picture.shape
    assert fed.tolist() == [[[round(255 * float(light_of(v))) for v in each] for each in row] for row in picture]


@pytest.mark.parametrize(
    "settings",
    [
        {"gamma": 0.9},
        {"gamma": 4.1},
        {"gamma": float("nan")},
        {"gamma": 2.2, "tone": [[0, 0.0], [255, 1.0]]},
        {"tone": []},
        {"tone": [[0, 0.1]]},
        {"tone": [[0, 0.1], [254, 1.0]]},
        {"tone": [[1, 0.1], [255, 1.0]]},
        {"tone": [[0, 0.1], [128, 0.1], [255, 1.0]]},
        {"tone": [[0, 0.1], [128, 0.5], [128, 0.6], [255, 1.0]]},
        {"tone": [[0, -0.1], [255, 1.0]]},
        {"tone": [[0, 0.1], [255, float("inf")]]},
        {"tone": [[0, float("nan")], [255, 1.0]]},
    ],
)
def test_a_curve_that_is_none_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ToneSettings.model_validate(settings)

from __future__ import annotations

import numpy as np
import pytest

from pytest_conformance.analysis.traffic.context import FaceTemplate
from pytest_conformance.analysis.traffic.templates import TemplateMatcher

RANDOM = np.random.default_rng(7)


def lopsided(n: int = 128) -> np.ndarray:  # type: ignore[type-arg]
    """A template of length 1 with one component far above the others, as some faces give."""
    vector = RANDOM.normal(0, 1, n)
    vector[40] = 15.0
    return vector / np.linalg.norm(vector)


TEMPLATE = lopsided()
MATCHER = TemplateMatcher([FaceTemplate("S1", tuple(TEMPLATE))], [], 0.6)


@pytest.mark.parametrize("form", ["<f4", ">f4", "<f8", "<f2"])
def test_a_lopsided_template_is_found_in_every_form(form: str) -> None:
    data = b"head" + TEMPLATE.astype(form).tobytes() + b"tail"
    found = MATCHER.in_bytes(data)
    assert found is not None
    assert (found.canary, found.start) == ("S1", 4)
    assert found.cosine > 0.99


def test_a_lopsided_template_is_found_with_noise() -> None:
    noisy = TEMPLATE + RANDOM.normal(0, 0.03, len(TEMPLATE))
    found = MATCHER.in_bytes(noisy.astype("<f4").tobytes())
    assert found is not None


def test_one_large_number_at_the_right_place_is_no_template() -> None:
    window = RANDOM.normal(0, 1e-3, len(TEMPLATE))
    window[40] = 1.0
    assert float(window @ TEMPLATE / np.linalg.norm(window)) > 0.6
    assert MATCHER.in_bytes(window.astype("<f4").tobytes()) is None


def test_random_bytes_and_text_hold_no_template() -> None:
    text = (b"the quick brown fox jumps over the lazy dog; " * 1500)[:65_536]
    for data in (RANDOM.bytes(65_536), text):
        assert MATCHER.in_bytes(data) is None

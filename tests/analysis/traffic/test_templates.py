from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from pytest_conformance.analysis.traffic import templates
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


@pytest.mark.parametrize("where", [0, 5, 70_000, 300_001, 580_000])
def test_a_template_is_found_beside_and_between_long_runs_of_zeros(template: tuple[float, ...], where: int) -> None:
    noise = random.Random(where).randbytes
    written = struct.pack("<512f", *template)
    data = bytearray(noise(60_000) + bytes(200_000) + noise(400_000) + bytes(40_000) + noise(10))
    data[where : where + len(written)] = written
    found = TemplateMatcher([FaceTemplate("s", template)], [], 0.6).in_bytes(bytes(data))
    assert found is not None
    assert (found.start, found.end, found.form) == (where, where + 2048, "<f4")


def test_pieces_leave_out_only_the_middle_of_long_runs_of_zeros() -> None:
    data = b"\1" * 300_000 + bytes(100_000) + b"\1" * 5 + bytes(40_000)
    covered = bytearray(len(data))
    for start, end in templates._pieces(data):
        assert 0 < end - start <= templates._CHUNK + templates._OVERLAP
        covered[start:end] = b"\1" * (end - start)
    assert covered.count(0) == len(data) - 300_005 - 4 * templates._OVERLAP
    assert all(covered[at] for at, value in enumerate(data) if value)
    assert list(templates._pieces(b"")) == []
    assert list(templates._pieces(bytes(100_000))) == [(100_000 - templates._OVERLAP, 100_000)]

"""Pictures for views: small, encoded again, and without a face that can be recognised."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest

from pytest_conformance.record.views import SILHOUETTE, claimed_size, for_view


def _encode(picture: np.ndarray, suffix: str = ".png") -> bytes:
    done, encoded = cv2.imencode(suffix, picture)
    assert done
    return bytes(encoded.tobytes())


def _decode(content: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_picture_is_made_to_fit(suffix: str) -> None:
    content = _encode(np.full((600, 1200, 3), 90, np.uint8), suffix)

    shown = for_view(content, face=False, longest=300)

    assert claimed_size(content) == (1200, 600)
    assert shown is not None
    assert _decode(shown).shape == (150, 300, 3)


def test_a_face_keeps_no_detail() -> None:
    rng = np.random.default_rng(1)
    detail = rng.integers(0, 256, (480, 480, 3), np.uint8)
    detail[:, :240] //= 4

    shown = for_view(_encode(detail), face=True)

    assert shown is not None
    view = _decode(shown)
    again = cv2.resize(cv2.resize(view, (SILHOUETTE, SILHOUETTE), interpolation=cv2.INTER_AREA), view.shape[1::-1])
    assert np.abs(again.astype(int) - view).mean() < 4  # nothing is left beyond the coarse grid
    assert view[:, :60].mean() < view[:, -60:].mean() / 2  # and the silhouette is


def test_bytes_after_the_picture_do_not_reach_the_view() -> None:
    polyglot = _encode(np.zeros((4, 4, 3), np.uint8)) + b"<script>alert(1)</script>"

    shown = for_view(polyglot, face=False)

    assert shown is not None
    assert b"script" not in shown


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"<svg/>",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 8 + struct.pack(">II", 100_000, 100_000),
        b"\x89PNG\r\n\x1a\n" + b"\0" * 8 + struct.pack(">II", 10, 10) + b"garbage",
        b"\xff\xd8" + b"\xff" * 5000,
        b"\xff\xd8\xff\xc0",
        b"\xff\xd8\xff\xe0\x00\x00" * 600,
    ],
)
def test_H11_what_is_no_picture_is_not_shown(content: bytes) -> None:
    assert for_view(content, face=False) is None

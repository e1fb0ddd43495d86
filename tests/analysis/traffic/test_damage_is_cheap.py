"""What is looked for in bytes that damage made unreadable costs little, and says the same as before it was cheap."""

from __future__ import annotations

import random
from typing import Any

import cv2
import numpy as np
import pytest

from pytest_conformance.analysis.traffic import carve, disguise, faces
from pytest_conformance.analysis.traffic.context import Canary, Policy
from pytest_conformance.analysis.traffic.faces import FaceMatcher
from pytest_conformance.analysis.traffic.picturehash import distance, distances_between, phash, window_phashes

RANDOM = np.random.default_rng(11)


def scene(height: int, width: int) -> np.ndarray:  # type: ignore[type-arg]
    """A smooth grey picture that looks different everywhere."""
    own = np.random.default_rng(height * 1000 + width)  # the same picture in whatever order tests run
    soft = cv2.GaussianBlur(own.integers(0, 256, (height, width), dtype=np.uint8), (0, 0), 5)
    return np.asarray(cv2.normalize(soft, None, 0, 255, cv2.NORM_MINMAX), np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "side", "step"), [(160, 220, 128, 16), (160, 160, 72, 9), (48, 300, 20, 8)]
)
def test_windows_hashed_together_are_hashed_as_one_by_one(height: int, width: int, side: int, step: int) -> None:
    picture = scene(height, width)
    together = window_phashes(picture, side, step)
    tops, lefts = range(0, height - side + 1, step), range(0, width - side + 1, step)
    assert together.shape == (len(tops), len(lefts))
    apart = [[phash(picture[y : y + side, x : x + side]) for x in lefts] for y in tops]
    bits = [
        distance(int(a), b) for row, rows in zip(together, apart, strict=True) for a, b in zip(row, rows, strict=True)
    ]
    assert max(bits) <= 4  # of 64; averages are not rounded
    assert sum(bits) / len(bits) < 1


def test_distances_are_counted_bit_by_bit() -> None:
    one = RANDOM.integers(0, 1 << 63, 20, dtype=np.uint64) * np.uint64(2)
    other = RANDOM.integers(0, 1 << 63, 5, dtype=np.uint64)
    rows = distances_between(one, other)
    assert rows.tolist() == [[distance(int(a), int(b)) for b in other] for a in one]


def test_a_face_in_a_part_of_a_picture_is_found_by_a_window() -> None:
    face = scene(120, 120)
    wall = np.full((160, 220), 90, np.uint8)
    wall[48:144, 60:156] = cv2.resize(face, (96, 96), interpolation=cv2.INTER_AREA)
    png = bytes(cv2.imencode(".png", face)[1])
    matcher = FaceMatcher(Canary(faces={"S1": png}), Policy())
    match = matcher.match(b"", wall, phash(wall))
    assert match is not None
    assert (match.kind, match.canary, match.suspect) == ("phash", "S1", False)
    assert match.transform.startswith("window")
    assert (
        FaceMatcher(Canary(faces={"S1": png}, decoy_faces={"D": png}), Policy()).match(b"", wall, phash(wall)).suspect
    )  # type: ignore[union-attr]


def test_a_flat_window_is_no_face(monkeypatch: pytest.MonkeyPatch) -> None:
    face = scene(120, 120)
    matcher = FaceMatcher(Canary(faces={"S1": bytes(cv2.imencode(".png", face)[1])}), Policy())
    faint = (face // 64 + 100).astype(np.uint8)
    assert matcher._nearest_window(cv2.resize(faint, (160, 160))) is None
    assert faces._WINDOW_MATCH < 64


def jpeg() -> bytes:
    return bytes(cv2.imencode(".jpg", scene(200, 200))[1])


def keyed(data: bytes, key: bytes) -> bytes:
    return bytes(value ^ key[at % len(key)] for at, value in enumerate(data))


@pytest.mark.parametrize("size", [*range(2, 26)])
def test_a_jpeg_under_a_key_is_among_the_candidates(size: int) -> None:
    plain = jpeg()
    for before in range(4):
        hidden = random.Random(size).randbytes(before) + keyed(plain, random.Random(before).randbytes(size))
        found = [said for _, said in disguise._fixed_head(hidden) if said[before:] == plain]
        assert found, before


@pytest.mark.parametrize(
    "data",
    [bytes(4000) + jpeg(), bytes(600) + jpeg(), b"plain text, nothing else. " * 400, jpeg()],
    ids=["a hole", "a short hole", "text", "a head in clear"],
)
def test_where_no_key_can_be_none_is_guessed(data: bytes) -> None:
    assert len(list(disguise._fixed_head(data))) <= 20


def test_random_bytes_give_few_keys_to_try() -> None:
    data = random.Random(5).randbytes(20_000)
    assert len(list(disguise._fixed_head(data))) <= 14


def test_a_picture_is_shown_where_one_is_found() -> None:
    picture = jpeg()
    for data in (picture, b"x" * 5000 + picture, bytes(cv2.imencode(".bmp", scene(40, 40))[1])):
        assert carve.shows_picture(data)
        assert carve.pictures(data)
    assert not carve.shows_picture(b"\xff\xd8\xff" * 1000)


def test_a_hole_of_a_quarter_megabyte_costs_little(wire: Any, look: Any, template: tuple[float, ...]) -> None:
    body = random.Random(8).randbytes(300_000)
    wire.tcp([(True, body)], port=9000, lose=lambda number: 2 <= number < 200)
    calls: list[int] = []
    original = disguise._promising

    def counted(plain: bytes, layer: str) -> bool:
        calls.append(len(plain))
        return original(plain, layer)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(disguise, "_promising", counted)
        found = look(wire)
    assert found.checks["face-information-not-sent-to-internet"].verdict.value == "INCONCLUSIVE"
    assert sum(calls) < 12 * len(body)

"""Searching storage images: what lies in the clear is found wherever it lies, what is encrypted is not, and fast."""

from __future__ import annotations

import random
import struct
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pytest_conformance.analysis.traffic import Canary, Context
from pytest_conformance.analysis.traffic.blob import WINDOW, scan
from pytest_conformance.resources import shipped

FLASH = 256 * 1024
FACE = (Path(str(shipped("fixtures"))) / "subjects" / "pictures" / "S1.jpg").read_bytes()
CONTEXT = Context(canary=Canary(faces={"S1": FACE}, strings={"name": "Guest-7f3a90"}))


def flash(*planted: tuple[int, bytes], erased: bytes = b"\xff") -> bytes:
    """An erased chip with `planted` (offset, content)."""
    image = bytearray(erased * FLASH)
    for at, content in planted:
        image[at : at + len(content)] = content
    return bytes(image)


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def picture(size: int) -> bytes:
    """A JPEG of about `size` bytes."""
    side = int((size * 1.6) ** 0.5)
    pixels = np.random.default_rng(3).integers(0, 255, (side, side), np.uint8)
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


def matched(blob: bytes) -> list[str]:
    return [each.match.canary for each in scan(blob, CONTEXT) if each.match is not None]


@pytest.mark.parametrize("at", [0, 1, 4096, 100_001, WINDOW - 10, FLASH - len(FACE)])
@pytest.mark.parametrize("erased", [b"\xff", b"\x00"], ids=["ones", "zeros"])
def test_a_face_is_found_anywhere_on_an_erased_chip(at: int, erased: bytes) -> None:
    (found,) = scan(flash((at, FACE), erased=erased), CONTEXT)
    assert (found.kind, found.data) == ("face_image", FACE)
    assert found.match is not None
    assert found.match.canary == "S1"


def test_a_face_between_encrypted_records_is_found() -> None:
    assert matched(flash((0, noise(70_000)), (70_000, FACE), (70_000 + len(FACE), noise(90_000, 2)))) == ["S1"]


@pytest.mark.parametrize("at", range(0, WINDOW, 5003))
def test_a_large_picture_is_found_whole_wherever_windows_would_cut_it(at: int) -> None:
    large = picture(60_000)
    assert len(large) > WINDOW
    found = scan(noise(at) + large + noise(40_000, 2), Context())
    assert [each.data for each in found if each.kind == "image"] == [large]


def test_padding_inside_a_picture_does_not_tear_it() -> None:
    padded = FACE[:2] + b"\xff\xe1" + struct.pack(">H", 602) + bytes(600) + FACE[2:]
    assert [each.data for each in scan(flash((5000, padded)), CONTEXT)] == [padded]


def test_a_name_is_found_and_two_copies_are_one_finding() -> None:
    found = scan(flash((77, b'{"name": "Guest-7f3a90"}'), (9000, b'{"name": "Guest-7f3a90"}')), CONTEXT)
    assert [each.match.canary for each in found if each.match is not None] == ["name"]


def test_what_is_encrypted_is_not_found() -> None:
    sealed = AESGCM(bytes(range(32))).encrypt(bytes(12), FACE + b"Guest-7f3a90", b"")
    assert scan(flash((4096, sealed)), CONTEXT) == []


@pytest.mark.parametrize("blob", [b"", b"\xff", b"\xff\xd8\xff", bytes(FLASH), b"\xff" * FLASH])
def test_nothing_is_found_in_nothing(blob: bytes) -> None:
    assert scan(blob, CONTEXT) == []


def test_an_overwritten_face_is_gone() -> None:
    assert matched(flash((4096, FACE), (4096, bytes(len(FACE))))) == []


def test_a_chip_in_use_is_searched_fast() -> None:
    began = time.process_time()
    scan(flash((0, noise(60_000)), (65_000, FACE)), CONTEXT)
    assert time.process_time() - began < 5.0

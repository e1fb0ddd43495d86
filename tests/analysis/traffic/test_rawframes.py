"""Frames without a header: most of the usual formats give the face back byte for byte, and nothing else is one."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from pytest_conformance.analysis.traffic import rawframes

Picture = Any
_SIZES = ((320, 240), (112, 112), (200, 216))


def _i420(bgr: Picture) -> bytes:
    return bytes(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420).tobytes())


def _nv12(bgr: Picture) -> bytes:
    height, width = bgr.shape[:2]
    flat = np.frombuffer(_i420(bgr), np.uint8)
    luma, chroma = flat[: width * height], flat[width * height :].reshape(2, -1)
    return luma.tobytes() + np.ascontiguousarray(chroma.T).tobytes()


def _yuyv(bgr: Picture) -> bytes:
    yuv = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV)
    out = np.empty((*yuv.shape[:2], 2), np.uint8)
    out[:, :, 0] = yuv[:, :, 0]
    out[:, 0::2, 1], out[:, 1::2, 1] = yuv[:, 0::2, 1], yuv[:, 0::2, 2]
    return bytes(out.tobytes())


def _rgb565(bgr: Picture) -> bytes:
    return bytes(cv2.cvtColor(bgr, cv2.COLOR_BGR2BGR565).tobytes())


def _z16(bgr: Picture) -> bytes:
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY).astype(np.uint16)
    return bytes((grey * 7 + 400).tobytes())


FORMATS: dict[str, Callable[[Picture], bytes]] = {
    "y8": lambda bgr: bytes(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY).tobytes()),
    "i420": _i420,
    "nv12": _nv12,
    "yuyv": _yuyv,
    "rgb888": lambda bgr: bytes(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).tobytes()),
    "rgb565": _rgb565,
    "z16": _z16,
}


def _bgr(face: bytes, width: int, height: int) -> Picture:
    whole = cv2.imdecode(np.frombuffer(face, np.uint8), cv2.IMREAD_COLOR)
    assert whole is not None
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)


def test_four_of_five_headerless_frames_are_recovered(wire: Any, look: Any, face: bytes, context: Any) -> None:
    from pytest_conformance.analysis.traffic import inspect

    missed, count = [], 0
    for name, encode in FORMATS.items():
        for width, height in _SIZES:
            for header in (b"", b"FRAM\x01\x02\x03\x04\0\0\0\x07")[: 2 if width == 112 else 1]:
                frame = encode(_bgr(face, width, height))
                fresh = type(wire)()
                fresh.tcp([(True, header + frame)], port=9000)
                found = inspect([fresh.pcap()], context)
                count += 1
                if [each.data for each in found.faces("internet")] != [frame]:
                    missed.append((name, width, height, len(header)))
                assert found.checks["face-information-not-sent-to-internet"].verdict.value != "PASS"
    assert len(missed) <= count * 0.2, missed
    print(f"{count - len(missed)} of {count} raw frames; missed: {missed}")


def test_the_rows_distance_is_found(face: bytes) -> None:
    assert 216 in rawframes.strides(FORMATS["y8"](_bgr(face, 216, 200)))
    assert 432 in rawframes.strides(_z16(_bgr(face, 216, 200)))


@pytest.mark.parametrize("kind", ["noise", "text", "ramp", "zeros"])
def test_what_is_no_picture_is_none(rnd: random.Random, kind: str) -> None:
    data = {
        "noise": rnd.randbytes(320 * 240),
        "text": (b"the door was opened by user 7 at noon; " * 2000)[: 320 * 240],
        "ramp": bytes(i & 255 for i in range(320 * 240)),
        "zeros": bytes(320 * 240),
    }[kind]
    frames = [f for f in rawframes.candidates(data) if rawframes._rows_follow(rawframes.luminance(data, f))]
    assert kind == "ramp" or frames == []


def test_a_landscape_in_raw_bytes_is_no_face_and_no_pass(wire: Any, look: Any) -> None:
    plane = np.add.outer(np.linspace(20, 120, 240), 60 * np.sin(np.arange(320) / 40)).clip(0, 255).astype(np.uint8)
    noisy = plane + np.random.default_rng(1).integers(0, 3, plane.shape, np.uint8)
    wire.tcp([(True, noisy.tobytes())], port=9000)
    found = look(wire)
    assert found.faces() == []
    assert found.accounting().reasons.get("raw-picture", 0) > 0
    assert found.checks["face-information-not-sent-to-internet"].verdict.value == "INCONCLUSIVE"


def test_the_infrared_half_of_two_planes_is_found(wire: Any, look: Any, face: bytes) -> None:
    grey = FORMATS["y8"](_bgr(face, 200, 216))
    depth = bytes(np.add.outer(np.arange(216), np.arange(200)).astype(np.uint8).tobytes())
    wire.tcp([(True, depth + grey)], port=9000)
    assert [each.data for each in look(wire).faces()] == [grey]

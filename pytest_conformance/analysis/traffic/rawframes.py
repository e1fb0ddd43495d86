"""Pictures without any header: raw camera frames, found by their length or by the distance at which rows repeat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_conformance.analysis.traffic import uniformity
from pytest_conformance.analysis.traffic.conversation import Item
from pytest_conformance.analysis.traffic.model import Accounting, Match

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.examiner import Examiner
    from pytest_conformance.analysis.traffic.picturehash import Grey

_SIZES = (
    (160, 120), (320, 240), (640, 480), (96, 96), (112, 112), (128, 128), (224, 224), (240, 320), (480, 640),
    (120, 160), (160, 160), (240, 240), (256, 256), (320, 320), (352, 288), (176, 144), (640, 360), (800, 600),
    (1280, 720), (1920, 1080),
)  # fmt: skip
_HEADER = 64
_SMALLEST, _LARGEST = 4096, 8 << 20
_NARROWEST, _WIDEST = 64, 3 * 1920
_SAMPLE = 1 << 17
_SMOOTH = 0.5
_MOST = 24
_MOST_MATCHED = 8
_SLIMMEST = 4
"""How many times longer than wide a frame may be; no camera gives a slimmer one."""
_TALL = 1.6
"""Rows to bytes in a row from which two planes one after the other are likelier than one picture."""


class Frame(NamedTuple):
    """One way to read bytes as a picture: format, where it starts and ends, its size."""

    format: str
    start: int
    end: int
    width: int
    height: int


def examine(examiner: Examiner, item: Item, depth: int) -> Accounting | None:
    """Report a raw frame that matches a canary; one that only looks like a picture stays opaque, with its reason."""
    size = len(item.data)
    if not _SMALLEST <= size <= _LARGEST or uniformity.is_uniform(item.data, 65536):
        return None
    best: Frame | None = None
    tried = 0
    for frame in candidates(item.data):
        grey = luminance(item.data, frame)
        if not _rows_follow(grey):
            continue
        best = best or frame
        tried += 1
        if tried > _MOST_MATCHED:
            break
        match = examiner.recognisers.grey(item.data[frame.start : frame.end], grey, tried == 1)
        if match is not None and not match.suspect:
            _report(examiner, item, frame, "face_image", match)
            return Accounting(size, size - (frame.end - frame.start), frame.end - frame.start)
    if best is None:
        return None
    _report(examiner, item, best, "image", None)
    return Accounting(size, opaque=size, reasons={"raw-picture": size})


def _report(examiner: Examiner, item: Item, frame: Frame, kind: str, match: Match | None) -> None:
    examiner.report(
        item, kind, f"raw-{frame.format}", frame.start, frame.end, width=frame.width, height=frame.height, match=match
    )


def candidates(data: bytes) -> Iterator[Frame]:
    """Yield the readings that the length and the distance of the rows allow, at most two dozen."""
    seen: set[Frame] = set()
    for frame in [*_by_length(len(data)), *_by_stride(data)]:
        slim = max(frame.width, frame.height) > _SLIMMEST * min(frame.width, frame.height)
        if not slim and frame not in seen and len(seen) < _MOST:
            seen.add(frame)
            yield frame


_BYTES = (("y8", 2), ("i420", 3), ("yuyv", 4), ("uyvy", 4), ("rgb565", 4), ("z16", 4), ("rgb888", 6))
"""Formats and their half bytes per pixel; NV12 and NV21 have the luminance where I420 has it."""


def _by_length(size: int) -> Iterator[Frame]:
    for width, height in _SIZES:
        for name, halves in _BYTES:
            need = width * height * halves // 2
            if need <= size <= need + _HEADER:
                yield Frame(name, size - need, size, width, height)


def strides(data: bytes) -> list[int]:
    """Return the distances at which bytes resemble those a row before: dips at one and at two rows."""
    import numpy as np

    raw = np.frombuffer(data, np.uint8, min(len(data), _SAMPLE)).astype(np.float64)
    raw -= raw.mean()
    count = len(raw)
    spectrum = np.fft.rfft(raw, 1 << (2 * count - 1).bit_length())
    lags = min(2 * _WIDEST, count // 3)
    products = np.fft.irfft(spectrum * np.conj(spectrum))[:lags]
    likeness = products / (count - np.arange(lags)) / max(float(raw.var()), 1e-9)
    one = likeness[_NARROWEST : lags // 2]
    if len(one) < 8:
        return []
    two = likeness[2 * _NARROWEST : 2 * (_NARROWEST + len(one)) : 2]
    score = np.minimum(one[: len(two)], two)
    middle = float(np.median(likeness[_NARROWEST:]))
    peaks = np.flatnonzero((score[1:-1] >= score[:-2]) & (score[1:-1] > score[2:])) + 1
    good = [int(at) for at in peaks if 1 - score[at] < _SMOOTH * (1 - middle)]
    good.sort(key=lambda at: -score[at])
    return [at + _NARROWEST for at in good[:3]]


def _by_stride(data: bytes) -> Iterator[Frame]:
    size = len(data)
    for stride in strides(data):
        rows, start = divmod(size, stride)
        if start > _HEADER or rows < 32:
            continue
        if rows % 2 == 0 and rows >= 64 and rows > stride * _TALL:
            half = start + stride * rows // 2
            yield Frame("y8", start, half, stride, rows // 2)
            yield Frame("y8", half, size, stride, rows // 2)
        yield Frame("y8", start, size, stride, rows)
        if rows % 3 == 0:
            yield Frame("i420", start, size, stride, rows * 2 // 3)
        if stride % 2 == 0:
            for name in ("yuyv", "uyvy", "rgb565", "z16"):
                yield Frame(name, start, size, stride // 2, rows)
        if stride % 3 == 0:
            yield Frame("rgb888", start, size, stride // 3, rows)


def luminance(data: bytes, frame: Frame) -> Grey:
    """Return the grey picture of a reading."""
    import numpy as np

    width, height = frame.width, frame.height
    raw: Any = np.frombuffer(data, np.uint8, frame.end - frame.start, frame.start)
    if frame.format in ("y8", "i420"):
        return np.ascontiguousarray(raw[: width * height].reshape(height, width))
    if frame.format == "rgb888":
        return np.ascontiguousarray(raw[: width * height * 3].reshape(height, width, 3).mean(axis=2).astype(np.uint8))
    pairs = raw[: width * height * 2].reshape(height, width, 2)
    if frame.format in ("yuyv", "uyvy"):
        return np.ascontiguousarray(pairs[:, :, 0 if frame.format == "yuyv" else 1])
    words = pairs[:, :, 0].astype(np.uint16) | pairs[:, :, 1].astype(np.uint16) << np.uint16(8)
    if frame.format == "rgb565":
        return np.ascontiguousarray((((words >> 5) & 63) << 2).astype(np.uint8))
    low, high = np.percentile(words, (1, 99))
    spread = (words - float(low)) * 255 / max(float(high - low), 1)
    return np.asarray(np.clip(spread, 0, 255), np.uint8)


def _rows_follow(grey: Grey) -> bool:
    """Tell whether neighbours are much more alike than pixels far apart, down and across, as in any picture."""
    import numpy as np

    values = grey.astype(np.int16)
    height, width = values.shape
    if height < 32 or width < 32 or float(values.std()) < 4:
        return False
    far = float(np.abs(values - np.roll(values, (height // 3, width // 3), (0, 1))).mean())
    down = float(np.abs(np.diff(values, axis=0)).mean())
    across = float(np.abs(np.diff(values, axis=1)).mean())
    return max(down, across) < _SMOOTH * far

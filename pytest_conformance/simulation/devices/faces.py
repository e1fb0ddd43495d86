"""How a simulated device finds a face in its own pictures and turns it into numbers. No liveness here, no labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.floating[Any]]
Peak = tuple[float, float, float]
Template = NDArray[np.float32]

SIDE = 64
"""Pixels across an aligned face."""
EYES = ((20.0, 23.0), (44.0, 23.0))
"""Where the eyes lie in an aligned face: column, row."""
LENGTH = 128
"""Numbers in a template."""
MATCH = 0.74
"""Cosine from which two templates are taken for the same person."""
MODEL = Path(__file__).with_name("face_model.npz")
"""Mean and projection, learnt by `training.py` from people who never stand before the device."""
_FREQUENCIES = 16


@dataclass(frozen=True)
class FaceBox:
    """A face in a picture, in pixels: skin's bounding box and both eyes (x, y), left in the picture first."""

    left: int
    top: int
    width: int
    height: int
    eyes: tuple[tuple[float, float], tuple[float, float]]

    @property
    def gap(self) -> float:
        """Pixels between the eyes."""
        (ax, ay), (bx, by) = self.eyes
        return float(np.hypot(bx - ax, by - ay))


def find_face(visible: NDArray[np.uint8]) -> FaceBox | None:
    """Return the largest patch of skin colour that holds two eyes, or None. `visible` is BGR."""
    box = _skin_box(visible)
    if box is None:
        return None
    left, top, width, height = box
    eyes = _find_eyes(visible, left, top, width, height)
    return FaceBox(left, top, width, height, eyes) if eyes is not None else None


def skin_mask(visible: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 1 where a BGR picture has the chroma of skin, whatever its tone, else 0."""
    blue, green, red = (cv2.blur(visible[..., i].astype(np.float32), (3, 3)) for i in range(3))
    total = blue + green + red + 1e-3
    return ((red / total > 0.36) & (red / total < 0.56) & (red > blue * 1.15) & (total > 60)).astype(np.uint8)


def _skin_box(visible: NDArray[np.uint8]) -> tuple[int, int, int, int] | None:
    mask = cv2.morphologyEx(skin_mask(visible), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count < 2:
        return None
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    left, top, width, height, area = (int(value) for value in stats[largest])
    if width < 24 or height < 24 or area < 0.35 * width * height:
        return None
    return left, top, width, height


def _find_eyes(
    visible: NDArray[np.uint8], left: int, top: int, width: int, height: int
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Find two dark discs with something bright on both sides: irises between whites."""
    grey = cv2.cvtColor(visible, cv2.COLOR_BGR2GRAY).astype(np.float32)
    per_mm = width / 148
    smooth = cv2.GaussianBlur(grey, (0, 0), max(2.6 * per_mm, 0.6))
    step = max(1, round(9.5 * per_mm))
    beside: Map = np.minimum(np.roll(smooth, step, 1), np.roll(smooth, -step, 1))
    response: Map = np.asarray((beside - smooth) / (cv2.GaussianBlur(grey, (0, 0), 20 * per_mm) + 8), np.float32)
    peaks = _peaks(response, left, top, width, height, max(2, round(6 * per_mm)))
    best: tuple[float, tuple[tuple[float, float], tuple[float, float]]] | None = None
    for ax, ay, a in peaks:
        for bx, by, b in peaks:
            gap, tilt = (bx - ax) / width, abs(by - ay) / max(bx - ax, 1)
            if not 0.3 < gap < 0.62 or tilt > 0.3:
                continue
            middle = abs((ax + bx) / 2 - left - width / 2) / width
            score = min(a, b) + 0.3 * (a + b) - 0.5 * tilt - 0.6 * middle - 0.8 * abs(gap - 0.44)
            if best is None or score > best[0]:
                best = score, ((ax, ay), (bx, by))
    return best[1] if best is not None and best[0] > 0.05 else None


def _peaks(response: Map, left: int, top: int, width: int, height: int, radius: int) -> list[Peak]:
    """The strongest local maxima in the part of the box where eyes can be: x, y, strength."""
    first, last = top + int(0.08 * height), top + int(0.68 * height)
    area = response[first:last, left : left + width].copy()
    found: list[Peak] = []
    for _ in range(8):
        row, column = np.unravel_index(int(np.argmax(area)), area.shape)
        strength = float(area[row, column])
        if strength < 0.04:
            break
        dx, dy = _centroid(area, int(row), int(column), radius)
        found.append((left + dx, first + dy, strength))
        area[max(0, row - radius) : row + radius + 1, max(0, column - radius) : column + radius + 1] = -1
    return found


def _centroid(area: Map, row: int, column: int, radius: int) -> tuple[float, float]:
    r0, c0 = max(0, row - radius), max(0, column - radius)
    part = np.clip(area[r0 : row + radius + 1, c0 : column + radius + 1], 0, None)
    part = np.where(part > 0.5 * area[row, column], part, 0)
    rows, columns = np.mgrid[r0 : r0 + part.shape[0], c0 : c0 + part.shape[1]]
    return float((part * columns).sum() / part.sum()), float((part * rows).sum() / part.sum())


def aligned(visible: NDArray[np.uint8], face: FaceBox) -> Map:
    """Return the grey face turned and scaled so that the eyes lie at `EYES`: (SIDE, SIDE)."""
    (ax, ay), (bx, by) = face.eyes
    (tx, ty), (ux, _) = EYES
    scale = (ux - tx) / np.hypot(bx - ax, by - ay)
    angle = np.arctan2(by - ay, bx - ax)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.array(
        [[cosine, sine, tx - cosine * ax - sine * ay], [-sine, cosine, ty + sine * ax - cosine * ay]], np.float64
    )
    grey = cv2.cvtColor(visible, cv2.COLOR_BGR2GRAY).astype(np.float32)
    if scale < 0.8:
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.4 / scale), np.float32)
    return np.asarray(cv2.warpAffine(grey, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE), np.float32)


def raw_features(visible: NDArray[np.uint8], face: FaceBox) -> Map:
    """Low-frequency cosine coefficients of the aligned face, freed of the light's slow gradients."""
    log = np.log(aligned(visible, face) + 12)
    local = log - cv2.GaussianBlur(log, (0, 0), 13)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    window = np.exp(-((((columns - 32) / 27) ** 4) + (((rows - 34) / 29) ** 4)))
    patch = (local * window).astype(np.float32)
    patch /= float(patch.std()) + 1e-3
    return np.asarray(cv2.dct(patch)[:_FREQUENCIES, :_FREQUENCIES].ravel()[1:], np.float32)


def template(visible: NDArray[np.uint8], face: FaceBox) -> Template:
    """Return the face's template: float32, shape (128,), length 1."""
    mean, projection = _model()
    vector = (raw_features(visible, face) - mean) @ projection
    return np.asarray(vector / (np.linalg.norm(vector) + 1e-9), np.float32)


def similarity(one: Template, other: Template) -> float:
    """Return the cosine between two templates, -1 to 1."""
    return float(np.dot(one, other))


@lru_cache(maxsize=1)
def _model() -> tuple[Map, Map]:
    with np.load(MODEL, allow_pickle=False) as data:
        return data["mean"].astype(np.float32), data["projection"].astype(np.float32)

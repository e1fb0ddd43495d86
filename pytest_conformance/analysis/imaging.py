"""What can be read from the watch camera's pictures: the lamp's colour, a face that appears. Pure, no models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

CHANGED = 18.0
"""Grey levels by which a pixel must differ from the reference to count as new."""
SMALLEST_FACE = 0.015
"""Share of the picture that a face must cover."""


def lamp_colour(image: Image, spot: tuple[int, int, int]) -> str:
    """Return "off", "white", "green", "red" or "blue": the colour of the disc at `spot` (column, row, radius) in BGR.

    The median over the inner half of the disc is judged, so that reflections and compression do not count.
    Raises ValueError when the spot is not in the picture.
    """
    import numpy as np

    column, row, radius = spot
    rows, columns = image.shape[:2]
    inner = max(1, round(radius * 0.7))
    if not (inner <= column < columns - inner and inner <= row < rows - inner):
        raise ValueError(f"the lamp's spot {spot} is outside the picture of {columns} x {rows}")
    disc = image[row - inner : row + inner + 1, column - inner : column + inner + 1].reshape(-1, 3)
    blue, green, red = (float(value) for value in np.median(disc, axis=0))
    high, low = max(blue, green, red), min(blue, green, red)
    if high < 110:
        return "off"
    if high - low < 0.25 * high:
        return "white"
    return {blue: "blue", green: "green", red: "red"}[high]


def face_visible(image: Image, reference: Image | None = None) -> bool:
    """Return whether something like a face is in the BGR picture: a compact patch of skin with dark eyes in it.

    With `reference`, a picture of the same size of the empty place, only what is new counts. No claim about whose
    face it is, nor whether it is alive. Raises ValueError when the sizes differ.
    """
    return face_box(image, reference) is not None


def face_box(image: Image, reference: Image | None = None) -> tuple[int, int, int, int] | None:
    """Return left, top, width and height in pixels of the largest thing that `face_visible` sees, or None."""
    import cv2
    import numpy as np

    skin = _skin(image)
    if reference is not None:
        if reference.shape != image.shape:
            raise ValueError(f"the reference has another size: {reference.shape} and {image.shape}")
        new = np.abs(image.astype(np.int16) - reference.astype(np.int16)).max(axis=2) > CHANGED
        skin &= new.astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    closed = cv2.morphologyEx(cv2.morphologyEx(skin, cv2.MORPH_OPEN, kernel), cv2.MORPH_CLOSE, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    best: tuple[int, int, int, int] | None = None
    for label in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[label])
        if area < SMALLEST_FACE * image.shape[0] * image.shape[1]:
            continue
        compact = area / (width * height)
        if 0.4 < width / height < 1.5 and compact > 0.4:
            box = (slice(top, top + height), slice(left, left + width))
            if _has_eyes(grey[box], np.asarray(labels[box] == label)):
                best = max(filter(None, (best, (left, top, width, height))), key=lambda found: found[2] * found[3])
    return best


def first_visible(images: Sequence[Image], reference: Image | None = None) -> int | None:
    """Return the index of the first picture in which a face is visible, or None when there is none."""
    for index, image in enumerate(images):
        if face_visible(image, reference):
            return index
    return None


def first_changed(images: Sequence[Image], reference: Image, share: float = 0.01, levels: float = 40.0) -> int | None:
    """Return the index of the first picture of which more than `share` differs from `reference` by > `levels` grey."""
    import numpy as np

    for index, image in enumerate(images):
        moved = np.abs(image.astype(np.int16) - reference.astype(np.int16)).max(axis=2) > levels
        if float(moved.mean()) > share:
            return index
    return None


def _skin(image: Image) -> Image:
    """Return 1 where the chroma is that of skin, in any tone, lit well enough to tell."""
    import cv2
    import numpy as np

    blue, green, red = (cv2.blur(image[..., i].astype(np.float32), (3, 3)) for i in range(3))
    total = blue + green + red + 1e-3
    share = red / total
    mask = (share > 0.36) & (share < 0.56) & (red > blue * 1.15) & (green > blue * 0.9) & (total > 60)
    return np.asarray(mask, np.uint8)


def _has_eyes(grey: Image, skin: NDArray[np.bool_]) -> bool:
    """Return whether the upper part of the patch has something dark left and right of its middle, and skin between."""
    import numpy as np

    rows, columns = grey.shape
    typical = float(np.median(grey[skin]))
    band = slice(int(0.1 * rows), max(int(0.62 * rows), int(0.1 * rows) + 1))
    edge = math.ceil(0.12 * columns)
    dark = (grey[band] < 0.55 * typical)[:, edge : columns - edge or None]
    half = dark.shape[1] // 2
    spread = max(1, round(0.06 * dark.shape[1]))
    sides = dark[:, : half - spread].any(), dark[:, half + spread :].any()
    return bool(all(sides))

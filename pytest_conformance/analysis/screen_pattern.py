"""A pattern that is shown on the display and looked for in the camera's picture: all of it, or something is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

SIZE = (1152, 720)
"""Columns and rows of the pattern: 8 to 5, as most displays."""
MARKER = 240
"""Side of a marker in the pattern, pixels."""
PLACES = ((40, 40), (872, 40), (456, 240), (40, 440), (872, 440))
"""Left upper corners of the markers: the display's four corners and its middle."""
MARKERS = 50
"""How many different markers there are; their numbers start at 0."""
ENLARGED = 3
AROUND = 1.25
"""How much larger than the pattern the area is that does not count as its surroundings."""
CHANGED = 0.1
"""Relative change of the surroundings that a camera makes which adapts by itself."""


@dataclass(frozen=True)
class Reading:
    """What a picture shows of the pattern: numbers of the markers at their places, and its corners in pixels.

    `corners` is (4, 2): columns and rows of the hull's corners, or None when not all markers were found in place.
    """

    missing: tuple[int, ...]
    """Indices into PLACES of what was not seen, or not where it belongs."""
    corners: NDArray[np.float64] | None


def draw(numbers: Sequence[int]) -> Image:
    """Return the pattern as an RGB picture, with the five markers `numbers` (0 to 49, all different) at PLACES."""
    import cv2
    import numpy as np

    if len(set(numbers)) != len(PLACES):
        raise ValueError(f"{len(PLACES)} different numbers are due")
    known = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    picture = np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)
    for number, (left, top) in zip(numbers, PLACES, strict=True):
        marker = cv2.aruco.generateImageMarker(known, number, MARKER)
        picture[top : top + MARKER, left : left + MARKER] = marker[..., None]
    return picture


def read(image: Image, numbers: Sequence[int]) -> Reading:
    """Look for the pattern in a BGR picture. A marker counts where the other ones say that it belongs."""
    import cv2
    import numpy as np

    known = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    large = cv2.resize(image, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
    corners, found, _ = cv2.aruco.ArucoDetector(known).detectMarkers(large)
    ids = [] if found is None else [int(each) for each in found.ravel()]
    seen = {number: each.reshape(4, 2) / ENLARGED for number, each in zip(ids, corners, strict=True)}
    present = [index for index, number in enumerate(numbers) if number in seen]
    absent = tuple(index for index in range(len(numbers)) if index not in present)
    if len(present) < 2:
        return Reading(absent, None)
    drawn = np.concatenate([_square(PLACES[each]) for each in present])
    pictured = np.concatenate([seen[numbers[each]] for each in present])
    found_plane, _ = cv2.findHomography(drawn, pictured, cv2.RANSAC, 3.0)
    if found_plane is None:
        return Reading(tuple(range(len(numbers))), None)
    plane: NDArray[np.float64] = np.asarray(found_plane, np.float64)
    off = np.linalg.norm(_projected(plane, drawn) - pictured, axis=1).reshape(len(present), 4).max(axis=1)
    wrong = tuple(index for index, distance in zip(present, off, strict=True) if distance > 4.0)
    missing = tuple(sorted({*absent, *wrong}))
    whole = np.array([(0, 0), (SIZE[0], 0), SIZE, (0, SIZE[1])], np.float64)
    return Reading(missing, None if missing else _projected(plane, whole))


def surroundings(image: Image, corners: NDArray[np.float64]) -> tuple[float, float, float] | None:
    """Return mean blue, green and red of a BGR picture outside the display; None when too little is outside."""
    import cv2
    import numpy as np

    middle = corners.mean(axis=0)
    hull = np.round(middle + (corners - middle) * AROUND).astype(np.int32)
    outside = np.full(image.shape[:2], 255, np.uint8)
    cv2.fillConvexPoly(outside, hull, 0)
    if np.count_nonzero(outside) < 0.1 * outside.size:
        return None
    blue, green, red = (float(each) for each in image[outside > 0].mean(axis=0))
    return blue, green, red


def adapts(
    bright: tuple[float, float, float], dark: tuple[float, float, float], red: tuple[float, float, float]
) -> tuple[str, ...]:
    """Return what the camera adjusts by itself, from its surroundings while the display is white, black and red.

    "exposure": they get darker when the display gets brighter; "white balance": less red when it gets red. Light that
    the display throws on them makes them brighter, and redder, which is no fault.
    """
    found = []
    if sum(bright) < (1 - CHANGED) * sum(dark):
        found.append("exposure")
    if red[2] / max(red[1], 1.0) < (1 - CHANGED) * dark[2] / max(dark[1], 1.0):
        found.append("white balance")
    return tuple(found)


def _square(corner: tuple[int, int]) -> NDArray[np.float64]:
    import numpy as np

    left, top = corner
    right, bottom = left + MARKER - 1, top + MARKER - 1
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)


def _projected(plane: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    import cv2
    import numpy as np

    return np.asarray(cv2.perspectiveTransform(points[None], plane)[0], np.float64)

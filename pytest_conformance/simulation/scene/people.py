"""Who there is to be seen: the proportions and colours of each simulated person. No drawing here."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Colour = tuple[float, float, float]
"""Blue, green, red reflectance, 0 to 1."""

CHILDREN = frozenset({"S4", "S8"})
"""Subjects with the proportions of a child of about eight."""


@dataclass(frozen=True)
class Person:
    """Lengths in millimetres from the middle of the face, y downwards."""

    id: str
    child: bool
    half_width: float
    half_height: float
    eye_gap: float
    """From the middle of the face to the middle of an eye."""
    eye_height: float
    eye_size: float
    nose_width: float
    nose_height: float
    nose_tip: float
    mouth_height: float
    mouth_width: float
    lip: float
    brow_gap: float
    brow_thickness: float
    brow_slope: float
    hairline: float
    parting: float
    beard: float
    """0 shaven to 1 full."""
    moustache: float
    cheek: float
    skin: Colour
    hair: Colour
    marks: tuple[tuple[float, float, float, float], ...]
    """Birthmarks and shadows of the skin: x, y, radius, strength."""


@lru_cache(maxsize=256)
def person(identifier: str) -> Person:
    """Return the person `identifier`; any name is somebody, always the same, and no two look alike.

    Names that end in "c" are children, as are `CHILDREN`.
    """
    rng = np.random.default_rng(zlib.crc32(identifier.encode()))
    child = identifier in CHILDREN or identifier.endswith("c")
    size = 0.84 if child else 1.0

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    tone = between(0.72, 1.0)
    warm = between(-0.03, 0.03)
    dark = between(0.05, 0.3)
    face_height = between(100, 112) * size
    grown = 0.0 if child else 1.0
    marks = tuple(
        (between(-48, 48) * size, between(-70, 75) * size, between(6, 17), between(-0.42, 0.3)) for _ in range(9)
    )
    return Person(
        id=identifier,
        child=child,
        half_width=between(70, 79) * (size + 0.04 * child),
        half_height=face_height,
        eye_gap=between(30, 34.5) * (size + 0.03 * child),
        eye_height=between(-16, -10) * size + (10 if child else 0),
        eye_size=between(0.9, 1.12) * (1.08 if child else 1.0),
        nose_width=between(9, 15) * (size - 0.05 * child),
        nose_height=between(17, 24) * (0.72 if child else 1.0),
        nose_tip=between(20, 28) * size + (4 if child else 0),
        mouth_height=between(48, 60) * size + (4 if child else 0),
        mouth_width=between(18, 29) * size,
        lip=between(0.3, 0.9),
        brow_gap=between(15, 23) * size,
        brow_thickness=between(2.6, 6.5) * (0.6 if child else 1.0),
        brow_slope=between(-0.25, 0.28),
        hairline=between(-78, -56) * size,
        parting=between(-40, 40),
        beard=float(rng.choice([0.0, 0.0, 0.25, 0.75])) * grown,
        moustache=float(rng.choice([0.0, 0.0, 0.6])) * grown,
        cheek=between(-0.15, 0.22),
        skin=(0.50 * tone - warm, 0.61 * tone, 0.79 * tone + warm),
        hair=(dark * 0.6, dark * 0.75, dark),
        marks=marks,
    )

"""A person's head as maps over the face plane: relief, visible and infrared reflectance, from one geometry."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_conformance.simulation.scene.people import Person, person

Map = NDArray[np.floating[Any]]
Bump = Callable[[float, float, float, float], Map]

REACH_X, REACH_Y = 112, 150
"""Half extent of the maps in millimetres; one cell is one millimetre."""

SKIN_INFRARED = 0.56
"""Reflectance of skin at 850 nm; it hardly depends on the tone of the skin."""

MICRO_TEXTURE = 0.055
"""Relative roughness of living skin (pores, fine lines)."""


@dataclass(frozen=True)
class HeadMaps:
    """Arrays of shape (2 * REACH_Y + 1, 2 * REACH_X + 1): `solid` 0 or 1, `height` mm towards the viewer."""

    solid: Map
    height: Map
    albedo: Map
    """(rows, columns, 3), blue green red, 0 to 1."""
    infrared: Map


@lru_cache(maxsize=48)
def head_maps(identifier: str) -> HeadMaps:
    """Draw the head of `identifier` once; about 60 ms, then from memory."""
    who = person(identifier)
    y, x = np.mgrid[-REACH_Y : REACH_Y + 1, -REACH_X : REACH_X + 1].astype(np.float32)

    def bump(cx: float, cy: float, sx: float, sy: float) -> Map:
        return np.asarray(np.exp(-(((x - cx) / sx) ** 2) - ((y - cy) / sy) ** 2), np.float32)

    face, height = _relief(who, x, y, bump)
    albedo, infrared = _paint(who, x, y, face, bump)
    rough = _roughness(identifier, x.shape)
    albedo *= 1 + MICRO_TEXTURE * rough[..., None]
    infrared *= 1 + 0.4 * MICRO_TEXTURE * rough
    collar = (~face) & (np.abs(x) < 58) & (y > 0)
    albedo[collar] = (0.35, 0.24, 0.18)
    infrared[collar] = 0.3
    height[collar] = 5.0
    solid = (face | collar).astype(np.float32)
    return HeadMaps(solid, height, np.clip(albedo, 0, 1), np.clip(infrared, 0, 1))


def _relief(who: Person, x: Map, y: Map, bump: Bump) -> tuple[NDArray[np.bool_], Map]:
    """Return where the head is, and its height over the plane of the ears in millimetres."""
    squared = (x / who.half_width) ** 2 + (y / who.half_height) ** 2
    face = squared < 0.985
    height = np.sqrt(np.clip(1 - squared, 0, 1)) * who.half_width * 1.05
    ey, gap = who.eye_height, who.eye_gap
    for side in (-1, 1):
        height -= 7 * bump(side * gap, ey, 17, 10)
        height += 4 * bump(side * gap * 1.25, who.nose_tip, 16, 14)
    height += who.nose_height * 0.75 * bump(0, who.nose_tip - 4, who.nose_width, 13)
    height += who.nose_height * 0.45 * bump(0, (ey + who.nose_tip) / 2, who.nose_width * 0.75, 20)
    height += 4 * bump(0, who.mouth_height, who.mouth_width, 8) + 4 * bump(0, who.half_height * 0.82, 17, 11)
    height += 3 * bump(0, ey - who.brow_gap, 45, 9)
    return face, height.astype(np.float32)


def _paint(who: Person, x: Map, y: Map, face: NDArray[np.bool_], bump: Bump) -> tuple[Map, Map]:
    """Return visible (3 channels) and infrared reflectance of skin, eyes, brows, mouth, beard and hair."""
    albedo = np.ones((*x.shape, 3), np.float32) * np.array(who.skin, np.float32)
    infrared = np.full(x.shape, SKIN_INFRARED, np.float32)

    def paint(weight: Map, colour: tuple[float, float, float], near_infrared: float | None) -> None:
        weight = np.clip(weight, 0, 1)
        albedo[:] = albedo * (1 - weight[..., None]) + np.array(colour, np.float32) * weight[..., None]
        if near_infrared is not None:
            infrared[:] = infrared * (1 - weight) + near_infrared * weight

    lips = (who.skin[0] * 0.62, who.skin[1] * 0.5, who.skin[2] * 0.86)
    for mx, my, radius, strength in who.marks:
        albedo *= 1 + strength * bump(mx, my, radius, radius * 0.8)[..., None]
    for side in (-1, 1):
        albedo *= 1 + who.cheek * bump(side * who.eye_gap * 1.3, who.nose_tip + 6, 17, 15)[..., None]
    jaw = bump(0, who.mouth_height + 24, 50, 24) + 0.8 * bump(-60, who.mouth_height, 26, 34)
    paint(who.beard * (jaw + 0.8 * bump(60, who.mouth_height, 26, 34)), who.hair, 0.34)
    paint(who.moustache * 1.3 * bump(0, who.mouth_height - 13, who.mouth_width * 1.15, 4.5), who.hair, 0.34)
    paint(1.3 * who.lip * bump(0, who.mouth_height, who.mouth_width, 6), lips, None)
    paint(bump(0, who.mouth_height, who.mouth_width * 0.95, 1.8), (0.12, 0.12, 0.25), 0.3)
    for side in (-1, 1):
        paint(0.8 * bump(side * who.nose_width * 0.7, who.nose_tip + 9, 4, 3), (0.14, 0.16, 0.28), 0.4)
        _paint_eye(who, x, y, side, bump, paint)
    line = who.hairline + 14 * np.cos((x - who.parting) / 28)
    hair = face & ((y < line) | ((np.abs(x) > who.half_width * 0.93) & (y < who.nose_tip)))
    paint(hair.astype(np.float32), who.hair, 0.38)
    return albedo, infrared


def _paint_eye(who: Person, x: Map, y: Map, side: int, bump: Bump, paint: Callable[..., None]) -> None:
    cx, cy, size = side * who.eye_gap, who.eye_height, who.eye_size
    paint(1.8 * bump(cx, cy, 12.5 * size, 5.2 * size), (0.80, 0.82, 0.83), 0.5)
    iris = ((x - cx) ** 2 + (y - cy) ** 2 < (6.0 * size) ** 2) & (np.abs(y - cy) < 5.2 * size)
    paint(iris.astype(np.float32), (0.09, 0.08, 0.09), 0.16)
    slant = cy - who.brow_gap + who.brow_slope * side * (x - cx)
    brow = np.exp(-(((x - cx) / 17) ** 4) - ((y - slant) / who.brow_thickness) ** 2)
    paint(1.15 * brow.astype(np.float32), who.hair, 0.36)


def _roughness(identifier: str, shape: tuple[int, ...]) -> Map:
    """White noise with a grain of about 3 mm, mean 0 and deviation 1."""
    rng = np.random.default_rng(zlib.crc32(b"skin" + identifier.encode()))
    noise = rng.standard_normal(shape).astype(np.float32)
    for axis in (0, 1):
        noise = noise + np.roll(noise, 1, axis) + np.roll(noise, 2, axis)
    return np.asarray(noise / noise.std(), np.float32)

"""Is what carries the face alive? Independent cues from depth, infrared and visible light; each can be left out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pytest_conformance.simulation.devices.faces import FaceBox
from pytest_conformance.simulation.scene.renderer import INFRARED_RANGE, Views

Map = NDArray[np.floating[Any]]

MIN_DEPTH_RANGE = 14.0
"""Millimetres that a face stands out of its own best plane, between its 5th and 95th percentile."""
MIN_NOSE_RELIEF = 2.4
"""Millimetres that a nose stands out of the smooth surface through the rest of the face."""
SKIN_INFRARED = (0.34, 0.70)
"""Reflectance of skin at the emitter's wavelength."""
MIN_TEXTURE = 0.024
"""Relative roughness of skin between 1 and 3 mm."""


@dataclass(frozen=True)
class Cue:
    """What one cue measured and whether that is a living face."""

    name: str
    value: float
    alive: bool


def depth(views: Views, face: FaceBox) -> Cue:
    """Does the face stand out of a plane? Flat prints and screens do not, however they are tilted."""
    x, y, z = _surface(views, face)
    plane = np.stack([x, y, np.ones_like(x)], axis=1)
    residual = z - plane @ np.linalg.lstsq(plane, z, rcond=None)[0]
    value = float(np.percentile(residual, 95) - np.percentile(residual, 5))
    return Cue("depth", value, value >= MIN_DEPTH_RANGE)


def relief(views: Views, face: FaceBox) -> Cue:
    """Does a nose stand out? Paper bends around a head, but only one way at a time."""
    x, y, z = _surface(views, face)
    nose = (np.abs(x) < 0.2) & (y > 0.3) & (y < 0.75)
    rest = ~((np.abs(x) < 0.3) & (y > -0.1) & (y < 0.95))
    eyes = (np.abs(np.abs(x) - 0.5) < 0.28) & (np.abs(y) < 0.22)
    smooth = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y, x**4], axis=1)
    fit = np.linalg.lstsq(smooth[rest & ~eyes], z[rest & ~eyes], rcond=None)[0]
    value = float(np.percentile((smooth[nose] @ fit) - z[nose], 80))
    return Cue("relief", value, value >= MIN_NOSE_RELIEF)


def infrared(views: Views, face: FaceBox) -> Cue:
    """Does it reflect like skin? Glass is dark, resin and bare paper are bright."""
    inside, _, _ = _oval(views, face)
    away = views.depth[inside]
    reflectance = views.ir[inside].astype(np.float32) / 255 * (away / INFRARED_RANGE) ** 2
    value = float(np.median(reflectance))
    return Cue("infrared", value, SKIN_INFRARED[0] <= value <= SKIN_INFRARED[1])


def texture(views: Views, face: FaceBox) -> Cue:
    """Has it pores? Paint on resin is smooth."""
    grey = cv2.cvtColor(views.visible, cv2.COLOR_BGR2GRAY).astype(np.float32)
    log = np.log(grey + 4)
    fine = log - cv2.GaussianBlur(log, (0, 0), max(1.0, face.gap * 0.045))
    inside, x, y = _oval(views, face)
    cheeks = inside & (np.abs(np.abs(x) - 0.55) < 0.2) & (y > 0.35) & (y < 0.85)
    forehead = inside & (np.abs(x) < 0.45) & (y < -0.5) & (y > -0.75)
    patches = [fine[area] for area in (cheeks, forehead) if int(area.sum()) > 12]
    value = float(min(1.4826 * np.median(np.abs(patch - np.median(patch))) for patch in patches)) if patches else 0.0
    return Cue("texture", value, value >= MIN_TEXTURE)


CUES: Mapping[str, Callable[[Views, FaceBox], Cue]] = {
    "depth": depth,
    "relief": relief,
    "infrared": infrared,
    "texture": texture,
}
"""All cues of the good device."""

DEFEATS: Mapping[str, frozenset[str]] = {
    "print": frozenset({"depth", "relief"}),
    "screen-replay": frozenset({"depth", "relief", "infrared"}),
    "cut-mask": frozenset({"relief"}),
    "mask-3d": frozenset({"infrared", "texture"}),
}
"""Species to the cues that betray it: a device that leaves these out takes it for alive."""


def judge(views: Views, face: FaceBox, without: Collection[str] = ()) -> list[Cue]:
    """Return what each cue, except those in `without`, says; alive when all say so."""
    unknown = set(without) - set(CUES)
    if unknown:
        raise LookupError(f"no liveness cue {', '.join(sorted(unknown))}; there are {', '.join(CUES)}")
    return [cue(views, face) for name, cue in CUES.items() if name not in without]


def is_alive(views: Views, face: FaceBox, without: Collection[str] = ()) -> bool:
    """Return whether every cue, except those in `without`, says that the face is alive."""
    return all(cue.alive for cue in judge(views, face, without))


def _oval(views: Views, face: FaceBox) -> tuple[NDArray[np.bool_], Map, Map]:
    """The inner face, and each pixel's place in units of the eyes' distance from between the eyes, y to the chin."""
    (ax, ay), (bx, by) = face.eyes
    rows, columns = np.mgrid[0 : views.depth.shape[0], 0 : views.depth.shape[1]].astype(np.float32)
    across, down = (bx - ax) / face.gap, (by - ay) / face.gap
    dx, dy = columns - (ax + bx) / 2, rows - (ay + by) / 2
    x = (dx * across + dy * down) / face.gap
    y = (-dx * down + dy * across) / face.gap
    inside = (x / 0.92) ** 2 + ((y - 0.4) / 1.2) ** 2 < 1
    return inside, x, y


def _surface(views: Views, face: FaceBox) -> tuple[Map, Map, Map]:
    inside, x, y = _oval(views, face)
    return x[inside], y[inside], views.depth[inside].astype(np.float64)

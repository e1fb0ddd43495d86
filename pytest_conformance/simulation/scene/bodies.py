"""What can stand before a device: a living head, a print, a screen, a cut mask, a 3D mask. By physics, no labels."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pytest_conformance.simulation.scene.heads import REACH_X, REACH_Y, HeadMaps, head_maps
from pytest_conformance.simulation.scene.people import Person, person
from pytest_conformance.simulation.scene.renderer import CameraModel, Layer, Light, Map, Placed, render

PAPER_INFRARED = 0.80
RESIN_INFRARED = 0.90
GLASS_INFRARED = 0.05
"""Reflectances at 850 nm: office paper, cast resin, the dark glass of a display."""


@dataclass(frozen=True)
class Pose:
    """Degrees: yaw turns to the viewer's right, pitch nods, roll tilts."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0

    def matrix(self) -> NDArray[np.float64]:
        """Return the rotation from the head's to the camera's axes."""
        yaw, pitch, roll = (math.radians(angle) for angle in (self.yaw, self.pitch, self.roll))
        about_y = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
        about_x = np.array([[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]])
        about_z = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
        return np.asarray(about_z @ about_y @ about_x)


def bilinear(table: Map, x: Map, y: Map) -> Map:
    """Sample `table` (rows, columns[, channels]) at real columns `x` and rows `y`, clamped to its border."""
    rows, columns = table.shape[:2]
    x = np.clip(x, 0, columns - 1.001)
    y = np.clip(y, 0, rows - 1.001)
    left, top = x.astype(np.intp), y.astype(np.intp)
    fx, fy = x - left, y - top
    flat = table.reshape(rows * columns, *table.shape[2:])
    at = top * columns + left
    if table.ndim == 3:
        fx, fy = fx[..., None], fy[..., None]
    upper = flat[at] * (1 - fx) + flat[at + 1] * fx
    lower = flat[at + columns] * (1 - fx) + flat[at + columns + 1] * fx
    return np.asarray(upper * (1 - fy) + lower * fy, np.float32)


@dataclass(frozen=True)
class Head:
    """A living person's head."""

    subject: str
    pose: Pose = field(default_factory=Pose)
    reach: tuple[float, float] = (REACH_X + 15.0, REACH_Y + 15.0)

    def maps(self) -> HeadMaps:
        return head_maps(self.subject)

    def sample(self, x: Map, y: Map) -> Layer:
        maps, turn = self.maps(), self.pose.matrix()
        outwards = np.zeros_like(x)
        for _ in range(4):
            u, v, w = (turn[0, i] * x + turn[1, i] * y + turn[2, i] * outwards for i in range(3))
            outwards = outwards + (bilinear(maps.height, u + REACH_X, v + REACH_Y) - w) / turn[2, 2]
        column, row = (turn[0, i] * x + turn[1, i] * y + turn[2, i] * outwards for i in range(2))
        column, row = column + REACH_X, row + REACH_Y
        inside = (column > 0) & (column < 2 * REACH_X) & (row > 0) & (row < 2 * REACH_Y)
        solid = inside & (bilinear(maps.solid, column, row) > 0.5)
        return Layer(
            solid,
            np.asarray(outwards, np.float32),
            bilinear(maps.albedo, column, row),
            bilinear(maps.infrared, column, row),
        )


@dataclass(frozen=True)
class ResinMask(Head):
    """A mask cast from the target's geometry and painted: no pores, and the infrared of resin everywhere."""

    def maps(self) -> HeadMaps:
        return _resin_maps(self.subject)


@lru_cache(maxsize=16)
def _resin_maps(subject: str) -> HeadMaps:
    maps = head_maps(subject)
    albedo = maps.albedo
    for _ in range(6):
        for axis in (0, 1):
            albedo = (np.roll(albedo, 1, axis) + albedo + np.roll(albedo, -1, axis)) / 3
    return HeadMaps(maps.solid, maps.height, albedo.astype(np.float32), np.full_like(maps.infrared, RESIN_INFRARED))


@lru_cache(maxsize=16)
def portrait(subject: str) -> Map:
    """Photograph `subject` from the front in good light: BGR 0 to 1, one pixel a millimetre, 256 x 320 pixels."""
    camera = CameraModel(256, 320, field_of_view=2 * math.degrees(math.atan(128 / 500)), noise=0)
    picture = render([Placed(Head(subject), 500.0)], camera, Light(direction=(0.05, -0.2, 0.98), diffuse=0.7))
    return np.asarray(np.clip(picture.visible * 1.3, 0, 1), np.float32)


PORTRAIT_WIDTH, PORTRAIT_HEIGHT = 256.0, 320.0
"""Size of a portrait's scene in millimetres at the subject's own size."""


def _ink_infrared(printed: Map) -> Map:
    """Colour toner is transparent at 850 nm; the black in the mixture is carbon and absorbs."""
    black = 1 - printed.max(axis=-1)
    return np.asarray(PAPER_INFRARED * (1 - 0.92 * black), np.float32)


@dataclass(frozen=True)
class Print:
    """A flat colour print of `subject`, life-size, on paper; slightly turned by `pose` about its middle."""

    subject: str
    pose: Pose = field(default_factory=Pose)
    reach: tuple[float, float] = (140.0, 175.0)

    def sample(self, x: Map, y: Map) -> Layer:
        column, row, height = _on_plane(self.pose, x, y)
        solid = (np.abs(column) < 128) & (np.abs(row) < 160)
        printed = bilinear(portrait(self.subject), column + 127.5, row + 159.5) * 0.93 + 0.04
        return Layer(solid, height, printed, _ink_infrared(printed))


def _on_plane(pose: Pose, x: Map, y: Map) -> tuple[Map, Map, Map]:
    """Coordinates on a plane turned by `pose`, and how far each point stands towards the camera."""
    turn = pose.matrix()
    height = -(turn[0, 2] * x + turn[1, 2] * y) / turn[2, 2]
    column, row = (turn[0, i] * x + turn[1, i] * y + turn[2, i] * height for i in range(2))
    return np.asarray(column, np.float32), np.asarray(row, np.float32), np.asarray(height, np.float32)


@dataclass(frozen=True, eq=False)
class Screen:
    """A display that emits `picture` (BGR uint8) `width_mm` wide; its glass is dark in infrared and flat."""

    picture: NDArray[np.uint8] | None
    width_mm: float = 256.0
    pose: Pose = field(default_factory=Pose)
    panel: tuple[float, float] = (345.0, 215.0)
    brightness: float = 0.9
    reach: tuple[float, float] = (200.0, 140.0)

    def sample(self, x: Map, y: Map) -> Layer:
        column, row, height = _on_plane(self.pose, x, y)
        solid = (np.abs(column) < self.panel[0] / 2 + 8) & (np.abs(row) < self.panel[1] / 2 + 8)
        lit = (np.abs(column) < self.panel[0] / 2) & (np.abs(row) < self.panel[1] / 2)
        glow = np.zeros((*x.shape, 3), np.float32)
        if self.picture is not None:
            rows, columns = self.picture.shape[:2]
            scale = columns / self.width_mm
            shown = bilinear(
                self.picture.astype(np.float32) / 255,
                column * scale + (columns - 1) / 2,
                row * scale + (rows - 1) / 2,
            )
            inside = lit & (np.abs(column) < self.width_mm / 2) & (np.abs(row) < self.width_mm * rows / columns / 2)
            glow[inside] = shown[inside] * self.brightness
        return Layer(
            solid,
            height,
            np.full((*x.shape, 3), 0.03, np.float32),
            np.full(x.shape, GLASS_INFRARED, np.float32),
            glow,
        )


@dataclass(frozen=True)
class CutMask:
    """A print of `subject` bent around the face of `wearer`, with holes where the wearer's own eyes look through."""

    subject: str
    wearer: str = ""
    """Who looks through the holes; by default somebody whose eyes lie as far apart as the subject's."""
    pose: Pose = field(default_factory=Pose)
    radius: float = 88.0
    reach: tuple[float, float] = (REACH_X + 15.0, REACH_Y + 15.0)

    def sample(self, x: Map, y: Map) -> Layer:
        beneath = Head(self.wearer or _fitting_wearer(self.subject), self.pose).sample(x, y)
        turn = self.pose.matrix()
        outwards = np.full_like(x, self.radius)
        for _ in range(4):
            u, v, w = (turn[0, i] * x + turn[1, i] * y + turn[2, i] * outwards for i in range(3))
            outwards = outwards + (np.sqrt(np.clip(self.radius**2 - u**2, 1, None)) - w) / turn[2, 2]
        u, v = (turn[0, i] * x + turn[1, i] * y + turn[2, i] * outwards for i in range(2))
        who = person(self.subject)
        paper = (u / who.half_width) ** 2 + (v / who.half_height) ** 2 < 1
        holes = _eye_holes(who, u, v)
        printed = bilinear(portrait(self.subject), u + 127.5, v + 159.5) * 0.93 + 0.04
        on_paper = paper & ~holes
        return Layer(
            beneath.solid | paper,
            np.where(on_paper, outwards + 4, beneath.height).astype(np.float32),
            np.where(on_paper[..., None], printed, beneath.albedo).astype(np.float32),
            np.where(on_paper, _ink_infrared(printed), beneath.infrared).astype(np.float32),
        )


@lru_cache(maxsize=16)
def _fitting_wearer(subject: str) -> str:
    who = person(subject)

    def misfit(name: str) -> float:
        other = person(name)
        return abs(other.eye_gap - who.eye_gap) + abs(other.eye_height - who.eye_height)

    return min((f"W{number}" + "c" * who.child for number in range(40)), key=misfit)


def _eye_holes(who: Person, u: Map, v: Map) -> NDArray[np.bool_]:
    across = (np.abs(u) - who.eye_gap) / 11.5
    return np.asarray(across**2 + ((v - who.eye_height) / 6.5) ** 2 < 1)

"""From bodies before a camera to its three views: visible light, depth, active infrared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.floating[Any]]
"""A plane of numbers, float32 unless said otherwise."""

WALL = 2500.0
"""Distance of the wall behind everything, millimetres."""
INFRARED_RANGE = 350.0
"""Distance at which a white surface facing the emitter fills the infrared sensor, millimetres."""


@dataclass(frozen=True)
class CameraModel:
    """A pinhole sensor with registered visible, depth and infrared pixels. Field of view in degrees, across."""

    width: int = 240
    height: int = 240
    field_of_view: float = 36.0
    noise: float = 1.2
    """Standard deviation of a pixel in good light, grey levels."""
    depth_noise: float = 0.6
    """Standard deviation of a depth pixel, millimetres."""

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return self.width / 2 / math.tan(math.radians(self.field_of_view / 2))


@dataclass(frozen=True)
class Light:
    """Ambient light: illuminance in lux and where it comes from (x right, y down, z from the camera's side)."""

    lux: float = 300.0
    direction: tuple[float, float, float] = (0.25, -0.4, 0.88)
    diffuse: float = 0.5
    """Share that comes from everywhere, 0 to 1."""


@dataclass(frozen=True)
class Views:
    """What a sensor delivers: BGR (rows, columns, 3), depth in millimetres, infrared grey levels."""

    visible: NDArray[np.uint8]
    depth: NDArray[np.float32]
    ir: NDArray[np.uint8]


@dataclass(frozen=True)
class Layer:
    """A body sampled on a grid: where it is, how far it stands out (mm), what it reflects, what it emits."""

    solid: NDArray[np.bool_]
    height: Map
    albedo: Map
    infrared: Map
    glow: Map | None = None
    """Emitted light, BGR 0 to 1, independent of the ambient light."""


class Body(Protocol):
    """Something with a surface."""

    @property
    def reach(self) -> tuple[float, float]:
        """Half its width and height in millimetres."""
        ...

    def sample(self, x: Map, y: Map) -> Layer:
        """Sample the body at millimetres `x`, `y` from its middle (y downwards), as seen from the camera."""
        ...


@dataclass(frozen=True)
class Placed:
    """A body before the camera: distance of its plane and offset of its middle from the axis, millimetres."""

    body: Body
    distance: float = 480.0
    dx: float = 0.0
    dy: float = 0.0


@dataclass(frozen=True)
class Clean:
    """A rendered picture without sensor noise: visible 0 to 1 (BGR), depth mm, infrared 0 to 1, gain."""

    visible: Map
    depth: Map
    infrared: Map
    level: float


def render(bodies: Sequence[Placed], camera: CameraModel, light: Light) -> Clean:
    """Draw `bodies` (nearer ones hide farther ones) before the wall."""
    level = light.lux / (light.lux + 10.0)
    rows = np.linspace(0, 1, camera.height, dtype=np.float32)[:, None, None]
    wall = (0.62 - 0.12 * rows) * np.array([1.0, 0.98, 0.94], np.float32)
    visible = np.broadcast_to(wall * level, (camera.height, camera.width, 3)).astype(np.float32)
    depth = np.full((camera.height, camera.width), WALL, np.float32)
    infrared = np.full_like(depth, 0.6 * (INFRARED_RANGE / WALL) ** 2)
    for placed in sorted(bodies, key=lambda p: -p.distance):
        _draw(placed, camera, light, level, visible, depth, infrared)
    return Clean(visible, depth, infrared, level)


def _draw(
    placed: Placed, camera: CameraModel, light: Light, level: float, visible: Map, depth: Map, infrared: Map
) -> None:
    per_pixel = placed.distance / camera.focal
    window = _window(placed, camera, per_pixel)
    if window is None:
        return
    rows, columns = window
    y = (np.arange(rows.start, rows.stop, dtype=np.float32) - camera.height / 2 + 0.5) * per_pixel - placed.dy
    x = (np.arange(columns.start, columns.stop, dtype=np.float32) - camera.width / 2 + 0.5) * per_pixel - placed.dx
    grid_x, grid_y = np.broadcast_to(x, (y.size, x.size)), np.broadcast_to(y[:, None], (y.size, x.size))
    layer = placed.body.sample(grid_x, grid_y)
    normal_x, normal_y, facing = _normals(layer.height, per_pixel)
    towards = np.array(light.direction, np.float32) / np.linalg.norm(light.direction)
    lambert = np.clip(normal_x * towards[0] + normal_y * towards[1] + facing * towards[2], 0, 1)
    shade = (light.diffuse * (0.55 + 0.45 * facing) + (1 - light.diffuse) * lambert) * level
    lit = layer.albedo * shade[..., None]
    if layer.glow is not None:
        lit = lit + layer.glow
    away = placed.distance - layer.height
    solid = layer.solid & (away < depth[rows, columns])
    visible[rows, columns][solid] = lit[solid]
    depth[rows, columns][solid] = away[solid]
    echo = layer.infrared * (0.25 + 0.75 * facing) * (INFRARED_RANGE / away) ** 2
    infrared[rows, columns][solid] = echo[solid]


def _window(placed: Placed, camera: CameraModel, per_pixel: float) -> tuple[slice, slice] | None:
    """The rows and columns that the body can touch."""
    half_x, half_y = placed.body.reach
    middle_x, middle_y = camera.width / 2, camera.height / 2
    left = max(0, math.floor(middle_x + (placed.dx - half_x) / per_pixel))
    right = min(camera.width, math.ceil(middle_x + (placed.dx + half_x) / per_pixel))
    top = max(0, math.floor(middle_y + (placed.dy - half_y) / per_pixel))
    bottom = min(camera.height, math.ceil(middle_y + (placed.dy + half_y) / per_pixel))
    if right - left < 3 or bottom - top < 3:
        return None
    return slice(top, bottom), slice(left, right)


def _normals(height: Map, per_pixel: float) -> tuple[Map, Map, Map]:
    slope_y, slope_x = np.gradient(height, per_pixel)
    length = np.sqrt(slope_x**2 + slope_y**2 + 1)
    single = np.float32
    return (-slope_x / length).astype(single), (-slope_y / length).astype(single), (1 / length).astype(single)


def expose(clean: Clean, camera: CameraModel, frame: int) -> Views:
    """Let the sensor take frame number `frame`: noise grows in poor light; eight noise fields come round."""
    field = frame % 8
    grain = camera.noise * (1 + 2.5 * (1 - clean.level))
    visible = clean.visible * 255 + grain * _noise(camera.height, camera.width, 3, field)
    depth = clean.depth + camera.depth_noise * _noise(camera.height, camera.width, 1, field)[..., 0]
    infrared = clean.infrared * 255 + camera.noise * _noise(camera.height, camera.width, 1, field + 8)[..., 0]
    return Views(
        np.clip(visible, 0, 255).astype(np.uint8),
        depth.astype(np.float32),
        np.clip(infrared, 0, 255).astype(np.uint8),
    )


@lru_cache(maxsize=64)
def _noise(rows: int, columns: int, channels: int, field: int) -> Map:
    return np.random.default_rng(field).standard_normal((rows, columns, channels), np.float32)

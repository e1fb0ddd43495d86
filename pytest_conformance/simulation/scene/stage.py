"""The scene before the device: what the turntable brings, the light, somebody who passes by; rendered on demand."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pytest_conformance.simulation.scene.bodies import CutMask, Head, Pose, Print, ResinMask, Screen
from pytest_conformance.simulation.scene.holders import EMPTY, Content
from pytest_conformance.simulation.scene.renderer import Body, CameraModel, Clean, Light, Placed, Views, expose, render
from pytest_conformance.simulation.signals import Signal

if TYPE_CHECKING:
    from pytest_conformance.simulation.world import World

SUBJECT_DISTANCE = 480.0
"""From the device's sensor to the middle of a head on the turntable, millimetres."""
PASSER_BY_DISTANCE = 2100.0
CACHED = 24


@dataclass(frozen=True, eq=False)
class Shown:
    """What the display shows: BGR picture and its width in millimetres."""

    picture: NDArray[np.uint8]
    width_mm: float


class Scene:
    """Renders what stands before the device. `screen` and `passer_by` are set by the display and by devices' tests."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._holders = world.holders
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[object, ...], Clean] = OrderedDict()
        self._presented = 0
        self._frame = 0
        self.screen: Signal[Shown | None] = Signal(world.timeline, None)
        """The display's picture, whether or not the display stands before the device."""
        self.passer_by: Signal[str] = Signal(world.timeline, "")
        """Who passes behind, at about two metres; "" for nobody."""
        world.holder.listen(self._changed)

    def content(self) -> Content:
        """Return what stands before the device now."""
        return self._holders.get(self._world.holder.value, EMPTY)

    def render(self, camera: CameraModel) -> Views:
        """Return what a sensor like `camera` sees now; every call is a new exposure with its own noise."""
        with self._lock:
            self._frame += 1
            frame = self._frame
        return expose(self.clean(camera), camera, frame)

    def clean(self, camera: CameraModel) -> Clean:
        """Return the picture without noise; drawn once for each content, presentation, light and camera."""
        key = (camera, *self.state())
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        picture = render(self._bodies(), camera, self._light())
        with self._lock:
            self._cache[key] = picture
            while len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        return picture

    def state(self) -> tuple[object, ...]:
        """Return what the picture depends on; equal states look alike."""
        shown = self.screen.value if self.content().kind == "screen" else None
        return (self._world.holder.value, self._presented, self._world.lux.value, id(shown), self.passer_by.value)

    def _changed(self, holder: int) -> None:
        if holder in self._holders:
            self._presented += 1

    def _random(self) -> np.random.Generator:
        seed = self._world.options.seed
        return np.random.default_rng((seed, self._world.holder.value, self._presented))

    def _light(self) -> Light:
        rng = self._random()
        return Light(self._world.lux.value, (float(rng.uniform(-0.45, 0.45)), -0.35, 0.85))

    def _bodies(self) -> list[Placed]:
        """Place the content with this presentation's small turn and shift, and whoever passes by."""
        rng = self._random()
        rng.uniform()
        yaw, pitch, roll, dx, dy, near = (float(value) for value in rng.uniform(-1, 1, 6))
        placed: list[Placed] = []
        content = self.content()
        body = self._body(content, Pose(8 * yaw, 5 * pitch, 4 * roll))
        if body is not None:
            placed.append(Placed(body, SUBJECT_DISTANCE + 40 * near, 12 * dx, 10 * dy))
        passing = self.passer_by.value or (content.subject if content.kind == "passer-by" else "")
        if passing:
            placed.append(Placed(Head(passing, Pose(20 * yaw, 4 * pitch)), PASSER_BY_DISTANCE, 320 + 60 * dx, -60.0))
        return placed

    def _body(self, content: Content, pose: Pose) -> Body | None:
        match content.kind:
            case "live":
                return Head(content.subject, pose)
            case "print":
                return Print(content.subject, pose)
            case "cut-mask":
                return CutMask(content.subject, pose=pose)
            case "mask-3d":
                return ResinMask(content.subject, pose)
            case "screen":
                shown = self.screen.value
                return Screen(shown.picture, shown.width_mm, pose) if shown is not None else Screen(None, pose=pose)
            case _:
                return None


def add_scene(world: World) -> None:
    """Set the stage: `world.scene`, the display and the watch camera."""
    from pytest_conformance.simulation.scene.display import DisplayFarEnd
    from pytest_conformance.simulation.scene.watch import WatchFarEnd

    world.scene = Scene(world)
    world.add(DisplayFarEnd(world, world.scene))
    world.add(WatchFarEnd(world, world.scene))

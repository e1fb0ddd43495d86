"""The simulated world: time, rail, scene and the far ends around one device."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_conformance.simulation.farend import FarEnd, Json
from pytest_conformance.simulation.scene.holders import HOLDERS, Content
from pytest_conformance.simulation.signals import Signal
from pytest_conformance.simulation.timeline import Timeline

if TYPE_CHECKING:
    from pytest_conformance.simulation.ble import BleRadio
    from pytest_conformance.simulation.cloud import Cloud
    from pytest_conformance.simulation.companion.screen import App
    from pytest_conformance.simulation.network import Network
    from pytest_conformance.simulation.scene.stage import Scene
    from pytest_conformance.simulation.truth import Truth

FAR_ENDS = "far-ends.json"


@dataclass(frozen=True)
class Options:
    """How to build a world; the process's command line."""

    dut: str
    known_bad: tuple[str, ...] = ()
    seed: int = 1
    door: str = "auto"
    """"namespace", "relay" or "auto" (namespace where it is allowed)."""
    folder: Path = field(default_factory=Path.cwd)
    truth: Truth | None = None
    """What a recogniser decides by, instead of by its pictures; None: by its pictures."""
    drawn: int = 0
    """Decisions that the device drew from its truth in the earlier part of a run that goes on."""


class World:
    """What the simulated parts share. Parts are added by the builders of each room of the simulation."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.random = random.Random(options.seed)
        self.timeline = Timeline()
        self.rail: Signal[float] = Signal(self.timeline, 0.0)
        """Volts on the device's supply terminals."""
        self.bolt: Signal[bool] = Signal(self.timeline, True)
        """True: thrown (locked)."""
        self.lamp: Signal[str] = Signal(self.timeline, "off")
        """Colour of the device's indicator lamp: off, white, green, red, blue."""
        self.lux: Signal[float] = Signal(self.timeline, 300.0)
        """Illuminance at the device, lux."""
        self.celsius: Signal[float] = Signal(self.timeline, 23.0)
        """Temperature of the air beside the device, degrees Celsius."""
        self.humidity: Signal[float] = Signal(self.timeline, 0.45)
        """Relative humidity there, 0 to 1."""
        self.distance: Signal[float | None] = Signal(self.timeline, 500.0)
        """From the device's camera to what stands before it, mm; None where nothing does."""
        self.skin: Signal[float] = Signal(self.timeline, 27.0)
        """Temperature of the device's housing, degrees Celsius."""
        self.place: Signal[tuple[float, float]] = Signal(self.timeline, (31.2304, 121.4737))
        """What the satellites say: latitude and longitude, degrees WGS-84."""
        self.load: Signal[float] = Signal(self.timeline, 27.0)
        """What the device's supply terminals look like, ohm."""
        self.holder: Signal[int] = Signal(self.timeline, 0)
        """The turntable's holder that stands before the device; 0: the empty one, or none while it moves."""
        self.holders: dict[int, Content] = dict(HOLDERS)
        """What is mounted on the turntable."""
        if options.truth is not None:
            self.holders.update(options.truth.mounted())
        self.labels: list[str] = []
        """The printed label of each sample, first sample first."""
        self.app: App | None = None
        """The companion app's screens and actions; None until a device has one."""
        self.ble: BleRadio | None = None
        """The device's Bluetooth LE radio, when `add_ble` has given it one."""
        self.net: Network
        """The segment, access point and internet; there once `add_network` has put it in place."""
        self.cloud: Cloud
        """The stand-in for the supplier's cloud; there once `add_cloud` has put it in place."""
        self.scene: Scene
        """What stands before the device, for any camera to render; there once `add_scene` has set it."""
        self._far_ends: dict[str, FarEnd] = {}

    def add(self, far_end: FarEnd) -> None:
        if far_end.name in self._far_ends:
            raise ValueError(f"two far ends are named {far_end.name!r}")
        self._far_ends[far_end.name] = far_end

    def far_end(self, name: str) -> FarEnd:
        """Return the far end `name`; KeyError names those that exist."""
        try:
            return self._far_ends[name]
        except KeyError:
            raise KeyError(f"no far end {name!r}; there are {', '.join(sorted(self._far_ends))}") from None

    def __iter__(self) -> Iterator[FarEnd]:
        return iter(self._far_ends.values())

    def start(self) -> dict[str, Json]:
        """Start every far end and return the manifest: name of the far end to its entry."""
        return {far_end.name: far_end.start() for far_end in self}

    def stop(self) -> None:
        for far_end in reversed(list(self)):
            far_end.stop()
        self.timeline.close()

    def tell(self) -> None:
        """Write `far-ends.json` into the folder: what every far end saw and did, in the end."""
        seen: dict[str, Json] = {}
        for far_end in self:
            try:
                seen[far_end.name] = far_end.seen()
            except Exception as error:  # one far end that cannot tell must not silence the others
                seen[far_end.name] = {"error": f"{type(error).__name__}: {error}"}
        file = self.options.folder / FAR_ENDS
        file.write_text(json.dumps(seen, ensure_ascii=True, default=repr, indent=1) + "\n", "ascii")

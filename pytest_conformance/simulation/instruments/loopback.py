"""The simulated loop-back box: sees light and answers it with its output after a delay that it knows."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from pytest_conformance.simulation.instruments.contact import Contact
from pytest_conformance.simulation.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_conformance.simulation.farend import Json
    from pytest_conformance.simulation.scene.stage import Shown
    from pytest_conformance.simulation.world import World

OPEN_FOR = 0.06
"""Seconds for which the output stays switched."""
BRIGHT = 127
"""Mean grey level of the display's picture from which on the photodiode sees light."""
SPIN = 0.002
"""Last part of a delay that is waited for actively: sleeping is not that exact."""


class Loopback(Contact):
    """Far end `loopback`: a photodiode at the display and an output in parallel with the bolt's contact.

    Speaks as the contact box does, its edges being light (CLOSED) and dark (OPEN). In addition `DELAY us` (answered
    alike) arms it: each light that comes is answered with the output after so long, and `LOOP light_us out_us` says
    when both were; `DELAY -` disarms it. `PULSE` switches the output now and answers `PULSED us`.
    """

    name = "loopback"
    identity = "Simulated Instruments,SIM-LOOP1,SC4011,0.3.0"

    def __init__(self, world: World) -> None:
        self._delay: int | None = None
        super().__init__(world, Signal(world.timeline, False))
        self._sensed.listen(self._lit)

    def start(self) -> Mapping[str, Json]:
        scene = getattr(self._world, "scene", None)  # in a world without one the tests switch the light
        if scene is not None:
            scene.screen.listen(self._shown)
        return super().start()

    @property
    def light(self) -> Signal[bool]:
        """What the photodiode sees."""
        return self._sensed

    def _shown(self, shown: Shown | None) -> None:
        self._sensed.set(shown is not None and float(shown.picture.mean()) > BRIGHT)

    def _lit(self, light: bool) -> None:
        if light and self._delay is not None:
            began, delay = time.monotonic_ns(), self._delay
            stamp = self._now()
            threading.Thread(target=self._answer_light, args=(began, stamp, delay), daemon=True).start()

    def _answer_light(self, began: int, stamp: int, delay: int) -> None:
        due = began + delay * 1000
        time.sleep(max(0.0, (due - time.monotonic_ns()) / 1e9 - SPIN))
        while time.monotonic_ns() < due:
            pass
        out = self._switch()
        with self._lock:
            self._say(f"LOOP {stamp} {out}")

    def _switch(self) -> int:
        """Open the contact for a moment; return when, in microseconds of the box."""
        at = self._now()
        self._world.bolt.set(False)
        self._world.timeline.call_later(OPEN_FOR, lambda: self._world.bolt.set(True))
        return at

    def _extra(self, line: str) -> str:
        verb, _, rest = line.partition(" ")
        if line == "PULSE":
            return f"PULSED {self._switch()}"
        if verb == "DELAY" and (rest == "-" or (rest.isdecimal() and len(rest) <= 8)):
            self._delay = None if rest == "-" else int(rest)
            return line
        return "ERR unknown"

"""The power part of the simulated supply: output, limits, trips and watchdog. It outlives its front end."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.timeline import SECOND, Timer
from pytest_conformance.simulation.world import World

MAX_VOLTS = 32.0
MAX_AMPERES = 5.0


class PowerStage:
    """Drives `world.rail` into `world.load`.

    Above its current limit it holds the current (or trips when OCP is on), above its voltage limit it trips. With
    the watchdog armed, the output goes off when nobody feeds it for `watchdog` seconds of world time.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.RLock()
        self._fed = 0
        self._timer: Timer | None = None
        self.output: list[Mapping[str, Json]] = []
        """Each change of the output: world time and host's monotonic time in ns, on or off, and why."""
        self.trips: set[str] = set()
        """"OV", "OC" and "WDOG", until cleared."""
        self.mains = True
        """Whether the supply itself is fed; see `feed_mains`."""
        self.stuck = False
        """A welded relay: the output stays on whatever is said."""
        self.fed_back = 0.0
        """Volts that another source puts on the terminals while the output is off."""
        self.watchdog_delay = 60.0
        self._defaults()
        world.load.listen(lambda _: self.settle())

    def _defaults(self) -> None:
        self.on = False
        self.volts = 0.0
        self.amperes = 1.0
        self.over_voltage = MAX_VOLTS * 1.1
        self.over_current = False
        self.watchdog = False

    def reset(self) -> None:
        """Take the state after *RST: output off, no volts, no watchdog."""
        self.switch(False, "reset")
        with self._lock:
            self._defaults()
            self.trips.clear()
        self.settle()

    def switch(self, on: bool, why: str) -> None:
        """Switch the output; tripped protections keep it off."""
        with self._lock:
            on = ((on and not self.trips) or (self.stuck and self.on)) and self.mains
            if on != self.on:
                self.on = on
                self._note(on, why)
        self.settle()

    def feed_mains(self, on: bool, why: str) -> None:
        """Give or take the mains: without it no output has volts, whatever its relay does."""
        with self._lock:
            if self.on and not on:
                self.on = False
                self._note(False, why)
            self.mains = on
        self.settle()

    def _note(self, on: bool, why: str) -> None:
        wall = time.monotonic_ns()
        self.output.append({"at": self._world.timeline.now(), "wall": wall, "on": on, "why": why})

    def trip(self, what: str) -> None:
        with self._lock:
            self.trips.add(what)
        self.switch(False, what)

    @property
    def rail(self) -> float:
        """Volts on the output terminals."""
        return self._world.rail.value

    def current(self) -> float:
        """Return the amperes that flow into the load."""
        return self.rail / self._world.load.value

    def limiting(self) -> bool:
        """Tell whether the output holds its current instead of its voltage."""
        return self.on and self.volts > self.amperes * self._world.load.value

    def settle(self) -> None:
        """Bring the rail to what the settings and the load make of it, and trip where a limit says so."""
        with self._lock:
            tripped = self._limit_reached()
        if tripped:
            self.trip(tripped)
            return
        while True:
            with self._lock:
                volts = self._target()
            self._world.rail.set(volts)
            with self._lock:
                if volts == self._target():
                    return

    def arm(self, on: bool) -> None:
        """Switch the watchdog."""
        self.watchdog = on
        self.feed()
        self._watch()

    def set_watchdog_delay(self, seconds: float) -> None:
        self.watchdog_delay = seconds
        self._watch()

    def feed(self) -> None:
        """Note that somebody spoke to the supply."""
        self._fed = self._world.timeline.now()

    def _watch(self) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self.watchdog:
                left = self._fed + int(self.watchdog_delay * SECOND) - self._world.timeline.now()
                self._timer = self._world.timeline.call_later(max(left, 0) / SECOND, self._look)

    def _look(self) -> None:
        late = self._world.timeline.now() - self._fed >= int(self.watchdog_delay * SECOND)
        if late:
            self.feed()
            if self.watchdog and self.on:
                self.trip("WDOG")
        self._watch()

    def _target(self) -> float:
        return min(self.volts, self.amperes * self._world.load.value) if self.on else self.fed_back

    def _limit_reached(self) -> str:
        if self.on and self._target() > self.over_voltage:
            return "OV"
        return "OC" if self.over_current and self.limiting() else ""

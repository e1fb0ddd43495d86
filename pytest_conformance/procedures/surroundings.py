"""What surrounds a trial: light, distance, pose, temperature as far as the bench can tell, and clocks that step."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from pytest_conformance.analysis.biometrics.campaigns import Conditions

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.stimulus.design import Showing
    from pytest_conformance.stimulus.register import Artefacts, Subjects

SMALLEST_STEP = 0.25
"""Seconds by which the wall clock, or the clock that counts suspended time, may drift from the monotonic one within a
trial."""
ROLES = {"thermometer": ("temperature", "celsius"), "rangefinder": ("distance", "millimetres")}
"""Roles that a bench may have to what they read, and the method that reads it."""


class Surroundings:
    """Reads the conditions of a trial from the bench's instruments; what none reads is as the registers declare it."""

    def __init__(self, bench: Bench, subjects: Subjects, artefacts: Artefacts) -> None:
        self._bench = bench
        self._subjects = subjects
        self._artefacts = artefacts

    def read(self, shown: Showing, lux: float | None) -> Conditions:
        """Return the conditions while `shown` stood there; `lux` was read at that time, None without a meter."""
        entry = self._artefacts.artefact(shown.artefact) if shown.artefact else self._subjects.subject(shown.subject)
        scene = entry.scene
        values = {"lux": lux, "distance": scene.distance, "yaw": scene.yaw, "pitch": scene.pitch, "roll": scene.roll}
        measured = ["lux"] if lux is not None else []
        for role, (name, method) in ROLES.items():
            if self._bench.has(role):
                values[name] = float(getattr(self._bench.role(role), method)())
                measured.append(name)
        return Conditions(**values, measured=tuple(measured))


class Steps(Protocol):
    """Notices clocks that step."""

    def mark(self) -> None: ...
    def stepped(self) -> str:
        """Return how a clock stepped since `mark`; "" when none did."""
        ...


class ClockSteps:
    """Compares the wall clock, and the clock that goes on while the host sleeps, with the monotonic one (D01, D04)."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        awake: Callable[[], float] = time.monotonic,
        boot: Callable[[], float] | None = None,
    ) -> None:
        self._clocks = {"the wall clock": wall, "the host's clock of suspended time": boot or _boot_time}
        self._awake = awake
        self._before = self._differences()

    def mark(self) -> None:
        self._before = self._differences()

    def stepped(self) -> str:
        now = self._differences()
        for name, before in self._before.items():
            step = now[name] - before
            if abs(step) > SMALLEST_STEP:
                return f"{name} stepped by {step:+.3f} s against the monotonic clock"
        return ""

    def _differences(self) -> dict[str, float]:
        return {name: clock() - self._awake() for name, clock in self._clocks.items()}


def _boot_time() -> float:
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

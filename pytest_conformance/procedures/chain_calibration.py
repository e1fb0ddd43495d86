"""Calibrates the chain of what is timed: patch to photodiode, output to contact, echo, known delays end to end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_conformance.analysis.chain import (
    BudgetRow,
    ChainReadings,
    DelayFound,
    KnownDelay,
    budget_rows,
    chain_components,
    delays_found,
)
from pytest_conformance.analysis.latency import budget
from pytest_conformance.clock import SECOND
from pytest_conformance.errors import InstrumentError
from pytest_conformance.procedures.procedure import procedure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_conformance.bench import Bench
    from pytest_conformance.drivers.roles import Display, Frame, Image
    from pytest_conformance.record import Run
    from pytest_conformance.stimulus.register import Artefacts, Subjects

READINGS = 12
"""Readings of each delay in the opening check."""
CLOSING = 8
DELAYS = (0.0, 0.1, 0.5, 1.0)
"""Known delays of the end-to-end check, seconds."""
REPEATS = 8
"""Readings of each known delay: two that a busy host delayed change neither their median nor its U by much."""
PATCH_MM = 250.0
SETTLE = 0.12
"""Seconds of rest between two readings: the output is back, the display black."""
PATIENCE = 1.0
RELOCK = 30.0
"""Seconds after which a bolt that was drawn before is thrown again: the output lies in parallel with its contact."""


@dataclass(frozen=True)
class ChainCalibration:
    """The opening check of the timing chain: its readings, how known delays came out, and the budget from the flip.

    `expanded` is U of one time from the flip (coverage 95.45 %), in seconds, with its coverage factor and effective
    degrees of freedom. `calibrated` is False where the bench has no loop-back box; then nothing was read.
    """

    calibrated: bool
    readings: ChainReadings | None
    found: tuple[DelayFound, ...]
    budget: tuple[BudgetRow, ...]
    correction: float
    expanded: float
    coverage_factor: float
    degrees_of_freedom: float
    evidence: tuple[str, ...] = ()


@procedure
def chain_calibration(bench: Bench, run: Run, registers: tuple[Subjects, Artefacts]) -> ChainCalibration:
    """Calibrate what is timed: light after the flip, frame after the light, edge after the output, known delays."""
    if not (bench.has("loopback") and bench.has("display") and bench.has("contact")):
        return ChainCalibration(False, None, (), (), 0.0, math.inf, 0.0, 0.0)
    with run.step("Measure", "Read the delays of the timing chain"):
        readings = read_chain(bench, registers[1], READINGS, DELAYS)
    with run.step("Evaluate", "Compare known delays with what was measured"):
        found = delays_found(readings)
    whole = budget(chain_components(readings, "flip"))
    return ChainCalibration(
        True,
        readings,
        found,
        budget_rows(whole),
        whole.correction_s,
        whole.expanded_s,
        whole.coverage_factor,
        whole.degrees_of_freedom,
    )


def read_chain(bench: Bench, artefacts: Artefacts, count: int, delays: Sequence[float] = ()) -> ChainReadings:
    """Read each delay of the chain `count` times, in real time; the end-to-end check with each of `delays`.

    Raises InstrumentError BEN-CAL-110 when the light or the edge of a reading does not come.
    """
    bench.clock.sleep(RELOCK)
    reader = ChainReader(bench, artefacts)
    try:
        with bench.clock.realtime():
            flips, frames = reader.patches(count)
            edges = reader.pulses(count)
            known = tuple(reader.known(each, REPEATS) for each in delays)
    finally:
        reader.leave()
    return ChainReadings(flips, frames, edges, reader.echo(), reader.clocks, known)


class ChainReader:
    """Shows the patch, switches the output, and reads what display, photodiode, contact and watch camera say."""

    def __init__(self, bench: Bench, artefacts: Artefacts) -> None:
        self._bench = bench
        self._clock = bench.clock
        self._display: Display = bench.role("display")
        self._loopback: Any = bench.role("loopback")
        self._contact: Any = bench.role("contact")
        screens = [each.holder for each in artefacts.artefacts if each.species == "screen-replay" and each.holder]
        self._watch: Any = None
        if screens and bench.has("watch") and bench.has("mover"):
            self._watch = bench.role("watch")
            bench.role("mover").goto(screens[0])
        self._patch = _patch()
        self._dark()

    @property
    def clocks(self) -> float:
        """Standard uncertainty (s) of the three clocks against the host's, combined."""
        parts = (self._contact.uncertainty, self._loopback.uncertainty, getattr(self._display, "uncertainty", 0.0))
        return math.hypot(*parts)

    def echo(self) -> tuple[float, ...]:
        """Return round trips of the line to the contact box, where its driver knows them."""
        return tuple(getattr(self._contact, "echoes", ()))

    def patches(self, count: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return seconds from flip to light, and from light to the first frame that shows it."""
        flips, frames = [], []
        for _ in range(count):
            before = self._watch.frame() if self._watch is not None else None
            flip, light = self._show()
            flips.append((light - flip) / SECOND)
            if before is not None:
                frames.append((self._first_frame(before, light) - light) / SECOND)
            self._dark()
        return tuple(flips), tuple(frames)

    def pulses(self, count: int) -> tuple[float, ...]:
        """Return seconds from the switching of the output to the contact's edge."""
        found = []
        for _ in range(count):
            since = self._clock.now()
            at = self._loopback.pulse()
            found.append((self._edge(since) - at) / SECOND)
            self._clock.sleep(SETTLE)
        return tuple(found)

    def known(self, delay: float, count: int) -> KnownDelay:
        """Return what the chain measures where light is answered after `delay`."""
        known, raw = [], []
        self._loopback.answer_after(delay)
        try:
            for _ in range(count):
                since = self._clock.now()
                flip, _ = self._show()
                edge = self._edge(since, delay)
                loops = self._clock.wait_for(lambda since=since: self._loopback.loops(since), PATIENCE)  # type: ignore[misc]
                if not loops:
                    raise _missing("the loop-back box did not say when it answered")
                known.append(loops[0].seconds)
                raw.append((edge - flip) / SECOND)
                self._dark()
        finally:
            self._loopback.answer_after(None)
        return KnownDelay(delay, tuple(known), tuple(raw))

    def leave(self) -> None:
        """Leave the display black and nothing before the device."""
        self._display.blank()
        if self._watch is not None:
            self._bench.role("mover").goto(0)

    def _show(self) -> tuple[int, int]:
        """Show the patch; return bench time of the flip, and of the light at the photodiode."""
        since = self._clock.now()
        flip = self._display.show(self._patch, PATCH_MM)
        lit = self._clock.wait_for(lambda: [each for each in self._loopback.light(since) if each.closed], PATIENCE)
        if not lit:
            raise _missing("the photodiode saw no light after the display's flip")
        return flip, lit[0].at

    def _edge(self, since: int, delay: float = 0.0) -> int:
        """Return when the contact opened first since bench time `since`."""
        edges = self._clock.wait_for(
            lambda: [each for each in self._contact.edges(since) if not each.closed], delay + PATIENCE
        )
        if not edges:
            raise _missing("the contact did not see the loop-back box's output")
        return int(edges[0].at)

    def _first_frame(self, before: Frame, light: int) -> int:
        """Return the time of the first frame that shows the patch; frames before the light show none."""
        from pytest_conformance.analysis.imaging import first_changed

        def seen() -> int | None:
            frames = [each for each in self._watch.since(before.at) if each.at > before.at]
            index = first_changed([each.image for each in frames], before.image)
            return None if index is None else int(frames[index].at)

        at = self._clock.wait_for(seen, PATIENCE)
        if at is None:
            raise _missing("the watch camera did not see the display's patch")
        return at

    def _dark(self) -> None:
        self._display.blank()
        self._clock.sleep(SETTLE)


def _patch() -> Image:
    import numpy as np

    return np.full((160, 250, 3), 255, np.uint8)


def _missing(what: str) -> InstrumentError:
    return InstrumentError(
        "BEN-CAL-110",
        what,
        where="calibration of the timing chain",
        expected="light, frame and edge of each reading",
        todo="check the photodiode at the display, the output in parallel with the bolt, and the bolt thrown",
    )

"""What a calibration of the timing chain says: corrections, their budget, and whether known delays come out. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_conformance.analysis.latency import (
    Budget,
    Component,
    budget,
    check_drift,
    median_reach,
    observed_median,
    rectangular,
)
from pytest_conformance.errors import CalibrationError

Start = Literal["flip", "frame"]
"""What starts a time: the display's flip, or the first frame of the watch camera in which something is seen."""

FLIP_TO_LIGHT = "display flip to light"
LIGHT_TO_FRAME = "light to frame of the watch camera"
OUTPUT_TO_EDGE = "output to edge of the contact"
CLOCKS = "clocks of the boxes against the host's"
FRAME_PERIOD = "frame period of the watch camera"
EDGE = "time of the contact's edge"
DRIFT_LIMIT, FRAME_DRIFT_LIMIT = 0.003, 0.1
"""Seconds by which a delay may differ between opening and closing check, beyond the uncertainty of the difference; for
the first frame that shows something: two frame periods."""


@dataclass(frozen=True)
class KnownDelay:
    """A far end that answers light after a known delay: `nominal`, `known` as it stamped each, and `raw` (flip to
    edge), all in seconds."""

    nominal: float
    known: tuple[float, ...]
    raw: tuple[float, ...]


@dataclass(frozen=True)
class ChainReadings:
    """Readings of one check of the chain in seconds; empty where the bench has no instrument for them.

    `echo` are the round trips of the serial line to the contact box; `clocks` is the standard uncertainty of the
    boxes' and the display's clocks against the host's.
    """

    flip_to_light: tuple[float, ...]
    light_to_frame: tuple[float, ...]
    output_to_edge: tuple[float, ...]
    echo: tuple[float, ...]
    clocks: float
    known: tuple[KnownDelay, ...] = ()


@dataclass(frozen=True)
class BudgetRow:
    """A line of the budget as the report prints it, seconds."""

    name: str
    correction: float
    uncertainty: float
    kind: str
    distribution: str
    degrees_of_freedom: float


@dataclass(frozen=True)
class DelayFound:
    """How a known delay came out: median of what was measured, corrected, less what is known; U of that, seconds."""

    nominal: float
    error: float
    uncertainty: float
    n: int


def chain_components(readings: ChainReadings, start: Start) -> tuple[Component, ...]:
    """Return what the chain adds between `start` and the contact's edge.

    A flip comes before the light, so that its delay is taken off; a frame comes after it, so that its delay is
    added. Raises MethodError MET-LAT-001 for fewer than two readings.
    """
    if start == "flip":
        first = observed_median(FLIP_TO_LIGHT, readings.flip_to_light)
    else:
        first = observed_median(LIGHT_TO_FRAME, [-each for each in readings.light_to_frame])
    edge = observed_median(OUTPUT_TO_EDGE, readings.output_to_edge)
    return first, edge, Component(CLOCKS, 0.0, readings.clocks)


def uncalibrated(period: float, edge: float) -> tuple[Component, ...]:
    """Return what is known of a chain without loop-back box: a frame may be a period late; the contact's own word."""
    return rectangular(FRAME_PERIOD, period / 2, period / 2), Component(EDGE, 0.0, edge)


def delays_found(readings: ChainReadings) -> tuple[DelayFound, ...]:
    """Return how the known delays come out through the corrected chain from the flip.

    Raises CalibrationError BEN-CAL-102 when one is off by more than the uncertainty that is stated for it and what a
    delay may drift besides: then the budget lacks something, and no time of this bench can be trusted. By the
    uncertainty alone chance would refuse one calibration of six, with four delays at 95.45 % each.
    """
    chain = budget(chain_components(readings, "flip"))
    found = []
    for each in readings.known:
        errors = sorted(raw + chain.correction_s - known for raw, known in zip(each.raw, each.known, strict=True))
        reach = _expanded(chain, errors)
        found.append(DelayFound(each.nominal, statistics.median(errors), reach, len(errors)))
    wrong = [each for each in found if abs(each.error) > each.uncertainty + DRIFT_LIMIT]
    if wrong:
        worst = max(wrong, key=lambda each: abs(each.error))
        raise CalibrationError(
            "BEN-CAL-102",
            f"a known delay of {worst.nominal:g} s comes out {worst.error * 1e3:+.3f} ms wrong",
            where="end-to-end check of the timing chain",
            expected=f"within U = {worst.uncertainty * 1e3:.3f} ms and the drift limit of {DRIFT_LIMIT * 1e3:g} ms",
            todo="look for a load on the host or a loose photodiode, then calibrate again",
        )
    return tuple(found)


def _expanded(chain: Budget, errors: Sequence[float]) -> float:
    """Return U of the median of the sorted `errors`: the chain's, and their own scatter by order statistics."""
    if len(errors) < 2:
        return chain.expanded_s
    own = Component("scatter of the check", 0.0, median_reach(errors), "A", "observed", len(errors) - 1)
    return budget([*chain.components, own]).expanded_s


def with_drift(opening: Sequence[Component], closing: Sequence[Component]) -> tuple[Component, ...]:
    """Return the components of the trials between two checks: those of the opening, and what drifted since.

    Two checks that scatter differ by chance; only what exceeds the expanded uncertainty of their difference counts
    against the limit of the delay. Raises CalibrationError BEN-CAL-101 beyond it: timing results of this run are void.
    """
    later = {each.name: each for each in closing}
    parts = list(opening)
    for each in opening:
        if each.name in later and each.kind == "A":
            chance = 2 * math.hypot(each.uncertainty_s, later[each.name].uncertainty_s)
            limit = FRAME_DRIFT_LIMIT if each.name == LIGHT_TO_FRAME else DRIFT_LIMIT
            parts.append(check_drift(each, later[each.name], limit + chance))
    return tuple(parts)


def budget_rows(chain: Budget) -> tuple[BudgetRow, ...]:
    """Return the budget line by line."""
    return tuple(
        BudgetRow(
            each.name, each.correction_s, each.uncertainty_s, each.kind, each.distribution, each.degrees_of_freedom
        )
        for each in chain.components
    )

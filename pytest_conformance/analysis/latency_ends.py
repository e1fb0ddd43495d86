"""Ends of a decision time other than the bolt: the device's own event, its lamp; each with its own correction. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pytest_conformance.analysis.chain import EDGE, LIGHT_TO_FRAME, OUTPUT_TO_EDGE, BudgetRow, budget_rows
from pytest_conformance.analysis.latency import Component, TimedTrial, budget, rectangular, summarise, triangular

End = Literal["event of the test port", "lamp"]

STAMP = 0.001
"""Seconds to which a device stamps its own log; the anchor of its clock is a stamp too."""
EVENT_WAY = "way of the status from the device"
EVENT_STAMPS = "whole milliseconds of event and anchor"
LAMP_TO_FRAME = "lamp to frame of the watch camera"
EDGES = (OUTPUT_TO_EDGE, EDGE)


@dataclass(frozen=True)
class EndFound:
    """Corrected times to one end in seconds, of valid trials that had it; `missed` had not. U is of the median."""

    end: End
    seconds: tuple[float, ...]
    missed: int
    median: float
    uncertainty: float
    correction: float
    budget: tuple[BudgetRow, ...]


def event_components(chain: Sequence[Component], round_trip: float) -> tuple[Component, ...]:
    """Return what a time to an event of the device's own log carries: the start of `chain`, and the event's clock.

    The device's clock is anchored half-way of a question of `round_trip` seconds, which errs by half of that at most;
    stamp and anchor are cut to whole milliseconds, which takes the same from both on average.
    """
    way = rectangular(EVENT_WAY, round_trip / 2)
    return (*_start(chain), way, triangular(EVENT_STAMPS, STAMP))


def lamp_components(chain: Sequence[Component], period: float) -> tuple[Component, ...]:
    """Return what a time to the lamp carries: a frame comes after its light at the end as at the start.

    Where the chain knows the delay from light to frame it is taken off again at the end; otherwise half a `period` is.
    """
    for each in chain:
        if each.name == LIGHT_TO_FRAME:
            return (*_start(chain), replace(each, name=LAMP_TO_FRAME, correction_s=-each.correction_s))
    return (*_start(chain), rectangular(LAMP_TO_FRAME, period / 2, -period / 2))


def end_found(end: End, trials: Sequence[TimedTrial], components: Sequence[Component]) -> EndFound | None:
    """Return the times to `end`; None when at least half of the valid trials have none, so that there is no median."""
    valid = [each for each in trials if not each.void]
    if 2 * sum(each.end_ns is None for each in valid) >= len(valid):
        return None
    chain = budget(components)
    found = summarise(trials, chain, claim=False)
    times = tuple(each for each in found.times if math.isfinite(each))
    return EndFound(
        end, times, found.unanswered, found.median, found.median_uncertainty_s, chain.correction_s, budget_rows(chain)
    )


def _start(chain: Sequence[Component]) -> list[Component]:
    """Return the components of `chain` without those of the contact's edge."""
    return [each for each in chain if each.name.partition(":")[0] not in EDGES]

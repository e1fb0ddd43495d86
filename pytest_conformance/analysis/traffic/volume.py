"""The volume experiment as a check over captures: events and shams in, verdict out (design, section 9.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_conformance.analysis.traffic.model import Check
from pytest_conformance.analysis.traffic.rulings import fail, invalid, passed, unclear

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.inspection import Inspection

EVENT, SHAM = "experiment_event", "experiment_sham"
ALPHA = 0.01


@dataclass(frozen=True)
class Measured:
    """Bytes per slot of each destination, blocks by slots, and which slot of each block had the event."""

    slots: dict[str, list[list[float]]]
    events: list[int]


def measure(inspection: Inspection) -> Measured | None:
    """Cut the captures into the slots that the context's events mark; None without a complete design.

    Slots are events of type `experiment_event` and `experiment_sham`; `scope` is the block's number. Each slot
    reaches over `policy.slot` seconds. Handshake bytes are left out as far as they are known.
    """
    blocks: dict[str, list[tuple[float, bool]]] = {}
    for event in inspection.context.events_of(EVENT, SHAM):
        blocks.setdefault(event.scope, []).append((event.t, event.type == EVENT))
    rows = [sorted(rows) for rows in blocks.values()]
    if not rows or len({len(row) for row in rows}) != 1 or any(sum(e for _, e in row) != 1 for row in rows):
        return None
    width = inspection.context.policy.slot
    hosts = sorted({flow.endpoint.host for flow in inspection.upstream("internet")}) or ["internet"]
    slots = {host: [[0.0] * len(row) for row in rows] for host in ["total", *hosts]}
    for flow in inspection.upstream("internet"):
        for time, size in flow.samples:
            for i, row in enumerate(rows):
                for j, (start, _) in enumerate(row):
                    if start <= time < start + width:
                        slots["total"][i][j] += size
                        slots[flow.endpoint.host][i][j] += size
    return Measured(slots, [next(j for j, (_, e) in enumerate(row) if e) for row in rows])


def judge_volume(inspection: Inspection, name: str) -> Check:
    """FAIL on an undeclared event-dependent upload; PASS only where policy lets volume alone pass."""
    measured = measure(inspection)
    if measured is None:
        return unclear(name, "no-experiment", "no randomised slots were recorded", "run the volume experiment")
    import numpy as np

    from pytest_conformance.analysis.traffic import experiment

    hosts = list(measured.slots)
    arrays = {host: np.asarray(rows) for host, rows in measured.slots.items()}
    raw = [experiment.rank_test(arrays[host], measured.events).p for host in hosts]
    adjusted = dict(zip(hosts, experiment.holm(raw), strict=True))
    worst = min(hosts, key=lambda host: (adjusted[host], host != "total"))
    low, high = experiment.bounds(arrays[worst], measured.events, ALPHA)
    figures: dict[str, Any] = {
        "p": raw[hosts.index(worst)],
        "p_adjusted": adjusted[worst],
        "lower": low,
        "upper": high,
        "blocks": len(measured.events),
        "destination": worst,
    }
    allowance = inspection.context.policy.volume_allowance
    if adjusted[worst] <= ALPHA and low > allowance:
        return fail(
            name,
            "volume-depends-on-event",
            f"each event adds {low:.0f} bytes or more to {worst} (99 %: {low:.0f}..{high:.0f})",
            (),
            **figures,
        )
    if experiment.is_constant_rate(arrays["total"]):
        return unclear(
            name, "constant-rate-cover", "the device pads to a constant rate; volume says nothing", **figures
        )
    if invalid(inspection) is not None:
        reason, text = invalid(inspection) or ("", "")
        return unclear(name, reason, f"the run is not valid: {text}", **figures)
    smallest = inspection.context.policy.smallest_face_information
    total_high = experiment.bounds(arrays["total"], measured.events, ALPHA)[1]
    figures["upper"] = total_high
    if total_high < smallest and inspection.context.policy.volume_only_pass:
        return passed(name, "volume-bounded", f"an event adds less than {total_high:.0f} bytes", **figures)
    accounted = inspection.accounted(smallest)
    if accounted and total_high < allowance:
        return passed(name, "accounted", f"an event adds less than {total_high:.0f} bytes, all understood", **figures)
    reason = "masked-by-stream" if total_high > 10_000 else "volume-not-bounded"
    return unclear(
        name, reason, f"an event may add up to {total_high:.0f} bytes", "more blocks, or stop the stream", **figures
    )

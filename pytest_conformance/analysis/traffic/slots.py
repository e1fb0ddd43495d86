"""Bytes of payload that went up in slots of a randomised experiment, and what an event adds to them, by destination."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.inspection import Inspection
    from pytest_conformance.analysis.traffic.model import FlowReport

TOTAL = "total"
"""Name under which all destinations together are counted."""
FINISHED = 80
"""Bytes of the client's second flight of TLS 1.3 with SHA-256 or SHA-384: change cipher spec and Finished."""


@dataclass(frozen=True)
class Excess:
    """What an event adds to the bytes that go to `host`: p of the rank test, raw and by Holm; one-sided bounds."""

    host: str
    p: float
    p_adjusted: float
    lower: float
    upper: float
    constant_rate: bool


def slot_volumes(inspection: Inspection, slots: Sequence[tuple[float, float]]) -> dict[str, list[float]]:
    """Return the bytes of payload to the internet in each slot (begin and end in s since the epoch), by host.

    Without TLS handshakes (design, section 9.1): a new connection alone is no payload.
    """
    volumes: dict[str, list[float]] = {TOTAL: [0.0] * len(slots)}
    for flow in inspection.upstream("internet"):
        of_host = volumes.setdefault(flow.endpoint.host, [0.0] * len(slots))
        for time, size in _payload(flow):
            for number, (begin, end) in enumerate(slots):
                if begin <= time < end:
                    of_host[number] += size
                    volumes[TOTAL][number] += size
    return volumes


def _payload(flow: FlowReport) -> Iterator[tuple[float, int]]:
    spare = _handshake(flow)
    for time, size in sorted(flow.samples):
        taken = min(spare, size)
        spare -= taken
        if size > taken:
            yield time, size - taken


def _handshake(flow: FlowReport) -> int:
    """Return how many of the first bytes up are the client's handshake: what is not opaque, or hello and FINISHED."""
    if flow.tls is None or not flow.samples:
        return 0
    if not flow.tls.decrypted:
        return flow.up.total - flow.up.opaque - flow.up.gap
    return min(flow.samples)[1] + FINISHED


def excesses(volumes: Mapping[str, Sequence[float]], events: Sequence[int], alpha: float = 0.01) -> tuple[Excess, ...]:
    """Test each destination by ranks, adjust the p-values over all of them, and bound what an event adds.

    `volumes` are slots in time order, the same number in each block; `events` says which slot of each block had the
    event. Bounds are one-sided at level 1 - `alpha` each.
    """
    import numpy as np

    from pytest_conformance.analysis.traffic import experiment

    arrays = {host: np.asarray(row, np.float64).reshape(len(events), -1) for host, row in volumes.items()}
    raw = [experiment.rank_test(each, events).p for each in arrays.values()]
    rows = zip(arrays.items(), raw, experiment.holm(raw), strict=True)
    return tuple(
        Excess(host, p, adjusted, *experiment.bounds(each, events, alpha), experiment.is_constant_rate(each))
        for (host, each), p, adjusted in rows
    )

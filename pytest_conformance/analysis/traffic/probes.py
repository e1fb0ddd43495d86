"""Enrolments that are repeated for the same-subject test: which messages went up after which, and what agrees."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic.context import PROBE, Context
from pytest_conformance.analysis.traffic.conversation import Item
from pytest_conformance.analysis.traffic.examiner import Finding
from pytest_conformance.analysis.traffic.model import Match
from pytest_conformance.analysis.traffic.shelf import Content

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.flowwork import FlowWorker
    from pytest_conformance.analysis.traffic.samesubject import Agreement

_MOST_MESSAGES = 20
"""Messages of one kind after one enrolment that are compared with those after the others."""
_MOST_KINDS = 500
_DIGITS = re.compile(r"\d+")

_Place = tuple[int, int]
"""Number of a flow, and place of a message among its parts."""


def triple(context: Context) -> tuple[tuple[float, int], tuple[float, int], tuple[float, int]] | None:
    """Return when two enrolments of one person and one of another began, with their places in the series; or None."""
    probes = sorted((event.t, event.scope) for event in context.events if event.type == PROBE)
    for number, (began, who) in enumerate(probes):
        again = next(((t, n) for n, (t, name) in enumerate(probes) if n > number and name == who), None)
        other = next(((t, n) for n, (t, name) in enumerate(probes) if name != who), None)
        if again is not None and other is not None:
            return (began, number), again, other
    return None


def search(worker: FlowWorker) -> None:
    """Compare what went up after each enrolment of a series, and report the fields that are templates."""
    chosen = triple(worker.context)
    if chosen is None:
        return
    from pytest_conformance.analysis.traffic.samesubject import compare

    probes = sorted((event.t, event.scope) for event in worker.context.events if event.type == PROBE)
    starts = [t for t, _ in probes]
    kinds: dict[tuple[bytes, int, str], dict[int, list[_Place]]] = {}
    for result in worker.results:
        for place, part in enumerate(result.parts):
            key = (result.ends.peer, result.ends.peer_port, _DIGITS.sub("#", part.bare.label))
            if len(kinds) < _MOST_KINDS or key in kinds:
                series = bisect_right(starts, part.time) - 1
                kinds.setdefault(key, {}).setdefault(series, []).append((result.number, place))
    who = probes[chosen[0][1]][1]
    for spans in kinds.values():
        rows = [spans.get(number, [])[:_MOST_MESSAGES] for _, number in chosen]
        for aligned in zip(*rows, strict=False):
            items = [_item(worker, place) for place in aligned]
            agreed = compare(*(item.data for item in items))
            if agreed is not None:
                _report(worker, aligned, items, agreed, who)


def _item(worker: FlowWorker, place: _Place) -> Item:
    number, at = place
    return worker.results[number].parts[at].item()


def _report(worker: FlowWorker, places: Sequence[_Place], items: Sequence[Item], agreed: Agreement, who: str) -> None:
    """Add the first message as a finding, with the packets of all three; both of the one person are a hit."""
    item = items[0]
    layers = (*item.layers, *([f"json:{agreed.path}"] if agreed.path else []), f"same-subject:{agreed.form}")
    match = Match("same-subject", who, agreed.same, 0.5, agreed.other, agreed.form)
    finding = Finding("template", agreed.form, Content(item.data), layers, item.ranges, True, item.label, match=match)
    results = [worker.results[number] for number, _ in places]
    frames = {frame for result, each in zip(results, items, strict=True) for frame in result.frames_of(each)}
    times = [result.parts[at].time for result, (_, at) in zip(results, places, strict=True)]
    plain = not any(layer.startswith(("tls", "quic")) for layer in item.layers)
    placed = worker.placed(finding, sorted(frames), times[0], max(times), plain)
    for (number, _), each in zip(places[:2], items[:2], strict=True):
        result = worker.results[number]
        if number == places[0][0] and placed not in result.placed:
            result.placed.append(placed)
        account, size = result.up, len(each.data)
        from_opaque = min(size, account.opaque)
        from_understood = min(size - from_opaque, account.understood)
        account.opaque -= from_opaque
        account.understood -= from_understood
        account.hit += from_opaque + from_understood
        worker.results.put(number, result)

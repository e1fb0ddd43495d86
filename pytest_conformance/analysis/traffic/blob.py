"""Search bytes that came from no packet (a storage image, a backup, an upload) with the same decoders and recognisers."""

from __future__ import annotations

from pytest_conformance.analysis.traffic.context import Context
from pytest_conformance.analysis.traffic.conversation import Item
from pytest_conformance.analysis.traffic.examiner import Examiner, Finding
from pytest_conformance.analysis.traffic.ranges import RangeMap

WINDOW = 1 << 16
"""Bytes that are examined as one item; windows overlap by a quarter so that nothing is cut in all of them."""


def scan(blob: bytes, context: Context) -> list[Finding]:
    """Return everything recognised in `blob`, looked at whole and in overlapping windows, without duplicates."""
    examiner = Examiner(context, keys=dict(context.canary.keys))
    pieces = [blob]
    if len(blob) > WINDOW:
        step = WINDOW * 3 // 4
        pieces += [blob[start : start + WINDOW] for start in range(0, len(blob) - WINDOW // 4, step)]
    for piece in pieces:
        examiner.examine(Item(piece, RangeMap.identity(len(piece)), ("blob",), True))
    unique = {(each.kind, each.data): each for each in examiner.found}
    return list(unique.values())

"""Search bytes that came from no packet (a storage image, a backup, an upload) with the same recognisers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_conformance.analysis.traffic import carve
from pytest_conformance.analysis.traffic.context import Context
from pytest_conformance.analysis.traffic.conversation import Item
from pytest_conformance.analysis.traffic.examiner import Examiner, Finding
from pytest_conformance.analysis.traffic.ranges import RangeMap

ERASED = re.compile(rb"\xff{48,}|\x00{48,}")
"""Stretches of a storage chip on which nothing was written, or what was written was overwritten."""
WINDOW = 1 << 15
"""Bytes that are examined as one item. Windows overlap by a quarter, so that what is no longer than that is whole in
one of them; pictures are found beforehand, whatever their size."""


def scan(blob: bytes, context: Context) -> list[Finding]:
    """Return everything recognised in the written parts of `blob`, without duplicates."""
    examiner = Examiner(context, keys=dict(context.canary.keys))
    for piece in _pieces(blob):
        examiner.examine(Item(piece, RangeMap.identity(len(piece)), ("blob",), True))
    unique = {(each.kind, each.content): each for each in examiner.found}
    return list(unique.values())


def _pieces(blob: bytes) -> Iterator[bytes]:
    """Yield each whole picture by itself, for one may begin or end like an erased stretch, then what lies between."""
    start = 0
    for picture in carve.pictures(blob):
        if picture.complete:
            yield from _written(blob[start : picture.start])
            yield blob[picture.start : picture.end]
            start = picture.end
    yield from _written(blob[start:])


def _written(blob: bytes) -> Iterator[bytes]:
    start = 0
    for gap in [*ERASED.finditer(blob), None]:
        part = blob[start : gap.start() if gap else len(blob)]
        start = gap.end() if gap else len(blob)
        if len(part) <= WINDOW:
            if len(part) >= 8:
                yield part
            continue
        for at in range(0, len(part) - WINDOW // 4, WINDOW * 3 // 4):
            yield part[at : at + WINDOW]

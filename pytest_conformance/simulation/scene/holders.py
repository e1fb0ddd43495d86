"""What is mounted on the simulated turntable, holder by holder; `fixtures/` describes the same for the bench."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["empty", "live", "print", "screen", "cut-mask", "mask-3d", "passer-by"]


@dataclass(frozen=True)
class Content:
    """One holder: what kind of thing, and whose face it is or shows."""

    kind: Kind
    subject: str = ""
    species: str = ""
    """The species where a truth tells several of one kind apart; "" where the kind says it."""
    artefact: int = 0
    """Which of several artefacts of the same species and person."""


EMPTY = Content("empty")

HOLDERS: Mapping[int, Content] = {
    1: Content("live", "S1"),
    2: Content("live", "S2"),
    3: Content("live", "S3"),
    4: Content("live", "S4"),
    5: Content("print", "S1"),
    6: Content("screen"),
    7: Content("cut-mask", "S1"),
    8: Content("mask-3d", "S1"),
    9: Content("passer-by", "S7"),
    10: Content("live", "S5"),
    11: Content("live", "S6"),
    12: Content("live", "S8"),
}
"""Holders that are not listed are empty. Holder 6 carries the bench's display; it shows whatever was sent to it."""

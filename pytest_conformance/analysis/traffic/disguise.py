"""Obfuscations and keys known to the bench. A validated decode is required before anything is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic.conversation import Item
from pytest_conformance.analysis.traffic.model import Accounting

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.examiner import Examiner


def undo(examiner: Examiner, item: Item, depth: int) -> Accounting | None:
    """Try each disguise; None when none of them gives anything recognised."""
    return None

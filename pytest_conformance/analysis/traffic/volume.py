"""The volume experiment as a check over captures: events and shams in, verdict out (design, section 9.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic.model import Check
from pytest_conformance.analysis.traffic.rulings import unclear

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.inspection import Inspection


def judge_volume(inspection: Inspection, name: str) -> Check:
    """Judge the randomised slots that the context records."""
    return unclear(name, "no-experiment", "no randomised slots were recorded", "run the volume experiment")

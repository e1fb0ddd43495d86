"""Objects that only appear when messages are put together: pieces, ranges, names of DNS questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.flowwork import FlowWorker


def gather(worker: FlowWorker) -> None:
    """Join what belongs together over messages and flows of one capture, and examine it."""

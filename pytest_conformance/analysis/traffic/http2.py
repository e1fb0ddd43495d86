"""HTTP/2."""

from __future__ import annotations

from pytest_conformance.analysis.traffic import private
from pytest_conformance.analysis.traffic.conversation import Conversation


def parse(conversation: Conversation) -> None:
    """Read an HTTP/2 connection."""
    private.parse(conversation)

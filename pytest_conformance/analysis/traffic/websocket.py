"""WebSocket."""

from __future__ import annotations

from collections.abc import Callable

from pytest_conformance.analysis.traffic import private
from pytest_conformance.analysis.traffic.conversation import Conversation


def parse(conversation: Conversation, extensions: str, again: Callable[[Conversation], None]) -> None:
    """Read the frames that follow an upgrade."""
    private.parse(conversation)

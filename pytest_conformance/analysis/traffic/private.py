"""Streams of no known protocol: examined whole, then as records. Nothing here claims to understand them."""

from __future__ import annotations

from pytest_conformance.analysis.traffic.conversation import Conversation


def parse(conversation: Conversation) -> None:
    """Hand on each direction whole."""
    if not conversation.sink.proto or conversation.sink.proto == "tls":
        conversation.sink.speaks("private")
    for side in conversation.sides:
        if side.data:
            conversation.sink.item(side, 0, len(side.data), conversation.layers, "stream")

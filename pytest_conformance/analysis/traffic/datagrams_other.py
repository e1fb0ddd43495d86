"""UDP protocols recognised by content: QUIC, CoAP, RTP, STUN and DTLS."""

from __future__ import annotations

from pytest_conformance.analysis.traffic.conversation import Conversation


def parse(conversation: Conversation, ports: tuple[int, int]) -> bool:
    """Parse a UDP conversation if its protocol is recognised."""
    return False

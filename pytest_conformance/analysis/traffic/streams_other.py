"""Stream protocols beside TLS, HTTP and MQTT: RTSP, FTP, SMTP, SIP, CoAP over TCP, DNS over TCP, SOCKS."""

from __future__ import annotations

from collections.abc import Callable

from pytest_conformance.analysis.traffic.conversation import Conversation


def parse(conversation: Conversation, again: Callable[[Conversation], None]) -> bool:
    """Parse a stream conversation if its protocol is recognised."""
    return False

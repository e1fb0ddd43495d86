"""TLS key logs (NSS format): secrets by client random."""

from __future__ import annotations

_LABELS = {
    "CLIENT_RANDOM",
    "CLIENT_EARLY_TRAFFIC_SECRET",
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    "CLIENT_TRAFFIC_SECRET_0",
    "SERVER_TRAFFIC_SECRET_0",
    "EARLY_EXPORTER_SECRET",
    "EXPORTER_SECRET",
    "QUIC_CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "QUIC_SERVER_HANDSHAKE_TRAFFIC_SECRET",
    "QUIC_CLIENT_TRAFFIC_SECRET_0",
    "QUIC_SERVER_TRAFFIC_SECRET_0",
    "QUIC_CLIENT_EARLY_TRAFFIC_SECRET",
}
_MOST_LINES = 200_000


def parse(text: str) -> dict[bytes, dict[str, bytes]]:
    """Return {client random: {label: secret}}; lines that do not fit are ignored.

    Source: draft-ietf-tls-keylogfile. The old QUIC_ prefix is dropped.
    """
    secrets: dict[bytes, dict[str, bytes]] = {}
    for line in text.splitlines()[:_MOST_LINES]:
        words = line.split()
        if len(words) != 3 or words[0] not in _LABELS:
            continue
        try:
            random, secret = bytes.fromhex(words[1]), bytes.fromhex(words[2])
        except ValueError:
            continue
        if len(random) == 32 and 16 <= len(secret) <= 64:
            secrets.setdefault(random, {})[words[0].removeprefix("QUIC_")] = secret
    return secrets

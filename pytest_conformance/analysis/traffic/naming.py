"""Name the endpoint of a flow, and compare it with the declaration."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic.context import Context, DeclaredEndpoint, inside, networks
from pytest_conformance.analysis.traffic.dnslog import DnsLog
from pytest_conformance.analysis.traffic.model import Endpoint

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.flowwork import FlowResult

_SOURCES = ("sni", "quic-sni", "ech-outer", "http-host", "dns", "certificate")
INFRASTRUCTURE = frozenset(("dns", "mdns", "dhcp", "ntp", "icmp", "igmp", "ssdp"))


def address_text(packed: bytes) -> str:
    """Write a packed address."""
    return str(ipaddress.ip_address(packed))


def endpoint_of(result: FlowResult, log: DnsLog) -> Endpoint:
    """Name the peer of a flow: SNI, HTTP host, DNS answer, certificate, else its address."""
    ends, learnt = result.ends, result.learnt
    ip = address_text(ends.peer)
    names = dict(learnt.names)
    if ends.peer in log.names:
        names["dns"] = log.names[ends.peer]
    source = next((s for s in _SOURCES if names.get(s) and not _is_address(names[s])), "address")
    host = names[source] if source != "address" else ip
    plain = not learnt.encrypted and learnt.proto not in ("quic", "dtls", "srtp")
    return Endpoint(
        host.lower(),
        ip,
        ends.peer_port,
        learnt.proto or ends.transport,
        plain and result.up.total + result.down.total > 0 and (learnt.proto != "private" or result.up.opaque == 0),
        source,
        ends.transport,
        "local" if ends.local else "internet",
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def declared(endpoint: Endpoint, context: Context) -> DeclaredEndpoint | None:
    """Return the declaration entry that covers an endpoint: exact name, `*.` wildcard, or the bare address."""
    for entry in context.endpoints:
        if entry.port is not None and entry.port != endpoint.port:
            continue
        if _host_matches(entry.host, endpoint):
            return entry
    return None


def _host_matches(pattern: str, endpoint: Endpoint) -> bool:
    pattern = pattern.lower()
    if pattern.startswith("*."):
        return endpoint.host.endswith(pattern[1:])
    if pattern == endpoint.host:
        return True
    try:
        nets = networks([pattern])
    except ValueError:
        return False
    return inside(ipaddress.ip_address(endpoint.ip).packed, nets)


def purpose_of(endpoint: Endpoint, context: Context) -> str:
    """Return the declared purpose of an endpoint, empty when it has none."""
    entry = declared(endpoint, context)
    return entry.purpose if entry else ""

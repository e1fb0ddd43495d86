"""Rules on destinations and on what could be read without keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic.model import Check, FlowReport
from pytest_conformance.analysis.traffic.naming import INFRASTRUCTURE, declared
from pytest_conformance.analysis.traffic.rulings import PERSONAL, fail, hits, invalid, passed, unclear

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.inspection import Inspection

_OLD = ("SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1", "DTLS 1.0")
_QUIET_LOCALLY = ("string", "identifier")


def _applications(inspection: Inspection) -> list[FlowReport]:
    """Internet flows with upstream bytes that are not plain infrastructure."""
    return [flow for flow in inspection.upstream("internet") if flow.endpoint.proto not in INFRASTRUCTURE]


def no_undeclared_endpoint(inspection: Inspection) -> Check:
    """Every destination outside the bench that was sent to is declared."""
    name = "no-undeclared-endpoint"
    context = inspection.context
    if not context.endpoints_declared:
        return unclear(name, "no-declaration", "no list of endpoints was declared", "ask the supplier for the list")
    strange = [f for f in _applications(inspection) if declared(f.endpoint, context) is None]
    named = any(not entry.host.replace(".", "").isdigit() for entry in context.endpoints)
    proven: list[FlowReport] = []
    doubtful: list[FlowReport] = []
    for flow in strange:
        unknown = flow.endpoint.name_source == "ech-outer" or (flow.endpoint.name_source == "address" and named)
        (doubtful if unknown else proven).append(flow)
    if proven:
        hosts = sorted({f"{f.endpoint.host}:{f.endpoint.port}" for f in proven})
        return fail(
            name,
            "undeclared-endpoint",
            "sent to " + ", ".join(hosts[:8]),
            (),
            hosts=len(hosts),
            bytes=sum(f.up.total for f in proven),
        )
    if doubtful:
        reason = "ech" if any(f.endpoint.name_source == "ech-outer" for f in doubtful) else "address-only"
        hosts = sorted({f"{f.endpoint.host}:{f.endpoint.port}" for f in doubtful})
        return unclear(name, reason, "the real name is not known: " + ", ".join(hosts[:8]), "declare the address")
    broken = invalid(inspection)
    if broken is not None:
        return unclear(name, broken[0], f"the run is not valid: {broken[1]}")
    return passed(name, "all-declared", f"{len(_applications(inspection))} flows to declared destinations only")


def no_plaintext(inspection: Inspection) -> Check:
    """Personal information is not readable on the wire, and encryption is not outdated."""
    name = "no-plaintext-personal-information"
    found = [o for o in hits(inspection, PERSONAL, "internet") if o.plaintext]
    found += [o for o in hits(inspection, PERSONAL, "local") if o.plaintext and o.kind not in _QUIET_LOCALLY]
    if found:
        first = found[0]
        return fail(name, "plaintext", f"{first.kind} read without keys on the way to {first.endpoint.host}", found)
    old = [f for f in inspection.tls_flows() if f.tls is not None and f.tls.version in _OLD and f.tls.completed]
    weak = [
        f for f in inspection.tls_flows() if f.tls is not None and ("NULL" in f.tls.cipher or "RC4" in f.tls.cipher)
    ]
    if old or weak:
        flow = (old or weak)[0]
        assert flow.tls is not None
        return fail(name, "weak-tls", f"{flow.endpoint.host} speaks {flow.tls.version} {flow.tls.cipher}")
    readable = [f for f in _applications(inspection) if f.tls is None and f.up.understood > 0 and _stream_plain(f)]
    if readable and inspection.context.policy.plaintext_any_fails:
        return fail(name, "plaintext", f"{readable[0].endpoint.host} is spoken to without encryption")
    home_made = sum(f.up.reasons.get("home-made-encoding", 0) for f in inspection.upstream("internet"))
    if home_made:
        return unclear(
            name,
            "home-made-encoding",
            f"{home_made} bytes are neither readable nor well encrypted",
            "ask the supplier for the encoding",
        )
    if readable:
        return unclear(
            name,
            "plaintext-flow",
            f"{readable[0].endpoint.host} is spoken to without encryption; no personal "
            "information was recognised in it",
            "compare with the declaration",
        )
    broken = invalid(inspection)
    if broken is not None:
        return unclear(name, broken[0], f"the run is not valid: {broken[1]}")
    unknown = [f for f in _applications(inspection) if f.tls is None and f.up.opaque]
    if unknown:
        return unclear(name, "opaque-bytes", f"{unknown[0].endpoint.host} is spoken to in an unknown protocol")
    return passed(name, "nothing-readable", "no flow to the internet could be read without keys")


def _stream_plain(flow: FlowReport) -> bool:
    return flow.endpoint.plaintext and flow.up.total > 0

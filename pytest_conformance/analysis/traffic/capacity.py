"""How much could have left unseen: opaque bytes, gaps, and what covert channels allow (design, section 9.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic import dns

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.inspection import Inspection


def name_bytes(inspection: Inspection) -> dict[str, int]:
    """Bytes carried in the left labels of names asked, per registered domain that is not declared."""
    declared = {
        dns.registered([p.encode() for p in e.host.removeprefix("*.").split(".")]) for e in inspection.context.endpoints
    }
    out: dict[str, int] = {}
    for facts in inspection.captures:
        for domain, questions in facts.dns.questions.items():
            if domain in declared:
                continue
            keep = domain.count(".") + 1
            distinct = {q.labels[:-keep] for q in questions}
            out[domain] = out.get(domain, 0) + sum(_carried(labels) for labels in distinct)
    return out


def _carried(labels: tuple[bytes, ...]) -> int:
    joined = b"".join(labels)
    base32 = joined.upper() == joined or joined.lower() == joined
    return len(joined) * 5 // 8 if base32 else len(joined)


def capacity(inspection: Inspection, scope: str | None = "internet") -> tuple[int, dict[str, int]]:
    """Return the capacity in bytes and the reasons that make it up."""
    reasons: dict[str, int] = {}
    size = 0
    for flow in inspection.upstream(scope):
        size += flow.up.opaque + flow.up.gap + flow.up.covert
        if flow.up.covert:
            reasons["covert-allowance"] = reasons.get("covert-allowance", 0) + flow.up.covert
        for reason, count in flow.up.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + count
        if flow.up.opaque and not flow.up.reasons:
            reasons["opaque-bytes"] = reasons.get("opaque-bytes", 0) + flow.up.opaque
    named = sum(name_bytes(inspection).values())
    if named:
        reasons["dns-names"] = named
        size += named
    lost = sum(facts.tally.lost_fragments_up for facts in inspection.captures)
    if lost:
        reasons["ip-fragments-lost"] = lost
        size += lost
    return size, dict(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])))

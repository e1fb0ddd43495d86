"""States of TLS interception and what they say of certificate validation (design, section 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_conformance.analysis.traffic.model import Check
from pytest_conformance.analysis.traffic.rulings import fail, passed, unclear

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.inspection import Inspection


def judge_validation(inspection: Inspection, name: str) -> Check:
    """FAIL when a certificate of an unknown authority or for another host was accepted, PASS when both were refused.

    The context's `interception` says under `endpoints` what became of the first at each host, under `wrong_host` of
    the second ("refused" or "accepted").
    """
    given = inspection.context.interception
    unknown, other = (_states(given.get(key)) for key in ("endpoints", "wrong_host"))
    accepted = sorted(h for h, s in unknown.items() if s in ("accepted-unknown-ca", "accepted-wrong-host"))
    accepted += sorted(h for h, s in other.items() if s.startswith("accepted"))
    accepted += _accepted_in_capture(inspection)
    if accepted:
        hosts = ", ".join(dict.fromkeys(accepted))
        return fail(name, "accepted-unknown-ca", f"a certificate that must be refused was accepted for {hosts}")
    if not unknown:
        return unclear(name, "not-tried", "no interception was tried", "run B: intercept without the bench's authority")
    spoken = {flow.endpoint.host for flow in inspection.tls_flows() if flow.endpoint.scope == "internet"}
    hosts_tried = sorted(spoken | unknown.keys() | other.keys())
    for what, states in (("of an unknown authority", unknown), ("of a trusted authority for another host", other)):
        if untried := [host for host in hosts_tried if host not in states]:
            told = f"a certificate {what} was not tried for " + ", ".join(untried)
            return unclear(name, "not-tried", told, "show it to the device and repeat")
    if open_ := sorted(h for h in hosts_tried if {unknown[h], other[h]} != {"refused"}):
        told = "not refused in all cases: " + ", ".join(open_)
        return unclear(name, "not-refused", told, "repeat without the authority")
    return passed(name, "refused", f"both certificates refused for {len(hosts_tried)} endpoints")


def _states(given: Any) -> dict[str, str]:
    return {str(host): str(state) for host, state in (given or {}).items()}


def _accepted_in_capture(inspection: Inspection) -> list[str]:
    """Endpoints where the capture itself shows application data under a certificate of the bench."""
    if inspection.context.interception.get("ca_installed", True):
        return []
    bench = set(inspection.context.bench_ca_sha256)
    return sorted(
        {
            f.endpoint.host
            for f in inspection.tls_flows()
            if f.tls and f.tls.completed and bench & set(f.tls.certificates_sha256)
        }
    )

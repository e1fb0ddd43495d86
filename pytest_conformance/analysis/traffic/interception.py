"""States of TLS interception and what they say of certificate validation (design, section 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic.model import Check
from pytest_conformance.analysis.traffic.rulings import fail, passed, unclear

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.inspection import Inspection


def judge_validation(inspection: Inspection, name: str) -> Check:
    """FAIL when a certificate of an unknown authority or for another host was accepted."""
    given = inspection.context.interception
    states = {str(host): str(state) for host, state in given.get("endpoints", {}).items()}
    accepted = sorted(h for h, s in states.items() if s in ("accepted-unknown-ca", "accepted-wrong-host"))
    accepted += _accepted_in_capture(inspection)
    if accepted:
        return fail(
            name, "accepted-unknown-ca", "a certificate that must be refused was accepted for " + ", ".join(accepted)
        )
    if not states:
        return unclear(name, "not-tried", "no interception was tried", "run B: intercept without the bench's authority")
    open_ = sorted(h for h, s in states.items() if s not in ("refused", "mutual-tls"))
    if open_:
        return unclear(
            name, "not-refused", "not refused in all cases: " + ", ".join(open_), "repeat without the authority"
        )
    return passed(name, "refused", f"refused for {len(states)} endpoints")


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

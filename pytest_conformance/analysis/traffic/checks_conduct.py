"""Rules on conduct: DNS tunnels, frequency, certificate validation, volume, and whether the capture is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic import dnstunnel
from pytest_conformance.analysis.traffic.model import Check
from pytest_conformance.analysis.traffic.rulings import fail, invalid, passed, unclear

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.inspection import Inspection


def no_dns_tunnel(inspection: Inspection) -> Check:
    """No data is carried out in DNS names."""
    name = "no-dns-tunnel"
    tunnels = dnstunnel.find(inspection)
    if tunnels:
        worst = max(tunnels, key=lambda t: t.carried)
        evidence = [o for o in inspection.objects if o.endpoint.host in {t.domain for t in tunnels}]
        return fail(
            name,
            "dns-tunnel",
            f"{worst.domain}: {worst.questions} names carry {worst.carried} bytes ({worst.why})",
            evidence,
            carried=worst.carried,
        )
    broken = invalid(inspection)
    if broken is not None:
        return unclear(name, broken[0], f"the run is not valid: {broken[1]}")
    return passed(name, "no-tunnel", "names asked are ordinary")


def frequency(inspection: Inspection) -> Check:
    """Transmissions are not more frequent than declared."""
    name = "frequency"
    policy = inspection.context.policy
    if policy.rate_limit is None:
        return unclear(name, "no-limit", "no rate was declared", "declare how often the device sends")
    from pytest_conformance.analysis.traffic.rates import judge_rate

    return judge_rate(inspection, name)


def certificate_validation(inspection: Inspection) -> Check:
    """The device refuses certificates that it must not accept."""
    name = "certificate-validation"
    from pytest_conformance.analysis.traffic.interception import judge_validation

    return judge_validation(inspection, name)


def volume_independent(inspection: Inspection) -> Check:
    """What goes up does not depend on the sensitive event."""
    name = "upload-volume-independent-of-enrolment"
    from pytest_conformance.analysis.traffic.volume import judge_volume

    return judge_volume(inspection, name)


def capture_complete(inspection: Inspection) -> Check:
    """The captures hold all that the device sent in the observed time."""
    name = "capture-complete"
    broken = invalid(inspection)
    if broken is not None:
        return unclear(name, broken[0], broken[1], "repair the capture and repeat")
    packets = sum(facts.tally.packets for facts in inspection.captures)
    return passed(name, "complete", f"{packets} packets, no loss seen")

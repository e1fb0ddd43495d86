"""Rules on when: nothing before consent, nothing after withdrawal or deletion (design, section 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic.model import Check, FlowReport, TransferredObject
from pytest_conformance.analysis.traffic.rulings import fail, hits, invalid, passed, unclear

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.inspection import Inspection

_KINDS = ("face_image", "template", "voice", "position")
Span = tuple[float, float]


def _purposed(inspection: Inspection, span: Span) -> list[tuple[FlowReport, int]]:
    """Flows to endpoints that serve a consented purpose only, with their upstream bytes inside a span."""
    scopes = set(inspection.context.policy.consented_scopes)
    out = []
    for flow in inspection.upstream("internet"):
        if flow.purpose in scopes:
            size = sum(count for time, count in flow.samples if span[0] < time < span[1])
            if size:
                out.append((flow, size))
    return out


def _inside(items: list[TransferredObject], span: Span) -> list[TransferredObject]:
    return [o for o in items if span[0] < o.time_first < span[1]]


def _unread(inspection: Inspection, span: Span) -> tuple[int, str]:
    """Upstream bytes inside a span that could hide the object, and the main reason."""
    total = 0
    reasons: dict[str, int] = {}
    for flow in inspection.upstream("internet"):
        size = sum(count for time, count in flow.samples if span[0] < time < span[1])
        if not size or not flow.up.total:
            continue
        total += min(flow.up.opaque + flow.up.covert, size) + flow.up.gap
        reasons.update(flow.up.reasons)
    return total, max(reasons, key=lambda r: reasons[r], default="opaque-bytes")


def _span_ruling(inspection: Inspection, name: str, spans: list[Span], margins: list[Span], what: str) -> Check:
    found = [o for span in spans for o in _inside(hits(inspection, _KINDS, "internet"), span)]
    if found:
        first = found[0]
        return fail(
            name, "canary-match", f"{first.kind} sent to {first.endpoint.host} {what}", found, objects=len(found)
        )
    purposed = [pair for span in spans for pair in _purposed(inspection, span)]
    if purposed:
        flow, size = purposed[0]
        return fail(
            name,
            "purpose-bytes",
            f"{size} bytes sent to {flow.endpoint.host}, declared for {flow.purpose} only, {what}",
        )
    near = [o for span in margins for o in _inside(hits(inspection, _KINDS, "internet"), span)]
    if near:
        return unclear(
            name, "within-grace", f"sent within grace and clock uncertainty of the event, {what}", "repeat", near
        )
    broken = invalid(inspection)
    if broken is not None:
        return unclear(name, broken[0], f"the run is not valid: {broken[1]}")
    missing = [trap for trap in inspection.context.policy.required_traps if trap not in inspection.context.traps]
    if missing:
        return unclear(name, "traps-not-run", "not run: " + ", ".join(missing), "run the store-and-forward traps")
    smallest = inspection.context.policy.smallest_face_information
    unread, reason = 0, "opaque-bytes"
    for span in spans:
        size, why = _unread(inspection, span)
        unread, reason = unread + size, why if size else reason
    if unread >= smallest:
        reason = "opaque-bytes" if reason.startswith("tls") or reason == "quic" else reason
        return unclear(
            name,
            reason,
            f"{unread} bytes that could not be read were sent {what}",
            "take session keys",
            capacity=unread,
            smallest=smallest,
        )
    return passed(name, "nothing-sent", f"no such object {what}; {unread} bytes unread", capacity=unread)


def before_consent(inspection: Inspection) -> Check:
    """Nothing personal is sent before consent was given."""
    name = "no-transmission-before-consent"
    context = inspection.context
    if not context.events:
        return unclear(name, "no-event", "no event was recorded, so there is no time of consent", "record the events")
    grants = context.events_of("consent_granted")
    start = grants[0].t if grants else float("inf")
    u = context.policy.clock_uncertainty
    return _span_ruling(
        inspection, name, [(float("-inf"), start - u)], [(start - u, start)] if grants else [], "before consent"
    )


def _after(inspection: Inspection, name: str, kind: str, what: str) -> Check:
    context = inspection.context
    ends = context.events_of(kind)
    if not ends:
        return unclear(name, "no-event", f"no {kind} event was recorded", "record the events")
    slack = context.policy.grace + context.policy.clock_uncertainty
    renewals = (
        context.events_of("consent_granted", "enrolled") if kind == "deleted" else context.events_of("consent_granted")
    )
    spans, margins = [], []
    for end in ends:
        until = min((event.t for event in renewals if event.t > end.t), default=float("inf"))
        spans.append((end.t + slack, until))
        margins.append((end.t, end.t + slack))
    return _span_ruling(inspection, name, spans, margins, what)


def after_withdrawal(inspection: Inspection) -> Check:
    """Nothing personal is sent after consent was withdrawn."""
    return _after(inspection, "no-transmission-after-withdrawal", "consent_withdrawn", "after withdrawal")


def after_deletion(inspection: Inspection) -> Check:
    """Nothing personal is sent after the data was deleted."""
    return _after(inspection, "no-transmission-after-deletion", "deleted", "after deletion")

"""What the rules share: making a check, consent spans, and PASS only where nothing could have left unseen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pytest_conformance.analysis.traffic.model import Check, TransferredObject
from pytest_conformance.verdicts import Verdict

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.inspection import Inspection

PERSONAL = ("face_image", "template", "voice", "position", "string", "identifier")


def fail(
    name: str, reason: str, text: str, evidence: Iterable[TransferredObject] = (), **figures: float | str
) -> Check:
    """FAIL with the findings that prove it."""
    return Check(name, Verdict.FAIL, reason, text, tuple(o.id for o in evidence), "", figures)


def unclear(
    name: str,
    reason: str,
    text: str,
    todo: str = "",
    evidence: Iterable[TransferredObject] = (),
    **figures: Any,
) -> Check:
    """INCONCLUSIVE with its reason and the step that would make it conclusive."""
    return Check(name, Verdict.INCONCLUSIVE, reason, text, tuple(o.id for o in evidence), todo, figures)


def passed(name: str, reason: str, text: str, **figures: float | str) -> Check:
    """PASS with the positive evidence of absence."""
    return Check(name, Verdict.PASS, reason, text, (), "", figures)


def hits(inspection: Inspection, kinds: Sequence[str], scope: str | None) -> list[TransferredObject]:
    """Upstream objects of some kinds that matched a canary beyond doubt."""
    return [o for o in inspection.uploads(scope, kinds) if o.hit]


def suspects(inspection: Inspection, kinds: Sequence[str], scope: str | None) -> list[TransferredObject]:
    """Upstream objects that only may be a canary."""
    return [o for o in inspection.uploads(scope, kinds) if o.match is not None and o.match.suspect]


def invalid(inspection: Inspection) -> tuple[str, str] | None:
    """The first reason why the run is not valid, with its sentence; None when it is."""
    return next(((row.reason, row.explanation) for row in inspection.validity if not row.ok and not row.remark), None)


def capacity_ruling(inspection: Inspection, name: str, smallest: int, scope: str | None, what: str) -> Check:
    """PASS when the run is valid and `what` does not fit into the bytes that nobody could read."""
    broken = invalid(inspection)
    accounted = inspection.accounted(smallest, scope)
    figures: dict[str, Any] = {"capacity": accounted.capacity, "smallest": smallest}
    if broken is not None:
        return unclear(
            name, broken[0], f"the run is not valid: {broken[1]}", "repair the capture and repeat", **figures
        )
    if not accounted:
        reason = next(iter(accounted.reasons), "opaque-bytes")
        reason = _stated(inspection, reason)
        return unclear(
            name,
            reason,
            f"{accounted.capacity} bytes could not be read, and {what} needs {smallest} ({_spell(accounted.reasons)})",
            "take session keys of a test build, or install the bench's certificate authority",
            **figures,
        )
    return passed(
        name, "accounted", f"all but {accounted.capacity} bytes were understood; {what} needs {smallest}", **figures
    )


def _stated(inspection: Inspection, reason: str) -> str:
    """Prefer what the interception found out about an encrypted flow over plain "tls"."""
    if reason in ("tls", "tls-not-decrypted", "quic"):
        states = {str(state) for state in inspection.context.interception.get("endpoints", {}).values()}
        if "refused" in states:
            return "pinned"
        return "opaque-bytes"
    return reason


def _spell(reasons: object) -> str:
    pairs = list(getattr(reasons, "items", list)())[:4]
    return ", ".join(f"{reason} {count}" for reason, count in pairs)


def consent_spans(inspection: Inspection, scopes: Sequence[str]) -> list[tuple[float, float]]:
    """Spans in which sending was allowed: from each grant to the next withdrawal or deletion."""
    events = inspection.context.events_of("consent_granted", "consent_withdrawn", "deleted")
    spans: list[tuple[float, float]] = []
    start: float | None = None
    for event in events:
        if event.type == "consent_granted" and (not event.scope or event.scope in scopes):
            start = event.t if start is None else start
        elif event.type != "consent_granted" and start is not None:
            spans.append((start, event.t))
            start = None
    if start is not None:
        spans.append((start, float("inf")))
    return spans


def consented(inspection: Inspection, item: TransferredObject) -> bool:
    """Tell whether an object began to leave inside a consented span, grace and clock uncertainty allowed."""
    policy = inspection.context.policy
    slack = policy.clock_uncertainty
    return any(
        start - slack <= item.time_first <= end + policy.grace + slack
        for start, end in consent_spans(inspection, policy.consented_scopes)
    )

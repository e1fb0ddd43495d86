"""Is the run valid? Drops, holes, window, clocks, bearers, stimuli (design, section 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic.model import ValidityCheck
from pytest_conformance.analysis.traffic.opening import RECORDED

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.inspection import Inspection

_SETTLED = ("captured", "disabled", "shielded", "absent", "none")


def examine(inspection: Inspection) -> tuple[ValidityCheck, ...]:
    """Return one row per question; rows with `remark` never force a verdict."""
    return (
        _present(inspection),
        _drops(inspection),
        _gaps(inspection),
        _snaplen(inspection),
        _damage(inspection),
        _coverage(inspection),
        _checksums(inspection),
        _window(inspection),
        _clock(inspection),
        _bearers(inspection),
        _stimuli(inspection),
        _bounds(inspection),
        _duplicates(inspection),
    )


def _row(name: str, ok: bool, reason: str, explanation: str, remark: bool = False) -> ValidityCheck:
    return ValidityCheck(name, ok, "" if ok else reason, explanation, remark)


def _present(inspection: Inspection) -> ValidityCheck:
    seen = any(facts.device_seen for facts in inspection.captures)
    packets = sum(facts.tally.packets for facts in inspection.captures)
    known = all(facts.device_known for facts in inspection.captures)
    if seen and not known:
        return _row("device", False, "device-unknown", "no device address was given; initiators were taken for it")
    text = f"{packets} packets, device {'seen' if seen else 'never seen'}"
    return _row("device", seen, "empty-capture" if not packets else "device-not-seen", text)


def _drops(inspection: Inspection) -> ValidityCheck:
    lost = sum(facts.dropped for facts in inspection.captures) + inspection.context.capture_drops
    return _row("drops", lost == 0, "capture-drops", f"{lost} packets dropped by the capture")


def _gaps(inspection: Inspection) -> ValidityCheck:
    missing = sum(flow.up.gap for flow in inspection.flows)
    return _row("gaps", missing == 0, "stream-gap", f"{missing} upstream bytes acknowledged but not captured")


def _snaplen(inspection: Inspection) -> ValidityCheck:
    cut = sum(facts.tally.snapped for facts in inspection.captures)
    return _row("snaplen", cut == 0, "snaplen", f"{cut} packets captured only in part")


def _damage(inspection: Inspection) -> ValidityCheck:
    flags = sorted({flag for facts in inspection.captures for flag in facts.flags} - {RECORDED})
    links = sorted({link for facts in inspection.captures for link in facts.tally.unknown_links})
    if links:
        flags.append("link-unknown")
    return _row("file", not flags, flags[0] if flags else "", ", ".join(flags) or "capture files are whole")


def _coverage(inspection: Inspection) -> ValidityCheck:
    recorded = [facts.name for facts in inspection.captures if RECORDED in facts.flags]
    text = f"{', '.join(recorded)} shows recorded exchanges, not what else the device sent" if recorded else "packets"
    return _row("coverage", not recorded, RECORDED, text)


def _checksums(inspection: Inspection) -> ValidityCheck:
    bad = sum(facts.damaged for facts in inspection.captures)
    broken = sum(facts.tally.unreadable for facts in inspection.captures)
    text = f"{bad} upstream segments with wrong checksums and no good copy, {broken} packets with broken headers"
    return _row("damage", bad == 0 and broken == 0, "packets-damaged", text)


def _window(inspection: Inspection) -> ValidityCheck:
    events = inspection.context.events
    firsts = [facts.tally.first for facts in inspection.captures if facts.tally.first is not None]
    lasts = [facts.tally.last for facts in inspection.captures if facts.tally.last is not None]
    if not events or not firsts or not lasts:
        return _row("window", True, "", "no events to cover")
    early = min(event.t for event in events) - min(firsts)
    late = max(lasts) - max(event.t for event in events)
    tail = inspection.context.policy.tail
    ok = early >= -1.0 and late >= tail - 1.0
    return _row("window", ok, "window-short", f"starts {early:.1f} s before the first event, ends {late:.1f} s after")


def _clock(inspection: Inspection) -> ValidityCheck:
    u = inspection.context.policy.clock_uncertainty
    return _row("clock", u <= 0.2, "clock", f"clock uncertainty {u:.3f} s")


def _bearers(inspection: Inspection) -> ValidityCheck:
    open_ = sorted(n for n, state in inspection.context.bearers.items() if state not in _SETTLED)
    return _row("bearers", not open_, "bearer-unobserved", "not captured: " + ", ".join(open_) if open_ else "all seen")


def _stimuli(inspection: Inspection) -> ValidityCheck:
    ok = inspection.context.stimuli_confirmed is not False
    return _row("stimulus", ok, "stimulus-unconfirmed", "stimuli confirmed" if ok else "a stimulus was not confirmed")


def _bounds(inspection: Inspection) -> ValidityCheck:
    spent = any(facts.budget_spent for facts in inspection.captures)
    return _row("bounds", not spent, "decode-bound", "a decoding bound was hit" if spent else "within all bounds")


def _duplicates(inspection: Inspection) -> ValidityCheck:
    count = sum(facts.tally.duplicates for facts in inspection.captures)
    return _row("duplicates", count == 0, "duplicates-removed", f"{count} duplicate packets removed", remark=True)

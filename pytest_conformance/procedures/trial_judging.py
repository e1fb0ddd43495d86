"""What one presentation counts as: its outcome, or the reason why it must not count. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_conformance.analysis.biometrics.campaigns import Conditions, Outcome, Void
from pytest_conformance.clock import SECOND

if TYPE_CHECKING:
    from pytest_conformance.devices.roles import Recognised

NONE = Conditions()


@dataclass(frozen=True)
class Judged:
    """A trial's outcome, the reason not to count it ("" when it counts), what is to be said, and its numbers."""

    outcome: Outcome
    void: Void
    said: str
    conditions: Conditions
    seconds: float | None = None
    score: float | None = None


def judge_trial(
    seen: Recognised, conditions: Conditions, limits: Mapping[str, tuple[float, float]], stepped: str
) -> Judged:
    """Return what `seen` counts as under `conditions`; `stepped` says how a clock stepped, "" when none did.

    What the device did counts more than what it said: a bolt that opened is an acceptance (fault case C07), and the
    contradiction is told. A trial with an answer before its stimulus, or with two, has no outcome.
    """
    decisions = [each for each in seen.answers if each.outcome != "none"]
    acted = seen.acted if seen.acted is not None else ()
    outcome: Outcome = "none"
    if acted or any(each.outcome == "accepted" for each in decisions):
        outcome = "accepted" if acted or seen.acted is None else "rejected"
    elif decisions:
        outcome = "rejected"
    conditions = replace(conditions, battery=seen.battery)
    void, said = _void(seen, conditions, limits, stepped)
    at = acted[0] if acted else decisions[0].at if decisions else None
    seconds = (at - seen.stimulus) / SECOND if at is not None and at >= seen.stimulus else None
    return Judged(outcome, void, said or _contradiction(seen, outcome), conditions, seconds, seen.score)


def _void(
    seen: Recognised, conditions: Conditions, limits: Mapping[str, tuple[float, float]], stepped: str
) -> tuple[Void, str]:
    if stepped:
        return "clock-step", stepped
    if seen.restarted:
        return "restart", "the device started anew"
    early = [each.at for each in seen.answers if each.at < seen.stimulus]
    early += [at for at in seen.acted or () if at < seen.stimulus]
    if early:
        before = (seen.stimulus - min(early)) / SECOND
        return "answer-before-stimulus", f"the device answered {before:.3f} s before it was shown anything"
    if seen.locked_out:
        return "lockout", "the device is locked out and did not look"
    said = {each.outcome for each in seen.answers} - {"none"}
    if len(said) > 1 or len(seen.acted or ()) > 1:
        return "two-outcomes", f"the device decided {len(seen.answers)} times: {', '.join(sorted(said)) or 'opened'}"
    if seen.appeared is False:
        return "no-stimulus", "the watch camera saw nothing appear before the device"
    low = _outside(conditions, {name: each for name, each in limits.items() if name == "battery"})
    if low:
        return "battery", f"the device's {low}"
    outside = _outside(conditions, limits)
    return ("conditions", outside) if outside else ("", "")


def _outside(conditions: Conditions, limits: Mapping[str, tuple[float, float]]) -> str:
    found = []
    for name, (lower, upper) in limits.items():
        value = getattr(conditions, name)
        if value is not None and not lower <= value <= upper:
            found.append(f"{name} {value:g} is outside {lower:g} to {upper:g}")
    return "; ".join(found)


def _contradiction(seen: Recognised, outcome: Outcome) -> str:
    """Return how the device's word and its deed differ; "" when they agree or only one is known."""
    if seen.acted is None:
        return ""
    said = {each.outcome for each in seen.answers}
    if seen.acted and "accepted" not in said:
        return f"it opened and said {', '.join(sorted(said)) or 'nothing'}"
    if not seen.acted and "accepted" in said:
        return "it said that it accepted and did not open"
    return ""

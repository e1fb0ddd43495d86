"""Leaving a bench, at the end of a run or after a fault in it: what was switched off goes into the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pytest_conformance.verdicts import Cause, Contribution, Verdict

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.bench.safe_state import Outcome
    from pytest_conformance.record import Run

NOT_SAFE = frozenset({Cause.BENCH, Cause.ENVIRONMENT, Cause.ABORTED})
"""Causes after which nobody can say in which state the bench is: the device is switched off before the next test."""


def leave(bench: Bench, run: Run) -> None:
    """Reach the safe state, close the bench, journal what was read back; ring and quarantine what is not proven off."""
    doors, closes = bench.doors, len(tuple(bench.opened()))
    outcomes = bench.close()
    told(bench, run, outcomes, {"doors": doors, "closed": closes})


def rest(bench: Bench, run: Run, said: Contribution) -> None:
    """After a test that a bench fault ended, switch the device off before the next one (case A01).

    A hub that dropped puts the bench into quarantine (case B07).
    """
    if said.verdict is not Verdict.INCONCLUSIVE or said.cause not in NOT_SAFE:
        return
    if said.code == "BEN-LNK-150" and bench.lease is not None:
        from pytest_conformance.bench.quarantine import impose

        impose(bench.lease.path.parent.parent, bench.name, said.reason, str(run.folder))
    outcomes = bench.rest()
    if outcomes:
        told(bench, run, outcomes, {"after": said.test})


def too_hot(bench: Bench, run: Run, said: Contribution, sample: str) -> bool:
    """Tell whether the device was too hot, and keep its sample from further trials then (case A16)."""
    if said.code != "DUT-HOT-001":
        return False
    from pytest_conformance.bench.quarantine import impose
    from pytest_conformance.running.sample import hazard

    if bench.lease is not None:
        impose(bench.lease.path.parent.parent, hazard(sample), said.reason, str(run.folder))
    run.event("note", {"text": f"the run ends: sample {sample} was too hot; no trial on it until a person releases it"})
    return True


def told(bench: Bench, run: Run, outcomes: Sequence[Outcome], more: dict[str, Any]) -> None:
    """Journal what came of switching off; ring when an output is not proven off."""
    from pytest_conformance.bench.alarm import sound, unsafe
    from pytest_conformance.bench.quarantine import impose

    outputs = [each for each in outcomes if each.name.endswith((" off", " cut"))]
    said = unsafe([each for each in outputs if each.name.endswith(" off")])
    lease = bench.lease
    lost = lease is not None and any("ABO-LSE-001" in each.reason for each in outputs)
    cut = any(each.done for each in outputs if each.name.endswith(" cut"))
    run.event(
        "safe-state",
        {
            "reached": all(each.done for each in outcomes if not (cut and each in outputs)),
            "outputs": {each.name: "done" if each.done else each.reason for each in outcomes},
            "reason": "; ".join(f"{each.name}: {each.reason}" for each in outcomes if each.reason),
            "alarm": "" if lost else said,
            "quarantine": bool(said) and not lost,
            **more,
        },
    )
    if said and not lost:
        if lease is not None:
            impose(lease.path.parent.parent, bench.name, said, str(run.folder))
        sound(bench.file.safe_state.alarm, said)

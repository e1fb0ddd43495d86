"""From the trials of a campaign to its rates, intervals and words: what a report may say of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_conformance.analysis.biometrics.campaigns import Decided, End, RateRow, TrialRow
from pytest_conformance.analysis.biometrics.clusters import EffectiveInterval, effective_interval, two_way_interval
from pytest_conformance.analysis.biometrics.counting import (
    ArtefactPlan,
    CountPlan,
    Decision,
    FixedPlan,
    QuantilePlan,
    Tally,
)
from pytest_conformance.analysis.biometrics.intervals import Interval, binomial_interval
from pytest_conformance.analysis.biometrics.plans import Campaign, CampaignPlan, Cell
from pytest_conformance.analysis.biometrics.sprt import SequentialPlan


def rule_in_words(plan: CountPlan) -> str:
    """Return a counting plan as one sentence."""
    if isinstance(plan, FixedPlan):
        return f"{plan.n} presentations, at most {plan.c} of them may be errors"
    if isinstance(plan, ArtefactPlan):
        return (
            f"{plan.first} presentations: 0 or 1 error passes, 2 errors ask for {plan.more} more, a third error fails"
        )
    if isinstance(plan, SequentialPlan):
        return (
            f"sequential test of {plan.p0} (passes) against {plan.p1} (fails), alpha {plan.alpha}, beta {plan.beta}, "
            f"at most {plan.most} presentations"
        )
    if isinstance(plan, QuantilePlan):
        return (
            f"{plan.most} timed trials, at most {plan.exceedances} slower than {plan.limit_s:g} s: quantile "
            f"{plan.quantile} within the limit at confidence {plan.confidence}"
        )
    return f"at most {plan.most} presentations"


def risks_of(plan: CountPlan) -> dict[str, str]:
    """Return what a counting plan names of n, c, p0, p1, alpha, beta, quantile and confidence, as texts."""
    if isinstance(plan, FixedPlan):
        return {"n": str(plan.n), "c": str(plan.c)}
    if isinstance(plan, ArtefactPlan):
        return {"n": f"{plan.first} (+ {plan.more})", "c": "1 (2)"}
    if isinstance(plan, SequentialPlan):
        return {"p0": plan.p0, "p1": plan.p1, "alpha": plan.alpha, "beta": plan.beta, "n": str(plan.most)}
    if isinstance(plan, QuantilePlan):
        return {"quantile": plan.quantile, "confidence": plan.confidence, "limit": f"{plan.limit_s:g} s"}
    return {"n": str(plan.most)}


def rate_row(
    name: str,
    trials: Sequence[TrialRow],
    error: Mapping[int, bool],
    *,
    confidence: str,
    limit: str,
    tallies: Sequence[tuple[CountPlan, Tally | None]],
) -> RateRow:
    """Return the rate over `trials` (valid and void), of which `error` tells by number whether a valid one is one.

    `tallies` are the counting plans of the row's cells with their states; empty for a row without a rule.
    """
    valid = [each for each in trials if not each.void]
    outcomes = [error[each.number] for each in valid]
    n, errors = len(valid), sum(outcomes)
    two_sided = binomial_interval(errors, n, confidence) if n else None
    upper = binomial_interval(errors, n, confidence, side="upper").upper if n else None
    both, one, how = _clustered(valid, outcomes, confidence)
    decisions = [Decision.CONTINUE if tally is None else tally.decision for _, tally in tallies]
    return RateRow(
        name=name,
        n=n,
        errors=errors,
        non_response=sum(each.outcome == "none" for each in valid),
        void=len(trials) - n,
        subjects=len({each.subject for each in valid}),
        artefacts=len({each.artefact for each in valid} - {""}),
        rate=errors / n if n else None,
        interval=two_sided,
        upper=upper,
        clustered=Interval(both.lower, both.upper) if both else None,
        clustered_upper=one.upper if one else None,
        design_effect=both.design_effect if both else None,
        clustering=how,
        limit=limit,
        decision=_folded(decisions),
        missing=sum(
            plan.most - (tally.used if tally else 0)
            for plan, tally in tallies
            if tally is None or tally.decision is Decision.CONTINUE
        ),
        apart=_apart(valid, outcomes),
    )


def _apart(valid: Sequence[TrialRow], outcomes: Sequence[bool]) -> tuple[tuple[int, int, int], ...]:
    found: dict[int, list[bool]] = {}
    for trial, error in zip(valid, outcomes, strict=True):
        found.setdefault(trial.enrolment, []).append(error)
    return tuple((number, sum(each), len(each)) for number, each in sorted(found.items())) if len(found) > 1 else ()


def differ(apart: Sequence[tuple[int, int, int]], significance: float = 0.01) -> bool:
    """Tell whether the error rate of some enrolment is another than that of the others, by Fisher's exact test.

    `apart` holds enrolment, errors and trials of each. Two-sided, at `significance` over all comparisons (Bonferroni):
    few trials cannot tell a small difference.
    """
    from scipy.stats import fisher_exact

    errors, trials = sum(each[1] for each in apart), sum(each[2] for each in apart)
    for _, own, n in apart if len(apart) > 1 else ():
        others = errors - own, trials - n
        table = [[own, n - own], [others[0], others[1] - others[0]]]
        if fisher_exact(table).pvalue * (len(apart) if len(apart) > 2 else 1) < significance:
            return True
    return False


def _folded(decisions: Sequence[Decision]) -> str:
    if Decision.FAIL in decisions:
        return Decision.FAIL.value
    if not decisions or Decision.CONTINUE in decisions:
        return Decision.CONTINUE.value if decisions else ""
    return Decision.PASS.value


def _clustered(
    valid: Sequence[TrialRow], outcomes: Sequence[bool], confidence: str
) -> tuple[EffectiveInterval | None, EffectiveInterval | None, str]:
    """Return the two-sided interval and the upper bound that take clustering into account, and by what it is."""
    subjects, artefacts = [each.subject for each in valid], [each.artefact for each in valid]
    ways = {name: of for name, of in (("subject", subjects), ("artefact", artefacts)) if len(set(of) - {""}) > 1}
    if not ways:
        return None, None, "one subject and at most one artefact: trials are taken for independent"
    if len(ways) == 2:
        both = two_way_interval(outcomes, subjects, artefacts, confidence)
        one = two_way_interval(outcomes, subjects, artefacts, confidence, "upper")
        return both, one, _how("subject and artefact", both)
    ((name, labels),) = ways.items()
    errors, sizes = _by(labels, outcomes)
    both = effective_interval(errors, sizes, confidence)
    return both, effective_interval(errors, sizes, confidence, "upper"), _how(name, both)


def _how(name: str, found: EffectiveInterval) -> str:
    return f"{name}: {found.clusters} clusters, {found.basis}"


def _by(labels: Sequence[str], outcomes: Sequence[bool]) -> tuple[list[int], list[int]]:
    found: dict[str, list[bool]] = {}
    for label, outcome in zip(labels, outcomes, strict=True):
        found.setdefault(label, []).append(outcome)
    return [sum(each) for each in found.values()], [len(each) for each in found.values()]


def decided(state: Campaign, end: End, trials: Sequence[TrialRow], reason: str) -> Decided:
    """Return how a campaign ended; its verdict stands only when the rule decided."""
    decision = state.decision if end == "decided" else Decision.CONTINUE
    verdict = {Decision.PASS: "pass", Decision.FAIL: "fail", Decision.CONTINUE: ""}[decision]
    counted = [each for each in trials if not each.void]
    return Decided(
        end=end,
        verdict=verdict,  # type: ignore[arg-type]
        at_trial=trials[-1].number if trials and verdict else None,
        used=state.used,
        void=len(trials) - len(counted),
        reason=reason,
        statement=_early(state) if verdict else "",
    )


def _early(state: Campaign) -> str:
    """Return what must be said of a verdict that fell before the plan was run in full; "" when it was."""
    open_cells = [cell for cell in state.plan.cells if not _in_full(state, cell)]
    if not open_cells:
        return ""
    return (
        f"stopped after {state.used} of at most {state.plan.most} presentations, as soon as the remaining ones could "
        f"not change the verdict ({len(open_cells)} of {len(state.plan.cells)} cells were not run in full): the "
        "verdict holds, the observed rates are biased"
    )


def _in_full(state: Campaign, cell: Cell) -> bool:
    tally = state.tallies.get(cell)
    if tally is None:
        return False
    return tally.plan.decide_in_full(tally.used, tally.errors) is not Decision.CONTINUE


def one_rule(plan: CampaignPlan) -> tuple[str, dict[str, str]]:
    """Return the rule of a campaign in words and its risks; cells with rules of their own are named."""
    kinds: dict[CountPlan, list[Cell]] = {}
    for cell, each in plan.cells.items():
        kinds.setdefault(each, []).append(cell)
    if len(kinds) == 1:
        (only,) = kinds
        return f"each of {len(plan.cells)} cells: {rule_in_words(only)}", risks_of(only)
    named = {"/".join(cells[0]): each for each, cells in kinds.items()}
    words = [f"{name}: {rule_in_words(each)}" for name, each in named.items()]
    risks = {f"{key} ({name})": value for name, each in named.items() for key, value in risks_of(each).items()}
    return "; ".join(words), risks

"""What clause tests ask of a campaign: that it decided, that the device was awake, that a limit is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pytest_conformance.analysis.biometrics.campaign_tables import differ
from pytest_conformance.analysis.biometrics.exact import Number, at_most, rate
from pytest_conformance.analysis.biometrics.intervals import binomial_interval
from pytest_conformance.errors import AbortedError, DeviceError, MethodError, OperatorError, SurroundingsError
from pytest_conformance.verdicts import Limit

if TYPE_CHECKING:
    from pytest_conformance.analysis.biometrics.campaigns import CampaignObservation, RateRow
    from pytest_conformance.procedures.judged_by import Report, Requires

MOST_MISSING = 1_000_000
"""Presentations beyond which it is only said that very many are missing."""


def report_rates(observed: CampaignObservation, judgement: Report) -> None:
    """Report each row's rate and its upper bounds; a device seen from outside has IAPAR and FRR, never APCER."""
    confidence = observed.plan.confidence
    named = [(f"IAPAR of {row.name}" if row.name != "impostor" else "FAR", row) for row in observed.species]
    if observed.bona_fide is not None:
        named.append(("FRR", observed.bona_fide))
    for name, row in named:
        if row.rate is None or row.upper is None:
            continue
        judgement.report(name, row.rate, "1", n=row.n)
        judgement.report(f"{name}: upper {confidence} bound, independent trials", row.upper, "1", n=row.n)
        if row.clustered_upper is not None:
            judgement.report(f"{name}: upper {confidence} bound, {row.clustering}", row.clustered_upper, "1", n=row.n)
        for number, errors, n in row.apart:
            judgement.report(f"{name}, enrolment {number}", errors / n, "1", n=n)


def require_decided(observed: CampaignObservation) -> Literal["pass", "fail"]:
    """Return the verdict of the plan's rule; a campaign that ended otherwise has none and says why.

    Raises AbortedError ABO-CAM-001 (stopped), SurroundingsError ENV-CAM-001, OperatorError OPR-CAM-001 (nobody
    presented), DeviceError DUT-CAM-001 (it no longer took part), MethodError MET-CAM-001 (all permitted trials used,
    with the numbers), MET-CAM-010 (it passes only with trials of enrolments whose rates differ put together).
    """
    how = observed.decided
    if how.verdict == "pass":
        _require_one_enrolment(observed)
    if how.verdict:
        return how.verdict
    numbers = f"{how.used} presentations counted, {how.void} were void"
    said = f"the campaign has no verdict: {how.reason}; {numbers}"
    if how.end == "aborted":
        raise AbortedError("ABO-CAM-001", said, where=observed.plan.name, todo="run the campaign again, in full")
    if how.end == "environment":
        raise SurroundingsError(
            "ENV-CAM-001", said, where=observed.plan.name, expected="conditions within the plan", todo="restore them"
        )
    if how.end == "operator":
        raise OperatorError("OPR-CAM-001", said, where=observed.plan.name, todo="present what is asked for")
    if how.end == "device":
        raise DeviceError("DUT-CAM-001", said, where=observed.plan.name, todo="look at the device's own log")
    open_rows = ", ".join(f"{row.name}: {row.missing} missing" for row in observed.species if row.missing)
    raise MethodError(
        "MET-CAM-001",
        f"{said}; {open_rows}" if open_rows else said,
        where=observed.plan.name,
        expected=f"a decision within {observed.plan.maximum} trials",
        todo="find out why trials were void, then run a new campaign",
    )


def _require_one_enrolment(observed: CampaignObservation) -> None:
    rows = [*observed.species, *filter(None, [observed.bona_fide])]
    apart = [row for row in rows if differ(row.apart)]
    if apart:
        shares = ", ".join(f"{errors} of {n} with enrolment {number}" for number, errors, n in apart[0].apart)
        raise MethodError(
            "MET-CAM-010",
            f"{apart[0].name}: {shares}: trials of enrolments that differ are not put together",
            where=observed.plan.name,
            expected="one enrolment, or several with the same rates",
            todo="find out why the device had to be enrolled again, then run a new campaign",
        )


def require_awake(observed: CampaignObservation) -> None:
    """Raise MethodError unless the device decided: a sleeping device resists every attack.

    MET-PAD-002: no genuine presentation between the attacks was accepted. MET-PAD-003: a species never got a decision.
    """
    row = observed.bona_fide
    if row is None or row.n == row.errors:
        raise MethodError(
            "MET-PAD-002",
            f"none of {row.n if row else 0} genuine presentations was accepted: the device may be asleep",
            where=observed.plan.name,
            todo="enrol again, look at light and distance, repeat the campaign",
        )
    silent = [each.name for each in observed.species if each.n and each.n == each.non_response]
    if silent:
        raise MethodError(
            "MET-PAD-003",
            f"no presentation of {', '.join(silent)} got a decision: the rate of this species is unknown",
            where=observed.plan.name,
            todo="find out why the device does not respond to it",
        )


def require_resisted(observed: CampaignObservation, judgement: Report) -> None:
    """Report the rates, and assert that no artefact was accepted in a campaign that decided on a device awake.

    Raises AssertionError naming species and counts, and as `require_decided` and `require_awake` do.
    """
    report_rates(observed, judgement)
    accepted = [f"{row.name} {row.errors} of {row.n}" for row in observed.species if row.errors]
    assert not accepted, f"accepted: {', '.join(accepted)}"
    require_decided(observed)
    require_awake(observed)


def require_table(observed: CampaignObservation) -> None:
    """Raise MethodError MET-CAM-004 unless each species has a rate and a bound, and one is the worst."""
    lacking = [row.name for row in observed.species if row.rate is None or row.upper is None]
    if lacking or observed.worst is None:
        raise MethodError(
            "MET-CAM-004",
            f"no rate is known of {', '.join(lacking) or 'any species'}",
            where=observed.plan.name,
            expected="valid presentations of each species, with a response",
            todo="finish the campaign",
        )


def impostors(observed: CampaignObservation) -> RateRow:
    """Return the row of those who are not enrolled; MethodError MET-CAM-005 when the plan showed none."""
    for row in observed.species:
        if row.name == "impostor":
            return row
    raise MethodError(
        "MET-CAM-005",
        "nobody was shown who is not enrolled",
        where=observed.plan.name,
        expected="a plan of kind verification with a rule for impostors",
    )


def require_claimed(rate: float | None) -> float:
    """Return a rate that the supplier declares; MethodError MET-CAM-006 when there is none to compare with."""
    if rate is None:
        raise MethodError(
            "MET-CAM-006",
            "the supplier declares no error rate of the face",
            where="declaration, credentials",
            expected="false_acceptance and false_rejection",
            todo="have the supplier state them",
        )
    return rate


def require_declared(row: RateRow | None, declared: float, what: str, judgement: Requires) -> None:
    """Hold the observed rate against the declared one by the decision rule; its uncertainty is the way to its bound.

    Below the declared rate that is the upper bound at the plan's confidence, of independent or of clustered trials,
    whichever is wider; above it the lower one. So simple acceptance compares the observed rate, and a guarded or a
    conditional rule withholds or conditions what so few trials cannot carry. Raises MethodError MET-CAM-005 where the
    plan has no such trials, else as `judgement.require` does.
    """
    if row is None or row.rate is None or row.upper is None or row.interval is None:
        raise MethodError("MET-CAM-005", f"{what}: the plan has no such trials", expected="a plan that shows them")
    wider = row.clustered if row.errors and row.clustered is not None else row.interval
    upper = max(row.upper, row.clustered_upper or 0.0) if row.errors else row.upper
    away = upper - row.rate if row.rate <= declared else row.rate - min(row.interval.lower, wider.lower)
    judgement.require(
        f"{what} against the declared rate", row.rate, Limit("1", upper=declared), uncertainty=away, n=row.n
    )


def require_shown(row: RateRow | None, limit: Number, confidence: Number, what: str) -> None:
    """Assert that the observed rate is at most `limit`, and refuse unless its upper bound shows it at `confidence`.

    An observed rate above the limit is a finding: AssertionError. Raises MethodError MET-CAM-002 with the number of
    presentations without a further error that are missing (fault case I12). The bound that takes clustering into
    account is used where there is one.
    """
    if row is None:
        raise MethodError("MET-CAM-005", f"{what}: the plan has no such trials", expected="a plan that shows them")
    assert row.n == 0 or at_most(row.errors, row.n, limit), f"{what}: {row.errors} of {row.n}, limit {limit}"
    if row.n and _shown(row, limit, confidence):
        return
    missing = missing_trials(row.errors, row.n, limit, confidence)
    raise MethodError(
        "MET-CAM-002",
        f"{what}: {row.errors} of {row.n} presentations do not show at most {limit} at {confidence} confidence",
        expected=f"{missing} more without an error" if missing else "trials that cluster less, of more subjects",
        todo="choose a plan that is large enough for the claim",
    )


def _shown(row: RateRow, limit: Number, confidence: Number) -> bool:
    bound = binomial_interval(row.errors, row.n, confidence, side="upper").upper
    clustered = row.clustered_upper if row.clustered_upper is not None and row.errors else bound
    return max(bound, clustered) <= float(rate(limit, "limit"))


def missing_trials(errors: int, n: int, limit: Number, confidence: Number) -> int:
    """Return how many more presentations, all without an error, bring the upper bound to `limit`; 0 when none are.

    Clopper-Pearson, independent trials. MOST_MISSING stands for that many or more.
    """
    most = float(rate(limit, "limit"))

    def shown(more: int) -> bool:
        size = n + more
        return size > 0 and binomial_interval(errors, size, confidence, side="upper").upper <= most

    low, high = -1, 1
    while not shown(high):
        low, high = high, high * 2
        if high > MOST_MISSING:
            return MOST_MISSING
    if shown(0):
        return 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle) else (middle, high)
    return high

"""CN-LOCK: GB 21556.2-2025 and GA 374-2019, what can be measured without destroying the lock."""

from pytest_conformance import Limit, clause
from pytest_conformance.procedures.campaign_judging import (
    impostors,
    report_rates,
    require_awake,
    require_claimed,
    require_decided,
    require_declared,
    require_resisted,
)


@clause("CN-LOCK-GB-B")
def test_no_artefact_opens_the_lock(attack_campaign, judgement):
    require_resisted(attack_campaign, judgement)


@clause("CN-LOCK-GA-FAR")
def test_matching_errors_are_no_more_than_declared(verification_campaign, declaration, judgement):
    report_rates(verification_campaign, judgement)
    face = declaration.credential("face")
    require_declared(impostors(verification_campaign), require_claimed(face.false_acceptance), "FAR", judgement)
    require_decided(verification_campaign)
    require_awake(verification_campaign)
    require_declared(verification_campaign.bona_fide, require_claimed(face.false_rejection), "FRR", judgement)


@clause("CN-LOCK-GA-LOCK")
def test_wrong_entries_lead_to_an_alarm_and_a_lock_out(lockouts, profile, judgement):
    for kind, trial in lockouts.trials.items():
        assert trial.alarm_at is not None, f"{kind}: no alarm after {trial.tries} wrong entries"
        judgement.require(
            f"{kind}: wrong entries until the alarm", trial.alarm_at, Limit("1", upper=profile.limits.lockout_tries)
        )
        assert trial.refused is not None, f"{kind}: the right PIN is accepted straight after the alarm"
        judgement.require(
            f"{kind}: time of refused input",
            trial.refused + trial.resolution,
            Limit("s", lower=profile.limits.lockout),
            uncertainty=trial.resolution,
        )

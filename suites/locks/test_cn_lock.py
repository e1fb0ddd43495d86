"""CN-LOCK: GB 21556.2-2025 and GA 374-2019, what can be measured without destroying the lock."""

from pytest_conformance import Limit, MethodError, clause
from pytest_conformance.analysis.biometrics import binomial_interval


@clause("CN-LOCK-GB-B")
def test_no_artefact_opens_the_lock(attacks, profile, judgement):
    species = attacks.by_species()
    for name, (opened, count) in species.items():
        bound = binomial_interval(opened, count, 0.95, "clopper-pearson", "upper").upper
        judgement.report(f"{name}: upper 95 % bound of attacks that open", bound, "1", n=count)
    opened = [f"{name} {opened} of {count}" for name, (opened, count) in species.items() if opened]
    assert not opened, f"opened for {', '.join(opened)}"
    if not species or min(count for _, count in species.values()) < profile.samples.spoofs:
        raise MethodError("MET-PAD-001", f"too few valid presentations: {species}", todo="repeat the campaign")
    if not any(each.opened for each in attacks.genuine):
        raise MethodError("MET-PAD-002", "the lock did not open for the genuine face either")


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

"""What a supplier may claim of faces: ISO/IEC 30107-3 and 19795-1, BIO-iTC, Android CDD 7.3.10, FIDO.

Each clause applies only where the declaration claims it. Few trials refute a claim and never show it: then the verdict
is withheld, with the number of presentations that are missing.
"""

from pytest_conformance import MethodError, clause
from pytest_conformance.procedures.campaign_judging import (
    impostors,
    report_rates,
    require_awake,
    require_claimed,
    require_decided,
    require_shown,
    require_table,
)


@clause("ISO30107-3-species", "ISO30107-3-nonresponse", "ISO30107-3-bonafide")
def test_rates_are_told_species_by_species_beside_those_of_bona_fide_users(attack_campaign, judgement):
    report_rates(attack_campaign, judgement)
    require_table(attack_campaign)
    require_awake(attack_campaign)


@clause("ISO19795-1-size", "ISO19795-1-uncertainty")
def test_the_size_of_the_test_carries_the_declared_rates(verification_campaign, declaration, judgement):
    report_rates(verification_campaign, judgement)
    declared = declaration.credential("face")
    confidence = verification_campaign.plan.confidence
    require_shown(impostors(verification_campaign), require_claimed(declared.false_acceptance), confidence, "FAR")
    require_shown(verification_campaign.bona_fide, require_claimed(declared.false_rejection), confidence, "FRR")


@clause("BIO-ITC-FAR")
def test_the_false_acceptance_rate_of_bio_itc_is_shown(verification_campaign, judgement):
    report_rates(verification_campaign, judgement)
    require_shown(impostors(verification_campaign), "0.01 %", "80 %", "FAR")


@clause("BIO-ITC-FRR")
def test_the_false_rejection_rate_of_bio_itc_is_shown(verification_campaign, judgement):
    report_rates(verification_campaign, judgement)
    require_shown(verification_campaign.bona_fide, "5 %", "80 %", "FRR")


@clause("BIO-ITC-PAD1")
def test_every_artefact_passes_the_toolbox_rule(attack_campaign, judgement):
    report_rates(attack_campaign, judgement)
    above = [f"{row.name} {row.errors} of {row.n}" for row in attack_campaign.species if (row.rate or 0) > 0.15]
    if attack_campaign.plan.name != "bio-itc-face-1":
        assert not above, f"above 15 %: {', '.join(above)}"
        raise MethodError("MET-CAM-003", "the toolbox rule was not followed", expected="the plan bio-itc-face-1")
    assert require_decided(attack_campaign) == "pass", attack_campaign.decided.reason
    assert not above, f"above 15 %: {', '.join(above)}"
    require_awake(attack_campaign)


@clause("BIO-ITC-PAD2", "ANDROID-CDD-C-3-3", "FIDO-BIO-IAPAR")
def test_at_most_seven_percent_of_the_attacks_of_each_species_succeed(attack_campaign, judgement):
    report_rates(attack_campaign, judgement)
    for row in attack_campaign.species:
        require_shown(row, "7 %", attack_campaign.plan.confidence, f"IAPAR of {row.name}")
    require_awake(attack_campaign)


@clause("ANDROID-CDD-C-2-2")
def test_at_most_twenty_percent_of_the_attacks_of_each_species_succeed(attack_campaign, judgement):
    report_rates(attack_campaign, judgement)
    for row in attack_campaign.species:
        require_shown(row, "20 %", attack_campaign.plan.confidence, f"IAPAR of {row.name}")
    require_awake(attack_campaign)


@clause("ANDROID-CDD-C-1-1")
def test_the_false_acceptance_rate_of_android_is_shown(verification_campaign, judgement):
    report_rates(verification_campaign, judgement)
    require_shown(impostors(verification_campaign), "0.002 %", verification_campaign.plan.confidence, "FAR")


@clause("FIDO-BIO-FAR")
def test_the_false_acceptance_rate_of_fido_is_shown(verification_campaign, judgement):
    report_rates(verification_campaign, judgement)
    require_shown(impostors(verification_campaign), "1/10000", "80 %", "FAR")


@clause("FIDO-BIO-FRR")
def test_the_false_rejection_rate_of_fido_is_shown(verification_campaign, judgement):
    report_rates(verification_campaign, judgement)
    require_shown(verification_campaign.bona_fide, "5 %", "80 %", "FRR")

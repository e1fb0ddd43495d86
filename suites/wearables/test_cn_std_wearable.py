"""CN-STD at a wearable that knows faces: does it take an artefact for whom it shows?"""

from pytest_conformance import clause
from pytest_conformance.procedures.campaign_judging import require_resisted


@clause("CN-STD-41819-pad")
def test_no_artefact_is_taken_for_whom_it_shows(attack_campaign, judgement):
    require_resisted(attack_campaign, judgement)

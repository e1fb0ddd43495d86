"""CN-PIC25: the 2025 campaign against unlawful handling of personal information, what concerns cameras."""

from pytest_conformance import Limit, MethodError, clause
from pytest_conformance.analysis.policy_text import check_rules


@clause("CN-PIC25-3.f")
def test_background_collection_is_announced_and_shown_while_it_lasts(background, profile, judgement):
    assert not background.sensed_before, "a sensor worked before anybody was asked"
    assert background.rules, "nothing was said before the camera began to look for motion"
    for scope in background.scopes:
        prompts = [each for each in background.asked if each.scope == scope]
        assert prompts, f"{scope}: it runs in the background and nobody was asked"
        assert check_rules(prompts[0].text).names_cloud, f"{scope}: the prompt does not say what it does"
    dark = [each for each in background.delays if each is None]
    assert not dark, f"the lamp stayed dark {len(dark)} of {len(background.delays)} times"
    judgement.require(
        "longest time from sensor to lamp",
        max(background.delays),
        Limit("s", upper=profile.limits.indicator),
        uncertainty=background.uncertainty,
        n=len(background.delays),
    )
    shown = set(background.lasting)
    assert shown == {background.lamp_on}, f"the lamp was {', '.join(sorted(shown))} while the camera recorded"
    if not background.ran:
        raise MethodError("MET-CAM-008", "the background function never ran, so its indication proves nothing")

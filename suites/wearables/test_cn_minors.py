"""CN-MNR and CN-CPI: protection of minors online, and of children's personal information, at a wearable."""

from pytest_conformance import Limit, MethodError, clause
from pytest_conformance.procedures.wearable_guardian import LOOK


@clause("CN-MNR-19.a")
def test_a_terminal_for_minors_filters_protects_limits_and_helps_guardians(minor_mode, profile, judgement):
    content, personal, time, controls = minor_mode.content, minor_mode.profile, minor_mode.time, minor_mode.controls
    assert not content.opened, f"{len(content.opened)} of {content.asked} harmful queries opened: {content.opened[0]}"
    assert personal.set_up_without_optional, "set-up does not end when everything optional is refused"
    assert not personal.stale, f"the corrected name is still old in {', '.join(personal.stale)}"
    assert not controls.missing, f"the guardian cannot control {', '.join(controls.missing)}"
    assert not controls.opened_when_forbidden, "an app opens that the guardian has forbidden"
    assert not controls.bought_above, "the child can buy above the guardian's limit"
    if not (controls.opened_before and controls.opened_when_allowed and controls.bought_within and time.ran):
        raise MethodError("MET-MNR-002", "what the guardian allows does not work either: a refusal says nothing")
    assert time.stopped_after is not None, "the time limit never stops the child"
    limit = Limit("s", upper=profile.limits.time_limit_stop)
    judgement.require("stop after the limit", time.stopped_after, limit, uncertainty=LOOK, n=1)
    assert not time.opens_again, "the app opens again although the time is over"
    if content.harmless_opened < content.compared:
        raise MethodError("MET-MNR-001", "harmless queries are blocked as well: a block says nothing")
    if len(personal.fresh) < 2:
        raise MethodError("MET-MNR-003", "the child's profile was not written")


@clause("CN-CPI-18")
def test_a_childs_information_is_given_to_the_guardian_only(disclosure):
    for each in disclosure.of("nobody", "false token", "stranger"):
        assert not each.gave_away, f"{each.who} got {each.path} (HTTP {each.status})"
    if not {"location", "profile"} <= set(disclosure.kinds):
        raise MethodError("MET-CPI-001", f"only {', '.join(disclosure.kinds) or 'nothing'} was there to be found")
    if not all(each.gave_away for each in disclosure.of("guardian")):
        raise MethodError("MET-CPI-002", "the guardian does not get it either: a refusal says nothing")

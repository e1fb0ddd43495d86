"""CN-STD: what GB/T 38632-2020 asks of devices that take up pictures and sound."""

from pytest_conformance import clause
from pytest_conformance.procedures.campaign_judging import require_resisted
from pytest_conformance.procedures.traffic import FACE_TEMPLATE, require_accounted


@clause("CN-STD-38632-auth")
def test_pictures_and_services_are_for_those_who_log_in(strangers):
    for who in ("fresh", "nobody", "wrong"):
        opened = [f"{each.wire} {each.what}" for each in getattr(strangers, who) if each.let_in]
        assert not opened, f"{who}: {', '.join(opened)} is open"
    strangers.require_reached()


@clause("CN-STD-38632-ind")
def test_people_see_and_control_whether_they_are_taken_up_and_off_means_off(capture_states):
    for state in capture_states.states:
        assert state.controlled, f"{state.name}: there is no control that does it"
        lamp = capture_states.lamp_on if state.wanted else "off"
        assert set(state.lamp) == {lamp}, f"{state.name}: the lamp is {', '.join(state.lamp)}"
        assert set(state.senses) == set(state.wanted), f"{state.name}: {', '.join(state.senses) or 'nothing'} senses"
        assert state.stream == 0 or "camera" in state.wanted, f"{state.name}: pictures can be had"
        assert state.sound == 0 or "microphone" in state.wanted, f"{state.name}: sound can be had"
        if "camera" not in state.wanted:
            assert not state.leaked, f"{state.name}: {state.leaked[0].kind} went to {state.leaked[0].host}"
            assert not state.kept, f"{state.name}: the face of {state.kept[0]} was kept"
    capture_states.require_sensing()
    require_accounted(capture_states.unseen, smallest=FACE_TEMPLATE)


@clause("CN-STD-41819-pad")
def test_no_artefact_is_taken_for_whom_it_shows(attack_campaign, judgement):
    require_resisted(attack_campaign, judgement)

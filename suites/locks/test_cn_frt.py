"""CN-FRT: Measures for the Security Management of the Application of Facial Recognition Technology, at a lock."""

from pytest_conformance import Limit, MethodError, clause
from pytest_conformance.analysis.policy_text import names_face
from pytest_conformance.procedures.latency_judging import require_timely
from pytest_conformance.procedures.traffic import (
    FACE_TEMPLATE,
    require_accounted,
    require_no_picture,
    require_spoken,
)
from pytest_conformance.procedures.traps import require_traps


@clause("CN-FRT-5.a")
def test_the_notice_comes_before_the_first_face_data(face_consent):
    before = face_consent.stages["before-rules"]
    assert not before.kept, "a face was kept before any notice was shown"
    assert not before.stored, f"{before.stored[0]} was stored before any notice was shown"
    assert not before.sent, "a face was sent before any notice was shown"
    accepted = face_consent.stages["accepted"]
    notices = [each for each in accepted.enrolment.asked if each.scope == "face"]
    assert notices, "enrolment began without a notice"
    assert names_face(notices[0].text), "the notice does not say that a face is processed"
    if not accepted.works:
        raise MethodError("MET-FRT-001", "the face was never enrolled, so nothing was seen of its processing")


@clause("CN-FRT-6.a")
def test_a_face_is_processed_only_after_its_own_consent(face_consent):
    for name in ("rules-only", "declined"):
        stage = face_consent.stages[name]
        assert not stage.kept and not stage.stored, f"{name}: a face was kept"
        assert not stage.sent, f"{name}: a face was sent"
        assert not stage.works, f"{name}: the face opens the door"
    accepted = face_consent.stages["accepted"]
    asked = [each for each in accepted.enrolment.asked if each.scope == "face"]
    assert asked, "no consent of its own was asked for"
    assert not asked[0].preticked, "the box is ticked before anybody touched it"
    assert len(asked[0].boxes) == 1 and ";" not in asked[0].boxes[0], "the consent is bundled with others"
    assert asked[0].can_decline, "the consent cannot be declined"
    if not accepted.works:
        raise MethodError("MET-FRT-001", "the face does not work even after consent: nothing can be concluded")


@clause("CN-FRT-6.c")
def test_withdrawing_is_easy_and_the_face_no_longer_works(withdrawal, profile, judgement):
    if not withdrawal.worked_before:
        raise MethodError("MET-FRT-002", "the face did not work before the withdrawal")
    assert withdrawal.done.ok, f"the declared way does not exist: {withdrawal.done.said}"
    extra = withdrawal.done.steps - withdrawal.giving_steps
    judgement.require("steps more than giving", extra, Limit("1", upper=profile.limits.withdrawal_extra_steps), n=1)
    opened = [each for each in withdrawal.attempts if each.opened]
    assert not opened, f"the face opened {len(opened)} of {len(withdrawal.attempts)} times after the withdrawal"
    assert withdrawal.templates_after == 0, "the template is still in storage"
    assert not withdrawal.kept, "a picture of the face is still in storage"
    assert withdrawal.cloud_left == 0, "a picture of the face is still in the cloud"


@clause("CN-FRT-7.a")
def test_a_child_is_enrolled_only_with_a_guardian(child_enrolment):
    assert not child_enrolment.refused.enrolled, "a child was enrolled without a guardian"
    assert not child_enrolment.wrong_code.enrolled, "a child was enrolled with a wrong guardian code"
    assert not child_enrolment.left, "a picture of the child was kept"
    assert not child_enrolment.sent, "the child's face was sent"
    assert not child_enrolment.works_without, "the child's face opens the door"
    if not child_enrolment.allowed.enrolled:
        raise MethodError("MET-FRT-003", "the child could not be enrolled even with a guardian")


@clause("CN-FRT-8.a")
def test_face_information_is_stored_in_the_device(enrolment_traffic, presentation_traffic, declaration):
    assert presentation_traffic.offline.opened, "without the uplink the face is not recognised"
    assert enrolment_traffic.templates > 0, "no template is on the device"
    for seen in (enrolment_traffic, presentation_traffic):
        assert not seen.traffic.faces(scope=""), f"{seen.traffic.name}: face information left the device"
        assert not seen.in_cloud, f"{seen.traffic.name}: the cloud holds the face of {seen.in_cloud[0]}"
        require_spoken(seen.traffic, declaration)
        require_traps(seen.traps, "restart", "night")


@clause("CN-FRT-8.b")
def test_face_information_stays_off_the_internet(enrolment_traffic, presentation_traffic, declaration):
    for seen in (enrolment_traffic, presentation_traffic):
        uploads = seen.traffic.faces(scope="internet")
        assert not uploads, f"{uploads[0].kind} of {uploads[0].matched or 'somebody'} went to {uploads[0].host}"
    for seen in (enrolment_traffic, presentation_traffic):
        require_no_picture(seen.traffic)
        require_spoken(seen.traffic, declaration)
        require_accounted(seen.traffic, smallest=FACE_TEMPLATE)
        require_traps(seen.traps, "restart", "night")
    if not enrolment_traffic.enrolled or not [each for each in presentation_traffic.attempts if each.opened]:
        raise MethodError("MET-FRT-004", "no face was enrolled and recognised: the trigger never fired")


@clause("CN-FRT-8.b")
def test_what_nobody_can_read_is_opened_in_between(presentation_traffic, request):
    if presentation_traffic.traffic.opaque_up < FACE_TEMPLATE:
        return
    interception = request.getfixturevalue("interception")
    uploads = interception.intercepted.faces(scope="internet")
    assert not uploads, f"{uploads[0].kind} of {uploads[0].matched or 'somebody'} went to {uploads[0].host}"
    interception.require_speaks_for_the_device()
    require_accounted(interception.intercepted, smallest=FACE_TEMPLATE)


@clause("CN-FRT-8.c")
def test_face_information_is_kept_no_longer_than_declared(retention, judgement):
    judgement.report("declared life of the enrolment picture", retention.picture_limit, "s")
    assert retention.picture_after == 0, "the enrolment picture is still there after its declared time"
    assert retention.user_after == 0, "records of the deleted user are still there"
    assert not retention.kept, "a picture of the face can still be read"


@clause("CN-FRT-10.a")
def test_the_face_is_not_the_only_way(alternatives):
    assert alternatives.without_face, "no other way is declared"
    broken = [name for name, done in alternatives.without_face.items() if not done.ok]
    assert not broken, f"without a face this does not work: {', '.join(broken)}"


@clause("CN-FRT-10.b", limit="decision")
def test_who_declines_gets_a_reasonable_other_way(alternatives, decision_latency, declaration, profile, judgement):
    assert alternatives.declined, "the face was enrolled although it was declined"
    limits = profile.limits
    judgement.require(
        "unlocks by PIN that succeed",
        alternatives.success,
        Limit("1", lower=limits.alternative_success),
        uncertainty=alternatives.reach(limits.alternative_success),
        n=len(alternatives.by_pin),
    )
    judgement.require("median time by PIN", alternatives.median, Limit("s", upper=limits.alternative_median))
    require_timely(decision_latency, limits.decision or declaration.timing.decision, judgement)


@clause("CN-FRT-14.a")
def test_face_data_at_rest_cannot_be_read(at_rest):
    assert at_rest.pictures == 0, f"{at_rest.pictures} pictures lie in the clear in storage"
    assert not at_rest.faces, f"the face of {at_rest.faces[0]} lies in the clear in storage"
    assert at_rest.template_like == 0, "a face template lies in the clear in storage"
    if not at_rest.planted:
        raise MethodError("MET-FRT-005", "no face was enrolled: an empty storage proves nothing")

"""CN-MIIT2510: what the notice of October 2025 says of faces, at a lock."""

from pytest_conformance import MethodError, clause
from pytest_conformance.procedures.traffic import require_accounted


@clause("CN-MIIT2510-V2")
def test_no_face_is_collected_before_notice_or_after_refusal(face_consent):
    for name in ("before-rules", "rules-only", "declined"):
        stage = face_consent.stages[name]
        assert not stage.kept and not stage.stored, f"{name}: a face was kept"
        assert not stage.sent, f"{name}: a face was sent"
    if not face_consent.stages["accepted"].works:
        raise MethodError("MET-FRT-001", "the face was never processed, so its absence proves nothing")


@clause("CN-MIIT2510-V6")
def test_a_recognised_face_adds_no_undeclared_volume(volume_experiment, declaration, judgement):
    allowance = declaration.traffic.event_message
    for each in volume_experiment.excesses:
        judgement.report(f"{each.host}: an event adds at least", each.lower, "byte", n=len(volume_experiment.events))
        judgement.report(f"{each.host}: an event adds at most", each.upper, "byte", n=len(volume_experiment.events))
    found = volume_experiment.beyond(allowance)
    assert not found, (
        f"each recognised face adds {found[0].lower:.0f} bytes or more to what goes to {found[0].host} "
        f"(99 %: {found[0].lower:.0f}..{found[0].upper:.0f}, p {found[0].p_adjusted:.2g}); declared are {allowance}"
    )
    volume_experiment.require_bounded(allowance)
    require_accounted(volume_experiment.traffic, smallest=allowance)

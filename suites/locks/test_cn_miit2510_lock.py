"""CN-MIIT2510: what the notice of October 2025 says of faces, at a lock."""

from pytest_conformance import MethodError, clause


@clause("CN-MIIT2510-V2")
def test_no_face_is_collected_before_notice_or_after_refusal(face_consent):
    for name in ("before-rules", "rules-only", "declined"):
        stage = face_consent.stages[name]
        assert not stage.kept and not stage.stored, f"{name}: a face was kept"
        assert not stage.sent, f"{name}: a face was sent"
    if not face_consent.stages["accepted"].works:
        raise MethodError("MET-FRT-001", "the face was never processed, so its absence proves nothing")

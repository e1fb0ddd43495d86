"""CN-FRT: Measures for the Security Management of the Application of Facial Recognition Technology, at a camera."""

from pytest_conformance import MethodError, clause
from pytest_conformance.procedures.traffic import FACE_TEMPLATE, require_accounted


@clause("CN-FRT-8.b")
def test_faces_in_view_stay_off_the_internet(faces_in_view):
    uploads = faces_in_view.traffic.content(("video",))
    assert not uploads, f"{uploads[0].kind} of {uploads[0].matched or 'somebody'} went to {uploads[0].host}"
    assert not faces_in_view.in_cloud, f"the cloud was sent the face of {faces_in_view.in_cloud[0]}"
    if not faces_in_view.persons:
        raise MethodError("MET-FRT-006", "the camera never noticed a face: the trigger never fired")
    require_accounted(faces_in_view.traffic, smallest=FACE_TEMPLATE)


@clause("CN-FRT-8.b")
def test_what_nobody_can_read_is_opened_in_between(faces_in_view, request):
    if faces_in_view.traffic.opaque_up < FACE_TEMPLATE:
        return
    interception = request.getfixturevalue("interception")
    uploads = interception.intercepted.content(("video",))
    assert not uploads, f"{uploads[0].kind} of {uploads[0].matched or 'somebody'} went to {uploads[0].host}"
    interception.require_speaks_for_the_device()
    require_accounted(interception.intercepted, smallest=FACE_TEMPLATE)

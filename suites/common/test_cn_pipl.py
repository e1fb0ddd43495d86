"""CN-PIPL: Personal Information Protection Law."""

from pytest_conformance import MethodError, clause
from pytest_conformance.procedures.traffic import FACE_TEMPLATE, require_accounted
from pytest_conformance.procedures.traps import require_traps


@clause("CN-PIPL-13.a")
def test_nothing_personal_is_kept_or_sent_before_anybody_agreed(pre_consent_traffic):
    assert not pre_consent_traffic.kept, f"{pre_consent_traffic.kept[0]} was in storage before any consent"
    assert not pre_consent_traffic.stored, (
        f"a record of kind {pre_consent_traffic.stored[0]} was made before any consent"
    )
    sent = pre_consent_traffic.traffic.personal()
    assert not sent, f"{sent[0].matched or sent[0].kind} went to {sent[0].host} before any consent"
    require_accounted(pre_consent_traffic.traffic, smallest=FACE_TEMPLATE)


@clause("CN-PIPL-16")
def test_refusing_what_is_optional_leaves_the_basic_functions(refusals):
    assert not refusals.broken(), f"no longer works: {', '.join(refusals.broken())}"


@clause("CN-PIPL-47.a")
def test_erased_data_is_gone_from_device_cloud_and_next_owner(erasure):
    for way, erased in erasure.ways.items():
        assert erased.done.ok, f"{way}: {erased.done.said}"
        erased.require_planted()
    left = erasure.left()
    assert not left, "; ".join(f"{way} left {', '.join(names)}" for way, names in left.items())


@clause("CN-PIPL-47.a")
def test_nothing_personal_is_sent_once_it_was_deleted(deletion_traffic):
    assert deletion_traffic.done.ok, f"{deletion_traffic.way}: {deletion_traffic.done.said}"
    sent = deletion_traffic.personal()
    assert not sent, f"after {deletion_traffic.way}: {sent[0]}"
    require_traps(deletion_traffic.traps, "restart", "night")
    require_accounted(deletion_traffic.after, smallest=FACE_TEMPLATE)
    if not deletion_traffic.before.personal(scope=""):
        raise MethodError("MET-ERA-003", "nothing personal was sent before the deletion either: silence says nothing")

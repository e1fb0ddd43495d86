"""CN-NDR: Network Data Security Management Regulations, at a lock."""

from pytest_conformance import clause
from pytest_conformance.procedures.traffic import FACE_TEMPLATE, require_accounted


@clause("CN-NDR-24")
def test_passers_by_and_cancelled_accounts_leave_nothing(passers_by):
    assert passers_by.new_records == 0, f"{passers_by.new_records} records about passers-by were kept"
    assert not passers_by.stored, f"records of kind {passers_by.stored[0]} were made while strangers passed"
    assert not passers_by.faces, f"the face of {passers_by.faces[0]} was kept"
    assert not passers_by.sent, "the face of a passer-by was sent"
    assert not passers_by.after_cancel, f"after cancelling the account {passers_by.after_cancel[0]} is still there"
    require_accounted(passers_by.traffic, smallest=FACE_TEMPLATE)

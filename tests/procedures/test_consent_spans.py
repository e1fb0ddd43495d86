from __future__ import annotations

from pytest_conformance.devices.roles import Logged
from pytest_conformance.procedures.consent_spans import consent_spans


def said(at: int, scope: str, given: bool) -> Logged:
    return Logged("consent", {"scope": scope, "given": given}, at)


def test_consents_are_cut_to_what_was_watched() -> None:
    log = [said(5, "rules", True), said(20, "cloud", True), said(30, "cloud", False), said(90, "late", True)]
    assert consent_spans(log, 10, 50) == (("rules", 10, 50), ("cloud", 20, 30))


def test_a_consent_given_again_makes_two_stretches_and_one_given_twice_only_one() -> None:
    log = [said(1, "a", True), said(2, "a", True), said(3, "a", False), said(4, "a", False), said(6, "a", True)]
    assert consent_spans(log, 0, 9) == (("a", 1, 3), ("a", 6, 9))


def test_erasing_all_ends_every_consent() -> None:
    log = [said(1, "a", True), Logged("erased", {"what": "face"}, 2), Logged("erased", {"what": "all"}, 4)]
    assert consent_spans(log, 0, 9) == (("a", 1, 4),)
    assert consent_spans(log, 5, 9) == ()

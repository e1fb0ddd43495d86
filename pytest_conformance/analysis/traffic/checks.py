"""The named judgements of an inspection; each rule family lives in a module of its own (design, section 11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic import checks_conduct, checks_content, checks_endpoints, checks_time
from pytest_conformance.analysis.traffic.model import Check

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.inspection import Inspection

Rule = Callable[["Inspection"], Check]

RULES: dict[str, Rule] = {
    "face-information-not-sent-to-internet": checks_content.face_not_sent,
    "face-information-stays-in-device": checks_content.face_stays,
    "no-undeclared-endpoint": checks_endpoints.no_undeclared_endpoint,
    "no-undeclared-collection": checks_content.no_undeclared_collection,
    "no-plaintext-personal-information": checks_endpoints.no_plaintext,
    "no-transmission-before-consent": checks_time.before_consent,
    "no-transmission-after-withdrawal": checks_time.after_withdrawal,
    "no-transmission-after-deletion": checks_time.after_deletion,
    "no-child-location-leaves": checks_content.no_location,
    "no-child-voice-leaves": checks_content.no_voice,
    "no-dns-tunnel": checks_conduct.no_dns_tunnel,
    "frequency": checks_conduct.frequency,
    "certificate-validation": checks_conduct.certificate_validation,
    "upload-volume-independent-of-enrolment": checks_conduct.volume_independent,
    "capture-complete": checks_conduct.capture_complete,
}


def judge(inspection: Inspection) -> dict[str, Check]:
    """Apply every rule; the names are fixed."""
    return {name: rule(inspection) for name, rule in RULES.items()}

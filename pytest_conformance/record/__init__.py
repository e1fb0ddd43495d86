"""The record of a run: journal, evidence, and what reads them back. Views live in `reports`."""

from pytest_conformance.record.events import FORMAT, Event, event_schemas
from pytest_conformance.record.evidence import Evidence, EvidenceStore
from pytest_conformance.record.findings import Finding
from pytest_conformance.record.journal import Journal, iterate_journal, read_journal
from pytest_conformance.record.plain import from_json, to_json
from pytest_conformance.record.run import JOURNAL_FILE, Phase, PlannedClause, Run
from pytest_conformance.record.store_check import verify_evidence
from pytest_conformance.record.verify import verify_journal, verify_run

__all__ = [
    "FORMAT",
    "JOURNAL_FILE",
    "Event",
    "Evidence",
    "EvidenceStore",
    "Finding",
    "Journal",
    "Phase",
    "PlannedClause",
    "Run",
    "event_schemas",
    "from_json",
    "iterate_journal",
    "read_journal",
    "to_json",
    "verify_evidence",
    "verify_journal",
    "verify_run",
]

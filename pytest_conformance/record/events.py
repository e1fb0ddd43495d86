"""The typed events of the journal and their published JSON Schemas. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pytest_conformance.errors import StorageError

FORMAT = "conformance-journal/1"
"""Named in the `start` event; a reader that does not know it refuses instead of guessing."""

SYNCED = frozenset(
    {"start", "plan", "campaign", "verdict", "operator", "amendment", "safe-state", "recovered", "stop", "checkpoint"}
)
"""Types that are on the disk before the bench goes on; the others are synced in groups."""

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_REFERENCE = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_REFERENCES = {"type": "array", "items": _REFERENCE}
_NUMBER = {"type": "number"}
_COUNT = {"type": "integer", "minimum": 0}
_OBJECT = {"type": "object"}
_VERDICT = {
    "enum": ["PASS", "CONDITIONAL_PASS", "INCONCLUSIVE", "CONDITIONAL_FAIL", "FAIL", "NOT_APPLICABLE", "NOT_TESTED"]
}
_CAUSE = {"enum": ["dut", "bench", "operator", "environment", "method", "aborted", None]}
_MEASUREMENT = {
    "type": "object",
    "required": ["name", "value", "unit"],
    "properties": {"name": _TEXT, "unit": _TEXT, "limit": _TEXT},
}
_PLANNED = {
    "type": "object",
    "required": ["id", "document", "applicable"],
    "properties": {
        "id": _TEXT,
        "document": _TEXT,
        "chapter": _TEXT,
        "title": _TEXT,
        "text": _TEXT,
        "text_status": _TEXT,
        "severity": _TEXT,
        "evidence_level": _TEXT,
        "applicable": {"type": "boolean"},
        "reason": _TEXT,
        "tests": _TEXTS,
        "derived_from": _TEXTS,
    },
}

_EVENTS: Mapping[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "start": (
        "The run begins: format of the journal, run id, and everything known before the first instrument is touched.",
        {"format": _TEXT, "run": _TEXT, "header": _OBJECT},
        ("format", "run", "header"),
    ),
    "plan": (
        "Clauses with their applicability and the tests that will judge them; a later plan adds rows and tests.",
        {"clauses": {"type": "array", "items": _PLANNED}, "documents": _OBJECT, "partial": {"type": "boolean"}},
        ("clauses",),
    ),
    "input": (
        "What the run rests on: bench, declaration, profile (kept as evidence `ref`), or suite (its `files`).",
        {"of": _TEXT, "name": _TEXT, "sha256": _TEXT, "ref": _REFERENCE, "files": _OBJECT, "masked": _COUNT},
        ("of",),
    ),
    "resumed": (
        "The run goes on after it was broken off: what was finished, what was void, in which boot.",
        {"finished": _COUNT, "void": _TEXTS, "reason": _TEXT},
        ("finished", "void"),
    ),
    "descriptor": (
        "What a device or an instrument is: identity, firmware, door, calibration. `of` is a role, or `device`.",
        {"of": _TEXT},
        ("of",),
    ),
    "observation": (
        "The result of a procedure, as data; `value_ref` names the evidence that holds it when it is long.",
        {"name": _TEXT, "kind": _TEXT, "value": {}, "value_ref": _REFERENCE, "evidence": _REFERENCES},
        ("name", "kind"),
    ),
    "procedure": (
        "A procedure began, ended, failed, or was void because the run broke off; observations stand alone.",
        {
            "name": _TEXT,
            "title": _TEXT,
            "state": {"enum": ["started", "done", "failed", "void"]},
            "attempt": {"type": "integer", "minimum": 1},
            "again": {"type": "boolean"},
            "reason": _TEXT,
            "error": _TEXT,
            "code": _TEXT,
            "cause": _CAUSE,
        },
        ("name", "state"),
    ),
    "campaign": (
        "A campaign's plan, sealed before its first trial; what happened to it between trials; how it ended.",
        {
            "campaign": _TEXT,
            "state": {"enum": ["sealed", "resumed", "enrolled", "withdrawn", "locked-out", "ended"]},
            "digest": _TEXT,
            "plan": _OBJECT,
            "trials": {"type": ["integer", "array"]},
            "number": _COUNT,
            "after": _COUNT,
            "reason": _TEXT,
            "seconds": {"type": ["number", "null"]},
            "resolution": _NUMBER,
            "decided": _OBJECT,
        },
        ("campaign", "state", "digest"),
    ),
    "trial": (
        "One recorded outcome of a campaign.",
        {"campaign": _TEXT, "number": _COUNT, "outcome": _TEXT, "void": {"type": "boolean"}, "reason": _TEXT},
        ("campaign", "number", "outcome"),
    ),
    "progress": (
        "What is being shown now, trials done and planned, and seconds until the expected end.",
        {"showing": _TEXT, "campaign": _TEXT, "done": _COUNT, "planned": _COUNT, "seconds_left": _NUMBER},
        (),
    ),
    "verdict": (
        "What one test (or a derivation) says of its clauses.",
        {
            "clauses": _TEXTS,
            "test": _TEXT,
            "verdict": _VERDICT,
            "cause": _CAUSE,
            "reason": _TEXT,
            "explanation": _TEXT,
            "code": _TEXT,
            "measurements": {"type": "array", "items": _MEASUREMENT},
            "evidence": _REFERENCES,
            "derived_from": _TEXTS,
        },
        ("clauses", "test", "verdict", "cause"),
    ),
    "operator": (
        "What a person was asked, or answered.",
        {
            "person": _TEXT,
            "prompt": _TEXT,
            "answer": _TEXT,
            "refused": _TEXT,
            "conflict": _TEXT,
            "override": _TEXT,
        },
        ("prompt",),
    ),
    "amendment": (
        "A correction: both values stay.",
        {"of_seq": _COUNT, "clauses": _TEXTS, "old": {}, "new": {}, "person": _TEXT, "reason": _TEXT},
        ("of_seq", "clauses", "new", "person", "reason"),
    ),
    "safe-state": (
        "Outputs were switched off, and what was read back.",
        {"reached": {"type": "boolean"}, "outputs": _OBJECT, "reason": _TEXT},
        ("reached",),
    ),
    "step": (
        "A step begins or ends; `id` pairs the two.",
        {
            "id": _COUNT,
            "parent": {"type": ["integer", "null"]},
            "state": {"enum": ["begin", "end"]},
            "phase": {"enum": ["Setup", "Stimulate", "Measure", "Evaluate"]},
            "title": _TEXT,
            "outcome": {"enum": ["passed", "failed", "broken"]},
            "error": _TEXT,
            "seconds": _NUMBER,
        },
        ("id", "state", "phase", "title"),
    ),
    "evidence": (
        "A file entered the evidence store; its name is data, its path comes from its hash.",
        {
            "ref": _REFERENCE,
            "file": _TEXT,
            "size": _COUNT,
            "name": _TEXT,
            "media_type": _TEXT,
            "caption": _TEXT,
            "face": {"type": "boolean"},
            "truncated": {"type": "boolean"},
            "drawing": {"type": "boolean"},
            "sealed": _TEXTS,
            "view": _REFERENCE,
            "was": _TEXT,
            "blurred": {"type": "boolean"},
        },
        ("ref", "file", "size", "name", "media_type", "face"),
    ),
    "checkpoint": (
        "The Merkle root (RFC 6962) over the first `events` lines; signed beside the journal, where there is a key.",
        {"events": _COUNT, "merkle_root": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
        ("events", "merkle_root"),
    ),
    "sequel": (
        "First in a sequel: how many events the journal had, and the hash of its last line.",
        {"run": _TEXT, "events": _COUNT, "head": _TEXT},
        ("run", "events", "head"),
    ),
    "opened": (
        "Somebody looked at a face: which evidence, whose, who and why.",
        {"ref": _REFERENCE, "subjects": _TEXTS, "person": _TEXT, "reason": _TEXT},
        ("ref", "subjects", "person", "reason"),
    ),
    "erased": (
        "A tombstone: the key of a subject was destroyed, and with it what `refs` showed.",
        {"subject": _TEXT, "person": _TEXT, "reason": _TEXT, "begun": _TEXT, "refs": _REFERENCES},
        ("subject", "person", "reason", "refs"),
    ),
    "released": (
        "A full bundle, with faces, was handed out.",
        {"person": _TEXT, "reason": _TEXT, "bundle": _TEXT},
        ("person", "reason"),
    ),
    "issued": (
        "A laboratory's report was issued: its number, its files by digest, what it said, and what it replaces.",
        {
            "number": _TEXT,
            "languages": _TEXTS,
            "files": {"type": "array", "items": _OBJECT},
            "laboratory_sha256": _TEXT,
            "replaces": _TEXT,
            "reason": _TEXT,
            "person": _TEXT,
            "said": _OBJECT,
        },
        ("number", "languages", "files", "said"),
    ),
    "golden": (
        "A check of the bench's golden samples: the last one before the run, or, in a sequel, the one after it.",
        {
            "when": {"enum": ["opening", "closing"]},
            "at": _TEXT,
            "person": _TEXT,
            "good": {"type": "boolean"},
            "judged": {"type": "array", "items": _OBJECT},
        },
        ("when", "at", "person", "good", "judged"),
    ),
    "restored": (
        "The run was brought back from a backup of `events` events; `added` were in its sequel then.",
        {"source": _TEXT, "events": _COUNT, "head": _TEXT, "added": _COUNT, "person": _TEXT, "reason": _TEXT},
        ("source", "events", "head", "person", "reason"),
    ),
    "note": ("Anything a reader of the record should know.", {"text": _TEXT}, ("text",)),
    "recovered": (
        "A torn line at the end of the journal, or evidence that was not recorded, was found and set aside.",
        {"file": _TEXT, "size": _COUNT, "sha256": _TEXT},
        ("file", "size", "sha256"),
    ),
    "stop": (
        "The run ended by itself.",
        {"exit_code": {"type": "integer"}, "partial": {"type": "boolean"}, "reason": _TEXT, "numbers": _TEXT},
        ("exit_code",),
    ),
}

EVENT_TYPES = frozenset(_EVENTS)
_REQUIRED = {kind: frozenset(required) for kind, (_, _, required) in _EVENTS.items()}


class Event(NamedTuple):
    """One line of the journal. `utc` is ISO 8601 with microseconds, `prev` the SHA-256 of the line before."""

    seq: int
    utc: str
    mono_ns: int
    boot_id: str
    type: str
    data: Mapping[str, Any]
    prev: str


def check_event(kind: str, data: Mapping[str, Any]) -> None:
    """Raise StorageError BEN-STO-008 for an unknown type or a missing field; "x-..." types are free."""
    if kind not in _EVENTS:
        if kind.startswith("x-"):
            return
        known = ", ".join(sorted(EVENT_TYPES))
        raise StorageError("BEN-STO-008", f"no event type {kind!r}", where="journal", expected=f"{known} or x-...")
    if not _REQUIRED[kind] <= data.keys():
        missing = [name for name in _EVENTS[kind][2] if name not in data]
        raise StorageError("BEN-STO-008", f"{kind} event without {', '.join(missing)}", where="journal")


def event_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema (2020-12) of each event type, for a whole journal line."""
    return {kind: _schema(kind, *definition) for kind, definition in _EVENTS.items()}


def _schema(kind: str, text: str, properties: dict[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    data = {"type": "object", "properties": properties, "required": list(required)}
    line = {
        "seq": _COUNT,
        "utc": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"},
        "mono_ns": _COUNT,
        "boot_id": _TEXT,
        "type": {"const": kind},
        "data": data,
        "prev": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{FORMAT} {kind}",
        "description": text,
        "type": "object",
        "properties": line,
        "required": list(line),
        "additionalProperties": False,
    }

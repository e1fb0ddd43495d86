"""`results.json`: the verdict of each clause as data, and its published schema (conformance-results/1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_conformance.record.files import write_atomically
from pytest_conformance.reports.wording import VERDICTS

SCHEMA = "conformance-results/1"
RESULTS_FILE = "results.json"
NO_TEST = "no-test"
"""Reason of an applicable clause for which no test exists."""


@dataclass(frozen=True)
class ClauseResult:
    """What is said of one clause, and what a view needs to say it.

    `verdict` and `cause` are the names of the lattice ("FAIL", "dut"); `measurements` have the keys of
    `verdicts.Measurement`. `text_status` tells how we know the text; `derived_from` the clauses whose verdict
    this one takes.
    """

    id: str
    document: str
    verdict: str
    cause: str | None = None
    reason: str = ""
    evidence_level: str = ""
    text_status: str = ""
    tests: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    measurements: tuple[Mapping[str, Any], ...] = ()
    severity: str = ""
    title: str = ""
    text: str = ""
    chapter: str = ""
    derived_from: tuple[str, ...] = field(default=())

    @property
    def follows(self) -> bool:
        """Whether the verdict comes from other clauses alone, wholly or in part."""
        return self.evidence_level == "derived"


def build_results(header: Mapping[str, Any], clauses: Iterable[ClauseResult], exit_code: int | None) -> dict[str, Any]:
    """Return the content of results.json.

    `header` is what the `start` event carries (`bench`, `mode`, `profile`, `versions`, `device`), with `id`,
    `started` and `partial`. `exit_code` is None when the run never came to its end.
    """
    device = header.get("device") or {}
    run = {name: str(header.get(name) or "") for name in ("id", "started", "bench", "mode")}
    return {
        "schema": SCHEMA,
        "run": {
            **run,
            "partial": bool(header.get("partial")),
            "profile": str(header.get("profile") or ""),
            "versions": {str(key): str(value) for key, value in (header.get("versions") or {}).items()},
        },
        "device": {name: str(device.get(name) or "") for name in ("kind", "model", "sample", "declaration_sha256")},
        "exit_code": exit_code,
        "clauses": [_row(clause) for clause in sorted(clauses, key=lambda each: (each.document, each.id))],
    }


def encode_results(results: Mapping[str, Any]) -> bytes:
    """Return results.json as bytes: strict ASCII JSON, the same bytes for the same content."""
    return json.dumps(results, ensure_ascii=True, allow_nan=False, indent=1).encode("ascii") + b"\n"


def write_results(folder: Path, results: Mapping[str, Any]) -> Path:
    """Write results.json into the run folder in one stroke and return its path."""
    target = folder / RESULTS_FILE
    write_atomically(target, encode_results(results))
    return target


def numbers_of(results: Mapping[str, Any]) -> str:
    """Return one SHA-256 over what results say and nothing of how: verdict, cause and measurements of each clause."""
    rows = [[row["id"], row["verdict"], row["cause"], row["measurements"]] for row in results["clauses"]]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=True, allow_nan=False, sort_keys=True).encode()).hexdigest()


def counts(clauses: Iterable[ClauseResult]) -> dict[str, dict[str, int]]:
    """Return, for each document, how many clauses have each verdict; documents in the order of the clauses."""
    table: dict[str, dict[str, int]] = {}
    for clause in clauses:
        row = table.setdefault(clause.document, dict.fromkeys(VERDICTS, 0))
        row[clause.verdict] += 1
    return table


def results_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of results.json."""
    text = {"type": "string"}
    texts = {"type": "array", "items": text}
    number = {"type": ["number", "null"]}
    measurement = {
        "name": text,
        "value": number,
        "unit": text,
        "uncertainty": number,
        "limit": text,
        "n": {"type": ["integer", "null"]},
    }
    clause = {
        "id": text,
        "document": text,
        "verdict": {"enum": list(VERDICTS)},
        "cause": {"enum": ["dut", "bench", "operator", "environment", "method", "aborted", None]},
        "reason": text,
        "evidence_level": text,
        "text_status": text,
        "tests": texts,
        "evidence": {"type": "array", "items": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}},
        "measurements": {"type": "array", "items": _closed(measurement)},
        "derived_from": texts,
    }
    run = {
        "id": text,
        "started": text,
        "bench": text,
        "mode": {"enum": ["mock", "lab", "replay", ""]},
        "partial": {"type": "boolean"},
        "profile": text,
        "versions": {"type": "object", "additionalProperties": text},
    }
    device = dict.fromkeys(("kind", "model", "sample", "declaration_sha256"), text)
    top = {
        "schema": {"const": SCHEMA},
        "run": _closed(run),
        "device": _closed(device),
        "exit_code": {"type": ["integer", "null"]},
        "clauses": {"type": "array", "items": _closed(clause)},
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMA, **_closed(top)}


def _closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _row(clause: ClauseResult) -> dict[str, Any]:
    return {
        "id": clause.id,
        "document": clause.document,
        "verdict": clause.verdict,
        "cause": clause.cause,
        "reason": clause.reason,
        "evidence_level": clause.evidence_level,
        "text_status": clause.text_status,
        "tests": list(clause.tests),
        "evidence": list(clause.evidence),
        "measurements": [plain_measurement(each) for each in clause.measurements],
        "derived_from": list(clause.derived_from),
    }


def plain_measurement(measured: Mapping[str, Any]) -> dict[str, Any]:
    """Return a measurement with exactly the six keys of results.json; what is no number becomes None."""
    count = measured.get("n")
    return {
        "name": str(measured.get("name", "")),
        "value": _number(measured.get("value")),
        "unit": str(measured.get("unit", "")),
        "uncertainty": _number(measured.get("uncertainty")),
        "limit": str(measured.get("limit", "")),
        "n": count if type(count) is int else None,
    }


def _number(value: object) -> float | int | None:
    """Return a number, or None for what is none (a tagged NaN of the journal, for example)."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def worst_first(clauses: Sequence[ClauseResult]) -> list[ClauseResult]:
    """Return the FAIL, CONDITIONAL_FAIL and INCONCLUSIVE clauses, gravest first."""
    order = ("FAIL", "CONDITIONAL_FAIL", "INCONCLUSIVE")
    return sorted((each for each in clauses if each.verdict in order), key=lambda each: order.index(each.verdict))

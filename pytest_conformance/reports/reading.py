"""What every view shows, read from the journal alone: header, device, verdict of each clause, evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_conformance.record import Event
from pytest_conformance.record.amendments import amended_events
from pytest_conformance.record.journal import encode
from pytest_conformance.record.sequel import read_sequel
from pytest_conformance.reports.results import NO_TEST, ClauseResult, build_results, plain_measurement
from pytest_conformance.verdicts import Cause, ClauseVerdict, Contribution, Verdict, fold


@dataclass
class Record:
    """A run as its journal tells it; views read this and nothing else.

    `header` holds the start header with `id`, `started`, `partial` and the device's descriptor folded in.
    `documents` maps ids to `title`, `title_zh`, `edition`. `evidence` maps references to their last `evidence`
    event's data. `head` is the hash of the last line, `ended` the UTC of the stop event ("" when it never came).
    """

    folder: Path
    header: dict[str, Any] = field(default_factory=dict)
    documents: dict[str, Mapping[str, str]] = field(default_factory=dict)
    clauses: list[ClauseResult] = field(default_factory=list)
    roles: dict[str, dict[str, Any]] = field(default_factory=dict)
    evidence: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    repeats: list[str] = field(default_factory=list)
    """Those of the notes that tell of a procedure that was done again."""
    golden: list[Mapping[str, Any]] = field(default_factory=list)
    """Checks of the bench's golden samples: the last before the run, then those after it."""
    trials: int = 0
    void: int = 0
    events: int = 0
    head: str = ""
    ended: str = ""
    exit_code: int | None = None
    numbers: str = ""
    """Digest of what the report said at the end of the run (`results.numbers_of`); "" where it was not recorded."""

    def results(self) -> dict[str, Any]:
        """Return the content of results.json."""
        return build_results(self.header, self.clauses, self.exit_code)

    @property
    def simulated(self) -> bool:
        """Whether the device was simulated: in this run, or in the one whose observations it judges again."""
        return "mock" in (self.header.get("mode"), (self.header.get("replay_of") or {}).get("mode"))

    @property
    def device(self) -> Mapping[str, Any]:
        device: Mapping[str, Any] = self.header.get("device") or {}
        return device


def read_record(folder: Path) -> Record:
    """Return the run in `folder`, from its journal and what was added after it. Raises StorageError as these do."""
    record = record_of(folder, amended_events(folder))
    record.golden += [each.data for each in read_sequel(folder) if each.type == "golden"]
    return record


def record_of(folder: Path, events: Iterable[Event]) -> Record:
    """Return the run that `events` tell of; `folder` is where its evidence lies."""
    record = Record(folder)
    plan: dict[str, dict[str, Any]] = {}
    said: dict[str, list[Mapping[str, Any]]] = {}
    last = None
    for event in events:
        _take(record, event)
        if event.type == "plan":
            _merge_plan(record, plan, event.data)
        elif event.type == "verdict":
            for clause in event.data["clauses"]:
                said.setdefault(clause, []).append(event.data)
        record.events += 1
        last = event
    if last is not None:
        record.head = _line_digest(last)
    record.header["partial"] = bool(record.header.get("partial")) or record.exit_code is None
    record.clauses = [_clause(row, said.get(name, []), record) for name, row in plan.items()]
    record.clauses.sort(key=lambda each: (each.document, each.id))
    return record


def _take(record: Record, event: Event) -> None:
    data = event.data
    if event.type == "start":
        record.header = {**data["header"], "id": data["run"], "started": event.utc}
    elif event.type == "descriptor" and data["of"] == "device":
        more = {name: value for name, value in data.items() if name != "of"}
        record.header["device"] = {**record.device, **more}
    elif event.type == "descriptor":
        record.roles.setdefault(str(data["of"]), {}).update({k: v for k, v in data.items() if k != "of"})
    elif event.type == "evidence":
        record.evidence[str(data["ref"])] = data
    elif event.type == "trial":
        record.trials += 1
        record.void += bool(data.get("void"))
    elif event.type == "campaign" and data["state"] == "withdrawn":
        record.void += len(data["trials"])
    elif event.type == "campaign" and data["state"] == "enrolled":
        record.notes.append(f"campaign {data['campaign']}: enrolled anew after trial {data['after']}: {data['reason']}")
    elif event.type == "procedure" and data.get("again"):
        attempt = f"attempt {data['attempt']} of {data['name']!r} was ended by a fault of the bench"
        record.repeats.append(f"{attempt}, and it was done again: {data.get('reason', '')}")
        record.notes.append(record.repeats[-1])
    elif event.type == "golden" and data not in record.golden:  # each worker of a parallel run tells it
        record.golden.append(data)
    elif event.type == "operator":
        _operator(record, data)
    elif event.type == "note":
        record.notes.append(str(data["text"]))
    elif event.type == "recovered":
        record.notes.append(f"what a kill left unfinished, {data['size']} bytes, was set aside as {data['file']}")
    elif event.type == "safe-state":
        record.notes += _unsafe(data)
    elif event.type == "stop":
        record.exit_code, record.ended = int(data["exit_code"]), event.utc
        record.numbers = str(data.get("numbers") or "")
        record.header["partial"] = bool(record.header.get("partial")) or bool(data.get("partial"))


def _operator(record: Record, data: Mapping[str, Any]) -> None:
    """Note what a reader must know of the people: conflicts, and who overrode that they are not authorised."""
    who, what = data.get("person", "somebody"), f"{data.get('answer')!r} to {data.get('prompt')!r}"
    if data.get("conflict"):
        record.notes.append(f"conflict: {data['conflict']}, then {who} answered {what}")
    if data.get("override"):
        record.header["accredited"] = False
        record.notes.append(f"not accredited: {who} is not authorised and answered {what}: {data['override']}")


def _unsafe(data: Mapping[str, Any]) -> list[str]:
    """Return what a reader must know of a safe state that was not reached, or that the supervisor had to reach."""
    said = []
    if not data["reached"]:
        said.append(f"safe state was not reached: {data.get('reason', '')}")
    elif data.get("alarm"):
        said.append(f"safe state was reached only by the upstream switch: {data['alarm']}")
    if data.get("by") == "supervisor":
        said.append(f"the supervisor switched the bench off: {data.get('trigger', '')}")
    if data.get("by") == "next owner":
        said.append(
            f"an earlier run left this bench unfinished; its outputs were switched off: {data.get('trigger', '')}"
        )
    if data.get("quarantine"):
        said.append("the bench is in quarantine until a named person releases it: `conformance bench release`")
    return said


def _merge_plan(record: Record, plan: dict[str, dict[str, Any]], data: Mapping[str, Any]) -> None:
    record.documents.update(data.get("documents", {}))
    record.header["partial"] = bool(record.header.get("partial")) or bool(data.get("partial"))
    for row in data["clauses"]:
        known = plan.get(row["id"], {})
        tests = dict.fromkeys([*known.get("tests", []), *row.get("tests", [])])
        plan[row["id"]] = {**known, **row, "tests": list(tests)}


def _clause(row: Mapping[str, Any], said: list[Mapping[str, Any]], record: Record) -> ClauseResult:
    verdict, cause, reason = _verdict(row, said, record)
    derived = [source for each in said for source in each.get("derived_from", [])]
    level = str(row.get("evidence_level") or "")
    return ClauseResult(
        id=row["id"],
        document=row["document"],
        verdict=verdict.value,
        cause=cause,
        reason=reason,
        evidence_level="derived" if derived and not _own(said) else level,
        text_status=str(row.get("text_status") or ""),
        tests=tuple(dict.fromkeys([*row["tests"], *(each["test"] for each in said if each["test"])])),
        evidence=tuple(dict.fromkeys(ref for each in said for ref in each.get("evidence", []))),
        measurements=tuple(plain_measurement(measured) for each in said for measured in each.get("measurements", [])),
        severity=str(row.get("severity") or ""),
        title=str(row.get("title") or ""),
        text=str(row.get("text") or ""),
        chapter=str(row.get("chapter") or ""),
        derived_from=tuple(dict.fromkeys([*derived, *row.get("derived_from", [])])),
    )


def _own(said: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [each for each in said if not each.get("derived_from")]


def _verdict(row: Mapping[str, Any], said: list[Mapping[str, Any]], record: Record) -> tuple[Verdict, str | None, str]:
    """Fold what was said; a clause's own tests outweigh a derivation, and a plan's "not applicable" both."""
    if not row["applicable"]:
        return Verdict.NOT_APPLICABLE, None, str(row.get("reason") or "")
    counted = _own(said) or said
    if counted:
        folded = fold(_contribution(each) for each in counted)
        reason = folded.reason + _faults_beside(folded, counted)
        return folded.verdict, folded.cause.value if folded.cause else None, reason
    if row["tests"]:
        return Verdict.NOT_TESTED, "aborted", "selected, but no verdict came: skipped, or the run ended before"
    return Verdict.NOT_TESTED, None, str(row.get("reason") or NO_TEST)


def _faults_beside(folded: ClauseVerdict, said: list[Mapping[str, Any]]) -> str:
    """Return the bench's faults in a test that failed: the FAIL is kept, and a reviewer must see both (case F16)."""
    if folded.verdict is not Verdict.FAIL:
        return ""
    failed = {each["test"] for each in said if each["verdict"] == "FAIL"}
    faults = [each for each in said if each["test"] in failed and each["verdict"] == "INCONCLUSIVE"]
    return "".join(f" [beside it, a reviewer must confirm: {each.get('reason') or each['code']}]" for each in faults)


def _contribution(data: Mapping[str, Any]) -> Contribution:
    cause = Cause(data["cause"]) if data["cause"] else None
    return Contribution(Verdict(data["verdict"]), data["test"], cause, str(data.get("reason") or ""))


def _line_digest(event: Event) -> str:
    import hashlib

    return hashlib.sha256(encode(event)).hexdigest()

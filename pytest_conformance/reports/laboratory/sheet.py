"""What stands in a laboratory's report, in its order, from a record and the laboratory's own part; draws nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_conformance.errors import ConformanceError
from pytest_conformance.record import EvidenceStore, iterate_journal
from pytest_conformance.record.attestation import read_attestations
from pytest_conformance.record.sequel import read_sequel
from pytest_conformance.record.timestamps import read_stamps
from pytest_conformance.reports.laboratory.file import Laboratory, Signed
from pytest_conformance.reports.laboratory.words import LABELS
from pytest_conformance.reports.reading import Record
from pytest_conformance.reports.results import ClauseResult
from pytest_conformance.reports.wording import TEXT_KNOWN, VERDICTS

STATEMENTS = ("only-items", "as-received", "in-full", "not-valid")
"""Statements that stand in every report, by their keys."""
REFERENCE = 12
"""Characters of an evidence hash that a row shows."""


@dataclass(frozen=True)
class Word:
    """A word of the message catalogue as a value."""

    key: str


Value = tuple["str | Word", ...]


@dataclass(frozen=True)
class Entry:
    """One line of the report: the key of its label, its value (empty when there is none), and whether it must be."""

    key: str
    value: Value
    mandatory: bool = True
    by_customer: bool = False


@dataclass(frozen=True)
class Measured:
    """One measured quantity of a clause, rounded to its uncertainty."""

    name: str
    value: str
    uncertainty: str
    unit: str
    limit: str
    trials: str


@dataclass(frozen=True)
class Row:
    """One clause: its words in both languages, what was measured, its verdict (a key of the catalogue) and why."""

    clause: str
    chinese: str
    english: str
    measured: tuple[Measured, ...]
    verdict: str
    unchecked: bool
    cause: str
    reason: str
    evidence: tuple[str, ...]

    @property
    def judged(self) -> bool:
        """Whether something was said of the clause."""
        return self.verdict not in ("NOT_APPLICABLE", "NOT_TESTED")


@dataclass(frozen=True)
class Change:
    """What a report says otherwise than the one that it replaces: a clause or a label's key, before and now."""

    item: str
    before: Value
    now: Value


@dataclass(frozen=True)
class Sheet:
    """Everything that the report says."""

    number: str
    cover: tuple[Entry, ...]
    notes: tuple[Entry, ...]
    summary: tuple[Entry, ...]
    sample: tuple[Entry, ...]
    pictures: tuple[tuple[str, Path], ...]
    conditions: tuple[Entry, ...]
    instruments: tuple[tuple[str, str, str], ...]
    results: Mapping[str, tuple[Row, ...]]
    rule: tuple[Entry, ...]
    deviations: tuple[Entry, ...]
    bench_notes: tuple[str, ...]
    corrections: tuple[tuple[str, str], ...]
    annexes: tuple[Entry, ...]
    simulated: bool = False
    self_test: bool = False
    changes: tuple[Change, ...] = field(default=())

    def entries(self) -> Iterator[Entry]:
        """Yield every line, in the order of the report."""
        for part in (self.cover, self.notes, self.summary, self.sample, self.conditions, self.rule, self.deviations):
            yield from part
        yield from self.annexes

    @property
    def missing(self) -> tuple[str, ...]:
        """Keys of what must be in the report and is not, in its order (fault case K05)."""
        return tuple(dict.fromkeys(each.key for each in self.entries() if each.mandatory and not any(each.value)))

    def said(self) -> dict[str, list[str]]:
        """Return what the report says, by label and by clause, in a form that two reports can be compared in."""
        found = {each.key: [_plain(part) for part in each.value] for each in self.entries()}
        for rows in self.results.values():
            for row in rows:
                numbers = [f"{each.name} {each.value} {each.unit}".strip() for each in row.measured]
                found[row.clause] = [row.verdict.rstrip("?"), row.cause, *numbers]
        return found


def sheet(record: Record, own: Laboratory, below: Path) -> Sheet:
    """Return the report of `record` with the laboratory's part `own`, whose photographs lie below `below`."""
    header, device = record.header, record.device
    shown = {each.shows for each in own.photographs}
    inputs = _inputs(record.folder)
    return Sheet(
        own.number,
        cover=(
            Entry("number", (own.number,)),
            Entry("model", _text(device.get("kind"), device.get("model"))),
            Entry("customer", _text(own.customer.name), by_customer=True),
            Entry("manufacturer", _text(own.manufacturer), mandatory=False, by_customer=True),
            Entry("order", (Word(own.order),) if own.order else ()),
            Entry("laboratory", _text(own.laboratory.name)),
            Entry("issued", _text(own.issued)),
        ),
        notes=(
            Entry("laboratory-address", _text(own.laboratory.address, own.laboratory.contact)),
            Entry("verification", (f"conformance verify {header.get('id', '')}",)),
            Entry("prevails", (Word(own.prevails),) if own.prevails else ()),
        ),
        summary=(
            Entry("serial", _text(own.sample.serial, device.get("sample")) if own.sample.serial else ()),
            Entry("hardware", _text(own.sample.hardware), by_customer=True),
            Entry("firmware", _text(device.get("firmware"), device.get("firmware_sha256"))),
            Entry("sample-count", _text(own.sample.count)),
            Entry("sample-condition", _text(own.sample.condition)),
            Entry("customer-address", _text(own.customer.address, own.customer.contact), by_customer=True),
            Entry("received", _received(own, str(header.get("started") or ""))),
            Entry("tested", _text(str(header.get("started") or "")[:10], record.ended[:10]) if record.ended else ()),
            Entry("location", _text(own.location)),
            Entry("methods", _methods(record)),
            Entry("totals", _totals(record.clauses)),
            *(Entry(key, _signed(each)) for key, each in _answerable(own)),
        ),
        sample=(
            Entry("views", _views(shown)),
            Entry("name-plate", (Word("name-plate"),) if "name-plate" in shown else ()),
            Entry("set-up", (Word("set-up"),) if "set-up" in shown else ()),
            Entry("configuration", _text(own.sample.configuration), by_customer=True),
            Entry("declaration", _text(device.get("declaration_sha256")), by_customer=True),
        ),
        pictures=tuple((each.shows, below / each.file) for each in own.photographs),
        conditions=(
            Entry("environment", _text(own.environment)),
            Entry("supply", _text(own.supply)),
            Entry("software", _software(header)),
            Entry("personnel", _text(*own.personnel)),
        ),
        instruments=tuple(_instruments(record, inputs.get("bench"))),
        results=_results(record.clauses),
        rule=(Entry("decision-rule", _rule(inputs.get("profile"))),),
        deviations=(
            Entry("partial", (Word("partial"),) if header.get("partial") else (), mandatory=False),
            Entry("deviations", _text(own.deviations)),
            Entry("opinions", _text(own.opinions), mandatory=False),
            Entry("replaces", _text(own.replaces.number) if own.replaces else (), mandatory=False),
            Entry("replace-reason", _text(own.replaces.reason) if own.replaces else (), mandatory=False),
        ),
        bench_notes=tuple(record.notes),
        corrections=tuple(_corrections(record.folder)),
        annexes=(
            Entry("run", _text(header.get("id"))),
            Entry("root", (f"{record.head} ({record.events})",)),
            Entry("signature", _signature(record.folder), mandatory=True),
            Entry("time-stamp", _stamps(record.folder), mandatory=False),
            Entry("trials", (f"{record.trials}, {record.void}",), mandatory=False),
            Entry("personal-data", _text(own.personal_data), mandatory=False),
        ),
        simulated=record.simulated,
        self_test=own.order == "self-test",
    )


def changes(before: Mapping[str, list[str]], now: Mapping[str, list[str]]) -> tuple[Change, ...]:
    """Return what differs between two reports, as `Sheet.said` tells them, in the order of the later one."""
    keys = dict.fromkeys([*now, *before])
    skipped = ("number", "issued", "replaces", "replace-reason", "prepared", "reviewed", "approved", "root")
    return tuple(
        Change(key, tuple(before.get(key, [])), tuple(now.get(key, [])))
        for key in keys
        if before.get(key) != now.get(key) and key not in skipped
    )


def rounded(value: float | None, uncertainty: float | None) -> str:
    """Return a number rounded to the second significant digit of its uncertainty; to six digits without one."""
    if value is None or not math.isfinite(value):
        return "" if value is None else str(value)
    if not uncertainty or not math.isfinite(uncertainty):
        return f"{value:.6g}"
    digits = 1 - math.floor(math.log10(abs(uncertainty)))
    return f"{round(value, digits):.{max(0, digits)}f}"


def _text(*parts: object) -> Value:
    return tuple(str(each) for each in parts if each not in (None, ""))


def _plain(part: str | Word) -> str:
    return part if isinstance(part, str) else part.key


def _received(own: Laboratory, started: str) -> Value:
    """Return the day of receipt; nothing where it lies after the first test, which cannot be."""
    day = own.sample.received
    return () if day is None or (started and day.isoformat() > started[:10]) else (day.isoformat(),)


def _answerable(own: Laboratory) -> tuple[tuple[str, Signed | None], ...]:
    return (("prepared", own.prepared), ("reviewed", own.reviewed), ("approved", own.approved))


def _signed(who: Signed | None) -> Value:
    return () if who is None else (who.person, who.date.isoformat())


def _views(shown: Iterable[str]) -> Value:
    """Return the views of the sample; nothing until front, back and side are there."""
    views = ("front", "back", "side")
    return tuple(Word(each) for each in views) if set(views) <= set(shown) else ()


def _methods(record: Record) -> Value:
    judged = {each.document for each in record.clauses if each.tests}
    found = [f"{name} {record.documents.get(name, {}).get('edition', '')}".strip() for name in sorted(judged)]
    return tuple(found)


def _totals(clauses: Iterable[ClauseResult]) -> Value:
    found: list[str | Word] = []
    rows = list(clauses)
    for verdict in VERDICTS:
        found += [Word(verdict), str(sum(1 for each in rows if each.verdict == verdict))]
    return tuple(found)


def _software(header: Mapping[str, Any]) -> Value:
    versions = [f"{name} {version}" for name, version in (header.get("versions") or {}).items()]
    return (*versions, str(header["tool_sha256"])) if header.get("tool_sha256") else ()


def _results(clauses: Iterable[ClauseResult]) -> dict[str, tuple[Row, ...]]:
    found: dict[str, list[Row]] = {}
    for each in clauses:
        found.setdefault(each.document, []).append(_row(each))
    ordered = sorted(found, key=lambda name: (not any(each.judged for each in found[name]), name))
    return {name: tuple(found[name]) for name in ordered}


def _row(clause: ClauseResult) -> Row:
    unchecked = clause.text_status not in TEXT_KNOWN
    cautious = unchecked and f"{clause.verdict}?" in LABELS
    cause = "environment-cause" if clause.cause == "environment" else str(clause.cause or "")
    shows_cause = clause.verdict in ("INCONCLUSIVE", "FAIL", "CONDITIONAL_FAIL")
    return Row(
        clause.id,
        clause.text or clause.title,
        clause.title or clause.text,
        tuple(_measured(each) for each in clause.measurements),
        f"{clause.verdict}?" if cautious else clause.verdict,
        unchecked and clause.verdict not in ("NOT_APPLICABLE", "NOT_TESTED"),
        cause if shows_cause else "",
        clause.reason,
        tuple(each.removeprefix("sha256:")[:REFERENCE] for each in clause.evidence),
    )


def _measured(told: Mapping[str, Any]) -> Measured:
    value, uncertainty = told.get("value"), told.get("uncertainty")
    return Measured(
        str(told["name"]),
        rounded(value, uncertainty),
        rounded(uncertainty, uncertainty),
        "" if told["unit"] == "1" else str(told["unit"]),
        str(told.get("limit") or ""),
        "" if told.get("n") is None else str(told["n"]),
    )


def _inputs(folder: Path) -> dict[str, Path]:
    """Return the bench file and the profile as they were kept at the start of the run."""
    store, found = EvidenceStore(folder), {}
    for event in iterate_journal(folder / "journal.jsonl"):
        if event.type == "input" and event.data.get("ref"):
            found[str(event.data["of"])] = store.find(str(event.data["ref"]))
    return found


def _instruments(record: Record, bench: Path | None) -> Iterator[tuple[str, str, str]]:
    """Yield role, identity as it was read at the run, and calibration as the bench file gave it."""
    calibrations: dict[str, str] = {}
    if bench is not None:
        from pytest_conformance.bench.file import load_bench

        for name, entry in load_bench(bench).roles.items():
            if entry.calibration is not None:
                own = entry.calibration
                calibrations[name] = f"{own.certificate}, {own.due.isoformat()}, {own.body}"
    for name, about in record.roles.items():
        identity = [str(about[each]) for each in ("manufacturer", "model", "serial", "firmware") if about.get(each)]
        yield name, ", ".join(identity), calibrations.get(name, "")


def _rule(profile: Path | None) -> Value:
    """Return the decision rule that the run's profile agreed on; nothing where it agreed on none."""
    if profile is None:
        return ()
    from pytest_conformance.declaration.profile import load_profile

    try:
        found = load_profile(profile)
    except ConformanceError:
        return ()
    return (str(found.rule),) if "rule" in found.model_fields_set else ()


def _corrections(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each correction of the record: the clause, and old and new value, person, time and reason."""
    for event in read_sequel(folder):
        if event.type == "amendment":
            data = event.data
            values = f"{data['old'].get('verdict')} → {data['new'].get('verdict')}"
            yield ", ".join(data["clauses"]), f"{values}; {data['person']}, {event.utc[:19]} UTC: {data['reason']}"


def _signature(folder: Path) -> Value:
    held = [each for each in read_attestations(folder) if each.ends and not each.fault and each.key is not None]
    return (f"{held[-1].key.name} ({held[-1].key.id})",) if held and held[-1].key is not None else ()


def _stamps(folder: Path) -> Value:
    return tuple(f"{each.time:%Y-%m-%d %H:%M:%S} UTC" for each in read_stamps(folder) if each.time is not None)

"""`report.html`: one self-contained file without script or external request, made from the journal and evidence."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_conformance.errors import StorageError
from pytest_conformance.record import EvidenceStore
from pytest_conformance.record.files import write_atomically
from pytest_conformance.record.views import claimed_size, for_view, shown_of
from pytest_conformance.reports.reading import Record
from pytest_conformance.reports.results import ClauseResult, counts, worst_first
from pytest_conformance.reports.wording import CAUSES, VERDICTS, one_line, text_mark, visible, word

REPORT_FILE = "report.html"
PICTURES = 40
"""Pictures shown in the report; the others are listed."""
THUMBNAIL, WIDE = 420, 900
"""Pixels of a picture's longer side in the report; wide ones (plots) get more room."""
LISTED = 1000
"""Rows of the evidence list; the others are counted."""
JUDGED = VERDICTS[:5]


@dataclass(frozen=True)
class Picture:
    """One picture of the report: a data URI of a re-encoded thumbnail."""

    source: str
    caption: str
    ref: str
    face: bool
    wide: bool


def write_report(record: Record) -> Path:
    """Write report.html into the run's folder and return its path. The same record gives the same bytes."""
    target = record.folder / REPORT_FILE
    write_atomically(target, render_report(record).encode("utf-8"))
    return target


def render_report(record: Record) -> str:
    """Return report.html as text; everything that came from a device is escaped, twice where it hides."""
    import jinja2

    templates = Path(__file__).parent / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(seen=visible, line=one_line, figure=_figure)
    page = environment.get_template("report.html.j2").render(**_content(record))
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def _content(record: Record) -> dict[str, Any]:
    mode = str(record.header.get("mode", ""))
    shown, left_out = _pictures(record)
    evidence = [{"caption": "", "truncated": False, **about} for about in record.evidence.values()]
    return {
        "css": (Path(__file__).parent / "templates" / "report.css").read_text("utf-8"),
        "mode": mode,
        "simulated": record.simulated,
        "facts": _facts(record),
        "draft": str((record.header.get("signing") or {}).get("unsigned") or "") if mode == "lab" else "",
        "header": {"id": "", **record.header},
        "device": {"kind": "", "model": "", "sample": "", **record.device},
        "record": record,
        "totals": _totals(record),
        "documents": _documents(record),
        "attention": [_row(each) for each in worst_first(record.clauses) if not each.follows],
        "followed": [_row(each) for each in worst_first(record.clauses) if each.follows],
        "measured": [(each, measured) for each in record.clauses for measured in each.measurements],
        "pictures": shown,
        "pictures_left_out": left_out,
        "roles": record.roles,
        "evidence": evidence[:LISTED],
        "evidence_left_out": max(0, len(evidence) - LISTED),
        "verdicts": VERDICTS,
        "doubtful": sum(1 for each in record.clauses if each.verdict in JUDGED and text_mark(each.text_status)),
    }


def _facts(record: Record) -> list[tuple[str, str]]:
    header, device = record.header, record.device
    versions = ", ".join(f"{name} {version}" for name, version in (header.get("versions") or {}).items())
    trials = f"{record.trials}, of which {record.void} void" if record.trials else ""
    code = "the run did not come to its end" if record.exit_code is None else str(record.exit_code)
    facts = [
        ("Run", header.get("id")),
        ("Started (UTC)", header.get("started")),
        ("Ended (UTC)", record.ended),
        ("Bench", header.get("bench")),
        ("Mode", header.get("mode")),
        ("Accredited", {True: "yes", False: "no"}.get(header["accredited"]) if "accredited" in header else None),
        ("Profile", header.get("profile")),
        ("Device", " ".join(str(device[name]) for name in ("kind", "model") if device.get(name))),
        ("Sample", device.get("sample")),
        ("Firmware", device.get("firmware")),
        ("Declaration SHA-256", device.get("declaration_sha256")),
        ("Known-bad behaviours", ", ".join(str(each) for each in header.get("known_bad") or ())),
        ("Seed", header.get("seed")),
        ("Trials", trials),
        ("Exit code", code),
        ("Golden samples", _golden(record)),
        ("Signature", _signature(header)),
        ("Time stamp", _time_stamp(record.folder)),
        ("Software", versions),
    ]
    return [(name, visible(value, 300)) for name, value in facts if value not in (None, "")]


def _signature(header: Mapping[str, Any]) -> str:
    signing = header.get("signing") or {}
    if signing.get("key"):
        return f"by key {signing['key']}; check it with `conformance verify`"
    return f"none: {signing['unsigned']}" if signing.get("unsigned") else ""


def _golden(record: Record) -> str:
    """Return what the checks of the bench's golden samples gave, and that the one after the run is still due."""
    if record.header.get("golden"):
        return f"this run judges golden sample {record.header['golden']}: it is no test of a product"
    said = [f"{each['when']} {each['at']}: {'good' if each['good'] else 'WRONG'}" for each in record.golden]
    if said and len(record.golden) == 1:
        said.append("no check after the run yet")
    return "; ".join(said)


def _time_stamp(folder: Path) -> str:
    """Return what an authority said of the time of the signatures, as it was answered; `verify` checks it."""
    from pytest_conformance.record.timestamps import read_stamps

    said = []
    for each in read_stamps(folder):
        when = f"{each.time:%Y-%m-%d %H:%M:%S} UTC" if each.time else f"time stamp pending: {each.pending}"
        said.append(f"{each.attestation}: {when}")
    return "; ".join(said)


def _totals(record: Record) -> dict[str, int]:
    table = counts(record.clauses)
    return {verdict: sum(row[verdict] for row in table.values()) for verdict in VERDICTS}


def _documents(record: Record) -> list[dict[str, Any]]:
    sections = []
    for name, row in counts(record.clauses).items():
        about = record.documents.get(name, {})
        clauses = [_row(each) for each in record.clauses if each.document == name]
        sections.append(
            {
                "id": name,
                "title": about.get("title", ""),
                "title_zh": about.get("title_zh", ""),
                "edition": about.get("edition", ""),
                "counts": row,
                "judged": [each for each in clauses if each["verdict"] in JUDGED],
                "rest": [each for each in clauses if each["verdict"] not in JUDGED],
            }
        )
    sections.sort(key=lambda each: (not each["judged"], each["id"]))
    return sections


def _row(clause: ClauseResult) -> dict[str, Any]:
    return {
        "id": clause.id,
        "title": clause.title or clause.text,
        "verdict": clause.verdict,
        "word": word(clause.verdict, clause.text_status),
        "cause": CAUSES.get(clause.cause or "", "") if clause.verdict != "PASS" else "",
        "reason": clause.reason,
        "level": clause.evidence_level,
        "text_status": clause.text_status or "not stated",
        "mark": text_mark(clause.text_status),
        "tests": clause.tests,
        "evidence": clause.evidence,
        "measurements": clause.measurements,
        "derived_from": clause.derived_from,
    }


def _pictures(record: Record) -> tuple[list[Picture], int]:
    """Return the pictures to show, those that verdicts cite first, and how many were left out."""
    cited = [ref for clause in worst_first(record.clauses) + record.clauses for ref in clause.evidence]
    order = [ref for ref in dict.fromkeys([*cited, *record.evidence]) if ref in record.evidence]
    wanted = [ref for ref in order if _is_shown(record.evidence[ref])]
    store = EvidenceStore(record.folder)
    shown = [picture for ref in wanted[:PICTURES] if (picture := _picture(store, record.evidence[ref])) is not None]
    return shown, max(0, len(wanted) - PICTURES)


def _is_shown(about: Mapping[str, Any]) -> bool:
    """Tell whether this is a picture of its own; the blurred version of a sealed one is shown in its place."""
    picture = str(about.get("media_type", "")).startswith("image/") or bool(about.get("view"))
    return picture and not about.get("blurred")


def _picture(store: EvidenceStore, about: Mapping[str, Any]) -> Picture | None:
    try:
        content, blur = shown_of(store, about)
    except (StorageError, OSError):
        return None
    width, height = claimed_size(content) or (1, 1)
    wide = width > 1.5 * height and not about["face"]
    view = for_view(content, face=blur, longest=WIDE if wide else THUMBNAIL)
    if view is None:
        return None
    source = "data:image/png;base64," + base64.b64encode(view).decode("ascii")
    return Picture(source, str(about.get("caption") or about["name"]), str(about["ref"]), bool(about["face"]), wide)


def _figure(value: object) -> str:
    """Write a number for people: up to six significant digits; what is no number as a dash."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–"
    return f"{value:.6g}"

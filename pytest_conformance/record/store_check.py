"""Check the evidence of a run against what its journal names: missing, changed, extra files. Changes nothing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pytest_conformance.record.events import Event
from pytest_conformance.record.findings import Finding, Verified

BUNDLE_FILE = "bundle.json"
"""In a redacted bundle: which evidence was withheld."""
_EVIDENCE = re.compile(r"evidence/([0-9a-f]{2})/(\1[0-9a-f]{62})\.[a-z0-9]{1,8}")


def verify_evidence(folder: Path, events: Iterable[Event]) -> list[Finding]:
    """Compare the evidence store under `folder` with the `evidence` events: missing, changed, extra files."""
    named = {str(each.data["file"]): each.data for each in events if each.type == "evidence"}
    return check_evidence(folder, named, Verified())


def check_reports(folder: Path, issued: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Return which files of the `issued` reports are not as they were issued; one that is not there is no finding."""
    findings = []
    for each in issued:
        for file in each["files"]:
            path = folder / "reports" / Path(str(file["name"])).name
            if path.is_file() and file_digest(path) != file["sha256"]:
                said = f"{path.name} is not report {str(each['number'])[:80]!r} as it was issued"
                findings.append(Finding("report-changed", said))
    return findings


def check_evidence(folder: Path, named: Mapping[str, Mapping[str, Any]], seen: Verified) -> list[Finding]:
    """Return what is wrong with the store under `folder`, given the `evidence` events by file name; count in `seen`."""
    findings = []
    withheld = _withheld(folder)
    for name, about in named.items():
        file = folder / name
        digest = str(about["ref"]).removeprefix("sha256:")
        parts = _EVIDENCE.fullmatch(name)
        if parts is None or parts[2] != digest:
            findings.append(Finding("evidence-changed", f"{name[:120]!a} is no name of evidence"))
        elif file.is_symlink() or (file.exists() and not file.is_file()):
            findings.append(Finding("evidence-changed", f"{name} is no regular file"))
        elif not file.exists():
            if f"sha256:{digest}" in withheld and may_be_withheld(about):
                seen.withheld += 1
            else:
                findings.append(Finding("evidence-missing", f"{name} is missing"))
        elif file_digest(file) != digest:
            findings.append(Finding("evidence-changed", f"{name} is not what was recorded"))
    for file in sorted((folder / "evidence").rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_dir() or name in named:
            continue
        parts = _EVIDENCE.fullmatch(name)
        if not seen.ended and parts is not None and file.is_file() and file_digest(file) == parts[2]:
            findings.append(Finding("unrecorded", f"{name} was kept, and the run broke off before it was recorded"))
        else:
            findings.append(Finding("evidence-extra", f"{name} is in no event of the journal"))
    return findings


def may_be_withheld(about: Mapping[str, Any]) -> bool:
    """Tell whether a redacted bundle may leave this evidence out: what shows a face, or may hold one.

    Text, tables and our own drawings stay; captures, pictures, videos and what nobody can read go.
    """
    if about.get("face") or about.get("sealed"):
        return True
    kind = str(about.get("media_type", ""))
    return not (kind.startswith("text/") or kind in ("application/json", "application/x-ndjson")) and not about.get(
        "drawing"
    )


def _withheld(folder: Path) -> frozenset[str]:
    """Return the references that the folder's `bundle.json` says were left out."""
    try:
        listed = json.loads((folder / BUNDLE_FILE).read_bytes())["withheld"]
        return frozenset(each for each in listed if isinstance(each, str))
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()


def file_digest(file: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

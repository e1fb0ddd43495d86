"""The evidence of an inspection as files: objects, an index, and for each finding what a reader needs to check it."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.analysis.traffic import evidence
from pytest_conformance.analysis.traffic.cutting import Cutter
from pytest_conformance.analysis.traffic.model import TransferredObject

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.inspection import Inspection

INDEX = "objects.json"
VOLUME = "volume.json"
FORMAT = "conformance-finding/1"
MOST_FINDINGS = 200
"""Findings that get a minimal capture; the index has all objects."""
_SUFFIX = re.compile(r"[a-z0-9]{1,12}")
_KEYLOG_LINE = re.compile(r"^[A-Z_0-9]+ ([0-9a-fA-F]{64}) [0-9a-fA-F]+$")


_LIBRARIES = ("pytest-conformance", "numpy", "opencv-python", "cryptography", "h2", "aioquic", "brotli", "zstandard")


def files(inspection: Inspection, sources: Sequence[Path | str | bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of each file. `sources` are the captures that were inspected, in the same order.

    A finding is an object that matched a canary, or may have. It gets `ID.json` with its frames, layers and
    distances, and `ID.pcap` (`ID.har`, `ID.flows`) with its packets and their conversations.
    """
    named: dict[str, str] = {}
    for each in inspection.objects:
        if each.sha256 not in named:
            named[each.sha256] = object_name(each)
            yield named[each.sha256], each.data
    rows = [index_row(each, named[each.sha256]) for each in inspection.objects]
    yield INDEX, _json(rows)
    yield from _findings(inspection, sources, named)
    volume = _volume(inspection)
    if volume is not None:
        yield VOLUME, _json(volume)


def object_name(found: TransferredObject) -> str:
    """Name the file of a recovered object: its digest, and its format as the suffix."""
    return f"{found.sha256}.{found.format if _SUFFIX.fullmatch(found.format) else 'bin'}"


def index_row(found: TransferredObject, file: str) -> dict[str, Any]:
    """Return one row of the index of objects."""
    return {
        "id": found.id,
        "file": file,
        "sha256": found.sha256,
        "kind": found.kind,
        "direction": found.direction,
        "scope": found.scope,
        "host": found.endpoint.host,
        "port": found.endpoint.port,
        "layers": list(found.layers),
        "capture": found.capture,
        "frames": list(found.frames),
        "canary": found.match.canary if found.hit and found.match is not None else None,
    }


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, default=str).encode()


def _findings(
    inspection: Inspection, sources: Sequence[Path | str | bytes], named: dict[str, str]
) -> Iterator[tuple[str, bytes]]:
    cutters: dict[int, Cutter] = {}
    seen: set[str] = set()
    for found in inspection.objects:
        if found.match is None or found.id in seen or len(seen) >= MOST_FINDINGS:
            continue
        seen.add(found.id)
        if found.capture not in cutters:
            cutters.clear()
            cutters[found.capture] = Cutter(sources[found.capture])
        cutter = cutters[found.capture]
        flows = [flow for flow in inspection.flows if flow.id == found.flow]
        first = min([found.time_first, *(flow.time_first for flow in flows)])
        last = max([found.time_last, *(flow.time_last for flow in flows)])
        small = cutter.cut(cutter.conversations(found.frames, first, last))
        suffix = "pcap" if cutter.packets else "har" if small.startswith(b"{") else "flows"
        secrets = _secrets(inspection, sources[found.capture], small) if cutter.packets else ""
        about = _about(inspection, found, named[found.sha256], cutter)
        about["minimal_capture"] = {"file": f"{found.id}.{suffix}", "sha256": _digest(small)}
        yield f"{found.id}.{suffix}", small
        if secrets:
            about["secrets"] = f"{found.id}.keylog"
            yield f"{found.id}.keylog", secrets.encode()
        yield f"{found.id}.json", _json(about)


def _digest(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def _about(inspection: Inspection, found: TransferredObject, file: str, cutter: Cutter) -> dict[str, Any]:
    """Everything that the evidence of one finding says (design, section 14)."""
    from pytest_conformance.analysis.traffic.results import decoy_known

    judged = [
        {"check": check.name, "verdict": check.verdict.value, "reason": check.reason}
        for check in inspection.checks.values()
        if found.id in check.evidence
    ]
    match = {} if found.match is None else asdict(found.match)
    if found.match is not None:
        match["decoy_configured"] = decoy_known(inspection.context, found.match)
    return {
        "format": FORMAT,
        "id": found.id,
        "kind": found.kind,
        "judged": judged,
        "object": {"file": file, "sha256": found.sha256, "bytes": found.size, "format": found.format},
        "capture": {"file": cutter.name, "sha256": cutter.sha256, "index": found.capture},
        "frames": list(found.frames),
        "stream_ranges": [list(pair) for pair in found.stream_ranges],
        "display_filter": evidence.display_filter(found) if cutter.packets else None,
        "layers": list(found.layers),
        "direction": found.direction,
        "scope": found.scope,
        "endpoint": asdict(found.endpoint),
        "time_first": found.time_first,
        "time_last": found.time_last,
        "time_uncertainty": inspection.context.policy.clock_uncertainty,
        "match": match,
        "tools": _tools(),
    }


def _tools() -> dict[str, str]:
    from importlib import metadata

    out = {"python": platform.python_version()}
    for name in (
        "pytest-conformance",
        "numpy",
        "opencv-python",
        "cryptography",
        "h2",
        "aioquic",
        "brotli",
        "zstandard",
    ):
        try:
            out[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            out[name] = "absent"
    return out


def _secrets(inspection: Inspection, source: Path | str | bytes, small: bytes) -> str:
    """Return the key log lines of the sessions that a minimal capture holds, by their client random."""
    from pytest_conformance.analysis.traffic.capture import Capture

    capture = Capture(source)
    try:
        text = inspection.context.keylog + "\n" + capture.secrets
    finally:
        capture.close()
    kept = []
    for line in text.splitlines():
        match = _KEYLOG_LINE.match(line.strip())
        if match is not None and bytes.fromhex(match.group(1)) in small:
            kept.append(line.strip())
    return "\n".join([*dict.fromkeys(kept), ""]) if kept else ""


def _volume(inspection: Inspection) -> dict[str, Any] | None:
    """Return the slots of the volume experiment with its statistics; None where there was none."""
    from pytest_conformance.analysis.traffic.volume import measure

    measured = measure(inspection)
    if measured is None:
        return None
    check = inspection.checks["upload-volume-independent-of-enrolment"]
    return {
        "verdict": check.verdict.value,
        "reason": check.reason,
        "explanation": check.explanation,
        "figures": dict(check.figures),
        "slot_seconds": inspection.context.policy.slot,
        "event_slots": list(measured.events),
        "bytes": measured.slots,
    }

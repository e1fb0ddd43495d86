"""The result of an inspection as plain data for files and the command line."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pytest_conformance.analysis.traffic.model import Accounting, FlowReport, Match, TransferredObject

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.context import Context
    from pytest_conformance.analysis.traffic.inspection import Inspection


def _object(item: TransferredObject) -> dict[str, Any]:
    out: dict[str, Any] = {
        "id": item.id,
        "kind": item.kind,
        "format": item.format,
        "bytes": item.size,
        "sha256": item.sha256,
        "direction": item.direction,
        "dst": item.endpoint.ip,
        "dst_scope": item.scope,
        "endpoint": asdict(item.endpoint),
        "layers": list(item.layers),
        "time": item.time_first,
        "time_last": item.time_last,
        "capture": item.capture,
        "frames": list(item.frames),
        "stream_ranges": [list(pair) for pair in item.stream_ranges],
        "name": item.name,
        "plaintext": item.plaintext,
        "face": item.kind == "face_image",
    }
    if item.width:
        out |= {"width": item.width, "height": item.height, "phash": item.phash, "dhash": item.dhash}
    if item.match is not None:
        out["match"] = asdict(item.match)
    if item.flags:
        out["flags"] = list(item.flags)
    return out


def _account(account: Accounting) -> dict[str, Any]:
    return asdict(account)


def _flow(flow: FlowReport) -> dict[str, Any]:
    out: dict[str, Any] = {
        "id": flow.id,
        "capture": flow.capture,
        "endpoint": asdict(flow.endpoint),
        "initiated_by_device": flow.initiated_by_device,
        "time": flow.time_first,
        "time_last": flow.time_last,
        "up": _account(flow.up),
        "down": _account(flow.down),
        "flags": list(flow.flags),
        "purpose": flow.purpose,
    }
    if flow.tls is not None:
        out["tls"] = asdict(flow.tls)
    return out


def as_json(inspection: Inspection) -> dict[str, Any]:
    """Return objects, endpoints, checks, accounting and validity as JSON-ready data."""
    return {
        "schema": "conformance-inspection/1",
        "captures": [
            {"name": facts.name, "packets": facts.tally.packets, "flags": list(facts.flags), "dropped": facts.dropped}
            for facts in inspection.captures
        ],
        "objects": [_object(item) for item in inspection.objects],
        "endpoints": [asdict(endpoint) for endpoint in inspection.endpoints],
        "checks": {
            name: {
                "verdict": check.verdict.value,
                "reason": check.reason,
                "explanation": check.explanation,
                "evidence": list(check.evidence),
                "todo": check.todo,
                "figures": dict(check.figures),
            }
            for name, check in inspection.checks.items()
        },
        "accounting": {
            "flows": [_flow(flow) for flow in inspection.flows],
            "internet_up": _account(inspection.accounting("internet")),
            "local_up": _account(inspection.accounting("local")),
        },
        "validity": [asdict(row) for row in inspection.validity],
    }


def decoy_known(context: Context, match: Match) -> bool:
    """Tell whether a decoy of the matched kind was given, so that its distance means something."""
    canary = context.canary
    known = {"phash": canary.decoy_faces, "template": canary.decoy_templates, "string": canary.decoy_strings}
    return bool(known.get(match.kind))

"""Rules on what left: face information, position, voice, undeclared kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic.model import Check, TransferredObject
from pytest_conformance.analysis.traffic.rulings import (
    PERSONAL,
    capacity_ruling,
    consented,
    fail,
    hits,
    suspects,
    unclear,
)

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.inspection import Inspection

_FACE = ("face_image", "template")


def _describe(found: list[TransferredObject]) -> str:
    first = found[0]
    match = first.match
    how = f"{match.kind} distance {match.distance:g} (limit {match.threshold:g})" if match else ""
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{first.kind} of {first.size} bytes to {first.endpoint.host}, {how}, frames {_frames(first)}{more}"


def _frames(item: TransferredObject) -> str:
    frames = item.frames
    if not frames:
        return "unknown"
    return str(frames[0]) if len(frames) == 1 else f"{frames[0]}..{frames[-1]}"


def _face(inspection: Inspection, name: str, scope: str | None, allow_consented: bool) -> Check:
    found = [o for o in hits(inspection, _FACE, scope) if not (allow_consented and consented(inspection, o))]
    if found:
        return fail(name, "canary-match", _describe(found), found, objects=len(found))
    doubtful = [*suspects(inspection, _FACE, scope), *suspects(inspection, ("image",), scope)]
    if doubtful:
        match = doubtful[0].match
        reason = {"detector": "face-not-canary", "shape": "template-shaped"}.get(
            match.kind if match else "", "face-suspect"
        )
        return unclear(name, reason, "may be the enrolled face: " + _describe(doubtful), "a person must look", doubtful)
    if (
        not inspection.context.canary.faces
        and not inspection.context.canary.templates
        and not inspection.context.canary.fiducials
    ):
        return unclear(
            name,
            "no-canary",
            "no reference picture or template was given, so no face could be recognised",
            "enrol a subject that the bench knows",
        )
    smallest = inspection.context.policy.smallest_face_information
    return capacity_ruling(inspection, name, smallest, scope, "face information")


def face_not_sent(inspection: Inspection) -> Check:
    """Face information is not sent over the internet without valid separate consent."""
    return _face(inspection, "face-information-not-sent-to-internet", "internet", True)


def face_stays(inspection: Inspection) -> Check:
    """Face information stays in the device: nothing leaves, to the local network neither."""
    return _face(inspection, "face-information-stays-in-device", None, False)


def no_undeclared_collection(inspection: Inspection) -> Check:
    """No object of a kind that the supplier did not declare goes up."""
    name = "no-undeclared-collection"
    declared = set(inspection.context.declared_kinds)
    kinds = [kind for kind in PERSONAL if kind not in declared]
    found = [o for o in hits(inspection, kinds, "internet") if not (o.kind in _FACE and consented(inspection, o))]
    if found:
        return fail(name, "undeclared-kind", _describe(found), found, objects=len(found))
    smallest = inspection.context.policy.smallest_face_information
    return capacity_ruling(inspection, name, smallest, "internet", "an undeclared object")


def _leaves(inspection: Inspection, name: str, kind: str, smallest: int, armed: bool) -> Check:
    found = hits(inspection, (kind,), "internet")
    if found:
        return fail(name, "canary-match", _describe(found), found, objects=len(found))
    doubtful = suspects(inspection, (kind,), "internet")
    if doubtful:
        return unclear(name, f"{kind}-suspect", _describe(doubtful), "a person must look", doubtful)
    if not armed:
        return unclear(name, "no-canary", f"no canary {kind} was planted", f"plant a {kind} that the bench knows")
    return capacity_ruling(inspection, name, smallest, "internet", f"a {kind}")


def no_location(inspection: Inspection) -> Check:
    """A child's position does not leave."""
    context = inspection.context
    return _leaves(
        inspection,
        "no-child-location-leaves",
        "position",
        context.policy.smallest_position,
        bool(context.canary.positions),
    )


def no_voice(inspection: Inspection) -> Check:
    """A child's voice does not leave."""
    context = inspection.context
    armed = context.canary.voice is not None
    found = inspection.uploads("internet", ("audio",))
    if found and not hits(inspection, ("voice",), "internet"):
        return unclear(
            "no-child-voice-leaves",
            "audio-not-canary",
            "audio was sent that is not the played phrase: " + f"{found[0].format}, {found[0].size} bytes",
            "a person must listen",
            found,
        )
    return _leaves(inspection, "no-child-voice-leaves", "voice", context.policy.smallest_voice, armed)

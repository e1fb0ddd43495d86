"""From a capture to a `Traffic` observation: what the bench knows becomes the context, findings become evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_conformance.apart import WorkDiedError, apart
from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.traffic import Sighting, Spoken, Traffic

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic import Canary, Context, Event, FlowReport, Inspection, TransferredObject
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.drivers.roles import CaptureFile
    from pytest_conformance.procedures.canaries import Canaries
    from pytest_conformance.record import Run

MEDIA_TYPES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "json": "application/json"}
MOST_KEPT = 40
"""Recovered objects of one capture that are kept as evidence of their own."""
SLOT = 0.25
"""Seconds of capture whose bytes are one point of the timeline."""
TELLTALE = ("face_image", "face_template", "image", "position", "voice", "string", "identifier", "template")


def context(
    file: CaptureFile, keys: str, declaration: Declaration, canaries: Canaries, local: Sequence[str] = ()
) -> Context:
    """Return what an inspection of `file` needs to know: addresses, endpoints, canaries, keys, marked events."""
    from pytest_conformance.analysis.traffic import Context, DeclaredEndpoint

    return Context(
        macs=file.device_macs,
        addresses=file.device_addresses,
        companions=file.phone_addresses,
        local_networks=(*file.local_networks, *local),
        events=tuple(_event(label, wall) for label, _, wall in file.marks),
        canary=_canary(canaries),
        endpoints=tuple(
            DeclaredEndpoint(each.host, each.port, each.protocol, each.purpose, each.after or "")
            for each in declaration.endpoints
        ),
        keylog=keys,
        capture_drops=file.dropped,
    )


def _event(label: str, wall: float) -> Event:
    """Return a mark as the analysis takes it: of a repeated enrolment its type and the person, of others the label."""
    from pytest_conformance.analysis.traffic import Event
    from pytest_conformance.analysis.traffic.context import PROBE

    kind, _, who = label.partition(" ")
    return Event(wall, kind, who) if kind == PROBE else Event(wall, label)


@dataclass(frozen=True)
class Seen:
    """What the child that read a capture sends back: a `Traffic` without evidence, and the contents to be kept.

    `contents` goes with the first of the objects. Destinations are not compared with the declaration yet.
    """

    objects: tuple[Sighting, ...]
    contents: tuple[bytes, ...]
    spoken: tuple[Spoken, ...]
    checks: dict[str, tuple[str, str]]
    opaque_up: int
    gap_up: int
    reasons: tuple[str, ...]
    sent_at: tuple[tuple[int, str, int], ...]
    volumes: dict[str, tuple[float, ...]]


def inspected(
    run: Run,
    file: CaptureFile,
    *,
    name: str,
    span: tuple[int, int],
    reference: str,
    marks: Sequence[tuple[str, int]],
    keys: str,
    declaration: Declaration,
    canaries: Canaries,
    local: Sequence[str] = (),
    slots: Sequence[tuple[str, str]] = (),
    meanwhile: Callable[[], None] = lambda: None,
) -> Traffic:
    """Inspect one finished capture in a child process, and keep what it gave away as evidence.

    Raises MethodError MET-CAP-010 when the child dies of the capture (fault case H10).
    """
    known = context(file, keys, declaration, canaries, local)
    try:
        seen = apart(look, file, known, span, tuple(slots), meanwhile=meanwhile)
    except WorkDiedError as error:
        raise MethodError(
            "MET-CAP-010",
            f"the packets of {name!r} cannot be read: {error}",
            where=reference,
            expected="a capture that the inspection survives",
            todo="the capture is kept as evidence: report it as a fault of the inspection",
        ) from error
    objects = tuple(_kept(run, each, seen.contents[at : at + 1]) for at, each in enumerate(seen.objects))
    return Traffic(
        name,
        file.door,
        span[0],
        span[1],
        file.packets,
        file.dropped,
        tuple(marks),
        objects,
        tuple(replace(each, declared=_declared(each, declaration)) for each in seen.spoken),
        seen.checks,
        seen.opaque_up,
        seen.gap_up,
        seen.reasons,
        seen.sent_at,
        (reference, *dict.fromkeys(each.ref for each in objects if each.ref and each.matched)),
        seen.volumes,
    )


def look(file: CaptureFile, known: Context, span: tuple[int, int], slots: Sequence[tuple[str, str]]) -> Seen:
    """Return what the capture `file` gives away. This runs in the child: it meets the device's bytes."""
    from pytest_conformance.analysis.traffic import inspect

    found = inspect([file.path], known)
    clock = _BenchTime(file.marks, span)
    senders = {flow.id: sender_of(flow.client, known) for flow in found.flows}
    ordered = sorted(found.objects, key=lambda o: TELLTALE.index(o.kind) if o.kind in TELLTALE else 99)
    up = [flow.up for flow in found.flows if flow.endpoint.scope == "internet"]
    return Seen(
        tuple(_sighting(each, clock, senders.get(each.flow, "device")) for each in ordered),
        tuple(each.data for each in ordered[:MOST_KEPT]),
        _spoken(found, known),
        {key: (check.verdict.value, check.reason) for key, check in found.checks.items()},
        sum(account.opaque for account in up),
        sum(account.gap for account in up),
        tuple(dict.fromkeys(reason for account in up for reason in account.reasons)),
        tuple(
            (clock.at(wall), host, size)
            for host, samples in found.timeline(SLOT).items()
            for wall, size in samples
            if size
        ),
        _volumes(found, file, slots),
    )


def _volumes(found: Inspection, file: CaptureFile, slots: Sequence[tuple[str, str]]) -> dict[str, tuple[float, ...]]:
    if not slots:
        return {}
    from pytest_conformance.analysis.traffic.slots import slot_volumes

    wall = {label: at for label, _, at in file.marks}
    volumes = slot_volumes(found, [(wall[begin], wall[end]) for begin, end in slots])
    return {host: tuple(row) for host, row in volumes.items()}


def names_in(blob: bytes, canaries: Canaries) -> tuple[str, ...]:
    """Return the names of planted things that can be read out of `blob`."""
    from pytest_conformance.analysis.traffic import Context
    from pytest_conformance.analysis.traffic.blob import scan

    found = scan(blob, Context(canary=_canary(canaries)))
    return tuple(
        dict.fromkeys(each.match.canary for each in found if each.match is not None and not each.match.suspect)
    )


def _canary(canaries: Canaries) -> Canary:
    """Return what was planted as the analysis takes it."""
    from pytest_conformance.analysis.traffic import Canary, Position
    from pytest_conformance.analysis.traffic.context import FaceTemplate

    return Canary(
        faces=dict(canaries.faces),
        templates=tuple(FaceTemplate(name, values) for name, values in canaries.templates.items()),
        decoy_faces=dict(canaries.decoys),
        strings=dict(canaries.strings),
        identifiers=dict(canaries.identifiers),
        positions=tuple(Position(*place, name) for name, place in canaries.places.items()),
        voice=next(iter(canaries.voices.values()), None),
    )


def clear_content(blob: bytes, canaries: Canaries) -> tuple[int, tuple[str, ...], int]:
    """Return what lies in the clear in `blob`: number of pictures, names of planted faces, template-like runs."""
    from pytest_conformance.analysis.traffic import Canary, Context
    from pytest_conformance.analysis.traffic.blob import scan

    found = scan(blob, Context(canary=Canary(faces=dict(canaries.faces), decoy_faces=dict(canaries.decoys))))
    pictures = [each for each in found if each.kind in ("image", "face_image")]
    faces = tuple(dict.fromkeys(each.match.canary for each in pictures if each.match and not each.match.suspect))
    vectors = [each for each in found if each.kind in ("template", "face_template")]
    return len(pictures), faces, len(vectors)


class _BenchTime:
    """Turns packet times (seconds since the epoch) into bench time by the capture's marks."""

    def __init__(self, marks: Sequence[tuple[str, int, float]], span: tuple[int, int]) -> None:
        self._marks = sorted((wall, bench) for _, bench, wall in marks)
        self._span = span

    def at(self, wall: float) -> int:
        before = [mark for mark in self._marks if mark[0] <= wall]
        if before:
            mark_wall, mark_bench = before[-1]
        elif self._marks:
            mark_wall, mark_bench = self._marks[0]
        else:
            return self._span[0]
        return mark_bench + int((wall - mark_wall) * 1e9)


def _sighting(found: TransferredObject, clock: _BenchTime, sender: str) -> Sighting:
    return Sighting(
        "face_template" if found.kind == "template" and found.hit else found.kind,
        found.format,
        "",
        found.size,
        found.direction,
        found.scope,
        sender,
        found.endpoint.host,
        found.endpoint.ip,
        found.endpoint.port,
        tuple(found.layers),
        tuple(found.frames),
        clock.at(found.time_first),
        found.match.canary if found.hit and found.match is not None else "",
        found.distance,
        found.data[:200].decode("utf-8", "replace") if found.kind in ("string", "identifier", "position") else "",
    )


def _kept(run: Run, found: Sighting, content: Sequence[bytes]) -> Sighting:
    """Keep the content of an object as evidence, where there is one, and return the object with its reference."""
    if not content or not content[0]:
        return found
    face = found.kind in ("face_image", "face_template") or (
        found.kind in ("image", "template") and bool(found.matched)
    )
    reference = run.evidence(
        content[0],
        name=f"{found.kind}.{found.format}",
        media_type=MEDIA_TYPES.get(found.format, "application/octet-stream"),
        caption=f"{found.kind}, {found.direction} {found.host}:{found.port}",
        face=face,
    )
    return replace(found, ref=reference)


def sender_of(client: str, known: Context) -> str:
    """Return whose `client` ("address:port") is: "phone" when the address is a companion's, else "device"."""
    from ipaddress import ip_address, ip_network

    address = ip_address(client.rpartition(":")[0].split("%")[0])
    phones = (ip_network(text, strict=False) for text in known.companions)
    return "phone" if any(address in network for network in phones) else "device"


def _spoken(found: Inspection, known: Context) -> tuple[Spoken, ...]:
    """Return one row for each destination, sender and strength of encryption."""
    rows: dict[tuple[str, ...], list[FlowReport]] = {}
    for flow in found.flows:
        point, tls = flow.endpoint, flow.tls
        strength = (tls.version, tls.cipher) if tls is not None else ("", "")
        sender = sender_of(flow.client, known)
        key = (sender, point.host, point.ip, str(point.port), point.proto, *strength, point.transport)
        rows.setdefault(key, []).append(flow)
    return tuple(_one_spoken(key[0], flows) for key, flows in rows.items())


def _one_spoken(sender: str, flows: Sequence[FlowReport]) -> Spoken:
    point, tls = flows[0].endpoint, flows[0].tls
    return Spoken(
        point.host,
        point.ip,
        point.port,
        point.proto,
        sender,
        point.scope,
        any(each.endpoint.plaintext for each in flows),
        False,
        sum(each.up.total for each in flows),
        tls.version if tls is not None else "",
        tls.cipher if tls is not None else "",
        point.transport,
    )


def _declared(spoken: Spoken, declaration: Declaration) -> bool:
    return declaration.endpoint_for(spoken.host, spoken.port, spoken.sender) is not None

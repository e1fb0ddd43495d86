"""Watch what leaves the device: capture around a stimulus, and inspect the packets afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_conformance.errors import InstrumentError, MethodError
from pytest_conformance.procedures.consent_spans import consent_spans
from pytest_conformance.verdicts import Verdict

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.drivers.roles import CaptureFile
    from pytest_conformance.procedures.canaries import Canaries
    from pytest_conformance.record import Run

FACE_TEMPLATE = 128
"""Bytes of the smallest face template that counts as one (traffic analysis, section 1)."""
FACE_PICTURE = 1000
"""Bytes of the smallest face picture that counts as one."""
POSITION = 4
"""Bytes of the smallest position that counts as one."""
SHAPES: Mapping[str, tuple[str, ...]] = {
    "face_picture": ("face_image", "face_template", "image"),
    "enrolment_picture": ("face_image", "face_template"),
    "face_template": ("face_image", "face_template"),
    "passer_by_picture": ("face_image", "face_template"),
    "video": ("face_image", "image", "video"),
    "recording": ("face_image", "image", "video"),
    "audio": ("voice", "audio"),
    "voice_message": ("voice", "audio"),
    "location": ("position",),
}
"""How kinds of personal data, as a declaration names them, look when they are found in packets."""


@dataclass(frozen=True)
class Sighting:
    """An object that crossed the boundary, and where it went. `at` is bench time (ns) of its first byte."""

    kind: str
    format: str
    ref: str
    size: int
    direction: str
    scope: str
    sender: str
    host: str
    address: str
    port: int
    layers: tuple[str, ...]
    frames: tuple[int, ...]
    at: int
    matched: str = ""
    distance: float | None = None
    value: str = ""


@dataclass(frozen=True)
class Spoken:
    """A destination that was spoken to: how, and whether it was declared for this sender."""

    host: str
    address: str
    port: int
    protocol: str
    sender: str
    scope: str
    plaintext: bool
    declared: bool
    bytes_up: int
    tls_version: str = ""
    cipher: str = ""
    transport: str = "tcp"


@dataclass(frozen=True)
class Traffic:
    """What the packets of one watched span say."""

    name: str
    door: str
    began: int
    ended: int
    packets: int
    dropped: int
    marks: tuple[tuple[str, int], ...]
    objects: tuple[Sighting, ...]
    endpoints: tuple[Spoken, ...]
    checks: Mapping[str, tuple[str, str]]
    opaque_up: int
    gap_up: int
    opaque_reasons: tuple[str, ...] = ()
    sent_at: tuple[tuple[int, str, int], ...] = ()
    """Bytes that went up: bench time (ns), host, size; for the timeline."""
    evidence: tuple[str, ...] = ()
    volumes: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Bytes of payload to the internet in each slot of `Recording.slot`, by host and in "total"."""
    consents: tuple[tuple[str, int, int], ...] = ()
    """Consents that were in force meanwhile, by the device's log: scope, from and to in bench ns; for the timeline."""

    def sent(self, *kinds: str, scope: str = "internet") -> tuple[Sighting, ...]:
        """Return objects of `kinds` (all when none is named) that went up to `scope` ("" for anywhere)."""
        return tuple(
            each
            for each in self.objects
            if each.direction == "up" and (not kinds or each.kind in kinds) and (not scope or each.scope == scope)
        )

    def personal(self, scope: str = "internet") -> tuple[Sighting, ...]:
        """Return what of persons went up to `scope`: planted things, and pictures, voices, places of anybody."""
        shapes = {shape for shapes in SHAPES.values() for shape in shapes}
        return tuple(each for each in self.sent(scope=scope) if each.matched or each.kind in shapes)

    def faces(self, scope: str = "internet") -> tuple[Sighting, ...]:
        """Return face pictures and face templates that went up to `scope`."""
        return self.sent("face_image", "face_template", scope=scope)

    def content(self, kinds: Sequence[str]) -> tuple[Sighting, ...]:
        """Return what went to the internet that is, or carries, personal data of `kinds` (declaration's words)."""
        wanted = {shape for kind in kinds for shape in SHAPES.get(kind, (kind,))}
        return tuple(each for each in self.sent() if each.kind in wanted)

    def to(self, host: str) -> tuple[Spoken, ...]:
        return tuple(each for each in self.endpoints if each.host == host)

    def undeclared(self) -> tuple[Spoken, ...]:
        """Return internet destinations that got application bytes and are not declared."""
        return tuple(
            each for each in self.endpoints if not each.declared and each.scope == "internet" and each.bytes_up > 0
        )


def require_accounted(traffic: Traffic, smallest: int) -> None:
    """Refuse to conclude from silence when an object of `smallest` bytes could have left unread.

    Raises InstrumentError BEN-CAP-015 when the capture itself lost packets, MethodError MET-TRF-001 when stream gaps
    or bytes that could not be read leave room for it (traffic analysis, section 9.6).
    """
    if traffic.dropped:
        raise InstrumentError(
            "BEN-CAP-015",
            f"the capture lost {traffic.dropped} packets",
            where=f"capture {traffic.name!r}",
            expected="no packet lost by the kernel or by the capturing program",
            todo="give the capture less other traffic or a larger buffer, and repeat the run",
        )
    reasons = []
    if traffic.packets == 0:
        reasons.append("the capture is empty")
    if traffic.opaque_up + traffic.gap_up >= smallest:
        why = f" ({', '.join(traffic.opaque_reasons)})" if traffic.opaque_reasons else ""
        reasons.append(
            f"{traffic.opaque_up} bytes to the internet could not be read{why}, {traffic.gap_up} are missing"
        )
    if reasons:
        raise MethodError(
            "MET-TRF-001",
            "; ".join(reasons),
            where=f"capture {traffic.name!r}",
            expected=f"fewer than {smallest} unread bytes upstream",
            todo="lend the key log of the test build, or have the endpoint's own log",
        )


def require_spoken(traffic: Traffic, declaration: Declaration) -> None:
    """Refuse to conclude from silence when the device spoke to none of its declared endpoints in the whole span.

    What its phone said does not count. Raises MethodError MET-TRF-002: an uplink that does not work hides every leak.
    """
    declared = [each for each in declaration.endpoints if each.sender == "device"]
    spoken = [each for each in traffic.endpoints if each.declared and each.bytes_up and each.sender == "device"]
    if declared and not spoken:
        raise MethodError(
            "MET-TRF-002",
            "the device spoke to none of its declared endpoints",
            where=f"capture {traffic.name!r}",
            expected=f"at least one of {', '.join(sorted({each.host for each in declared}))}",
            todo="check the uplink and the names on the bench's network, then repeat",
        )


def require_no_picture(traffic: Traffic) -> None:
    """Refuse to conclude when a picture of something, or what looks like a template, went to the internet.

    Raises MethodError MET-FRT-008 (picture) or MET-FRT-007 (shaped like a template, traffic analysis, section 7.3).
    """
    if others := traffic.sent("image"):
        raise MethodError("MET-FRT-008", f"a picture went to {others[0].host}", todo="let a person look at it")
    if shaped := traffic.sent("template"):
        raise MethodError(
            "MET-FRT-007",
            f"numbers that look like a face template went to {shaped[0].host}",
            todo="have the test build export its templates, or enrol one subject twice and another once",
        )


def is_declared(sent: Sighting, declaration: Declaration) -> bool:
    """Tell whether personal data that was sent has a declared endpoint of its sender that may carry its kind.

    Objects that are no personal data are always fine. A planted string (a name, an account) counts as declared
    where the endpoint carries any personal data at all.
    """
    personal = {shape for shapes in SHAPES.values() for shape in shapes}
    if not sent.matched and sent.kind not in personal:
        return True
    endpoint = declaration.endpoint_for(sent.host, sent.port, sent.sender)
    if endpoint is None:
        return False
    carried = [kind for kind in endpoint.kinds if kind != "device_status"]
    if sent.kind in personal:
        return any(sent.kind in SHAPES.get(kind, (kind,)) for kind in carried)
    return bool(carried)


@dataclass
class Recording:
    """A capture that is running; `mark` an event, read `traffic` after the block."""

    bench: Bench
    marks: list[tuple[str, int]] = field(default_factory=list)
    slots: list[tuple[str, str]] = field(default_factory=list)
    """Labels of the marks at which the slots of an experiment began and ended."""
    traffic: Traffic | None = None

    def mark(self, event: str) -> int:
        """Put a marker into the capture; return its bench time."""
        self.bench.capture.mark(event)
        at = self.bench.clock.now()
        self.marks.append((event, at))
        return at

    @contextmanager
    def slot(self, label: str) -> Iterator[None]:
        """Make the block one slot of an experiment, whose bytes are counted on their own; labels are unique."""
        self.slots.append((label, f"{label} ends"))
        self.mark(label)
        try:
            yield
        finally:
            self.mark(f"{label} ends")

    def result(self) -> Traffic:
        """Return what was seen; only after the block."""
        if self.traffic is None:
            raise RuntimeError("the recording has not ended yet")
        return self.traffic


class Tap:
    """Starts and stops captures, and has them inspected with what the bench knows of this run."""

    def __init__(self, bench: Bench, run: Run, device: Any, declaration: Declaration, canaries: Canaries) -> None:
        self.bench = bench
        self.run = run
        self.device = device
        self.declaration = declaration
        self.canaries = canaries

    @contextmanager
    def watch(self, name: str, *, keys: bool = True, more_keys: Callable[[], str] | None = None) -> Iterator[Recording]:
        """Capture everything that the device and its phone send within the block; inspect it at the end.

        With `keys` False the key log that the supplier lends is left aside: what is found then, anybody finds;
        `more_keys` returns further session keys at the end, for example those of an interceptor. The
        capture ends also when the block fails; it is then kept as evidence and not inspected.
        """
        recording = Recording(self.bench)
        capture = self.bench.capture
        capture.start(name)
        began = self.bench.clock.now()
        try:
            yield recording
        except BaseException:
            broken_off = capture.stop()
            self._keep(name, broken_off)
            self._remove(broken_off)
            raise
        ended = self.bench.clock.now()
        file = capture.stop()
        reference = self._keep(name, file)
        with self.run.step("Measure", f"Inspect the packets of {name!r}"):
            lent = (self.device.keys() if keys else "") + (more_keys() if more_keys is not None else "")
            seen = self._inspect(name, file, reference, recording, (began, ended), lent)
            recording.traffic = replace(seen, consents=consent_spans(self.device.log(), began, ended))
        self._remove(file)

    def _remove(self, file: CaptureFile) -> None:
        """Remove the file as it was captured, where the record holds it sealed: it may show a face."""
        if self.run.vault is not None:
            file.path.unlink(missing_ok=True)

    def _keep(self, name: str, file: CaptureFile) -> str:
        return self.run.evidence(
            file.path,
            name=f"{name}.pcapng",
            media_type="application/x-pcapng",
            caption=f"packets of {name} through door {file.door}, {file.packets} packets, {file.dropped} lost",
            face=True,
        )

    def _inspect(
        self, name: str, file: CaptureFile, reference: str, recording: Recording, span: tuple[int, int], keys: str
    ) -> Traffic:
        from pytest_conformance.procedures.inspection import inspected

        return inspected(
            self.run,
            file,
            name=name,
            span=span,
            reference=reference,
            marks=recording.marks,
            slots=recording.slots,
            keys=keys,
            declaration=self.declaration,
            canaries=self.canaries,
            local=self.bench.file.network.local_networks if self.bench.file.network else (),
            meanwhile=self.bench.beat,
        )


@pytest.fixture(scope="session")
def tap(bench: Bench, run: Run, device: Any, declaration: Declaration, canaries: Canaries) -> Tap:
    """Watch what leaves the device: `with tap.watch("enrolment") as recording: ...`."""
    return Tap(bench, run, device, declaration, canaries)


def merged(name: str, parts: Sequence[Traffic]) -> Traffic:
    """Return the traffic of several spans as one, for judgements over all of them; each check is the worst of its own.

    Of no spans an empty capture is made, from which nothing can be concluded.
    """
    checks: dict[str, tuple[str, str]] = {}
    for key, said in (row for each in parts for row in each.checks.items()):
        if key not in checks or Verdict(said[0]).gravity > Verdict(checks[key][0]).gravity:
            checks[key] = said
    return Traffic(
        name,
        parts[0].door if parts else "",
        min((each.began for each in parts), default=0),
        max((each.ended for each in parts), default=0),
        sum(each.packets for each in parts),
        sum(each.dropped for each in parts),
        tuple(mark for each in parts for mark in each.marks),
        tuple(found for each in parts for found in each.objects),
        tuple(found for each in parts for found in each.endpoints),
        checks,
        sum(each.opaque_up for each in parts),
        sum(each.gap_up for each in parts),
        tuple(dict.fromkeys(reason for each in parts for reason in each.opaque_reasons)),
        tuple(sample for each in parts for sample in each.sent_at),
        tuple(dict.fromkeys(ref for each in parts for ref in each.evidence)),
    )

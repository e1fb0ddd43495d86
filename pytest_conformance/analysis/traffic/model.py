"""The plain data that an inspection returns: endpoints, objects, flows, checks. No logic beyond small views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pytest_conformance.analysis.traffic.columns import Samples
from pytest_conformance.analysis.traffic.shelf import Content
from pytest_conformance.verdicts import Verdict

Direction = Literal["up", "down"]
Scope = Literal["internet", "local"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Whom the device spoke with.

    `host` is the best known name or the address in text; `proto` the innermost protocol recognised ("http",
    "mqtt", "tls", "dns", "private", ...); `plaintext` is True when content was read without keys; `name_source`
    one of "sni", "quic-sni", "ech-outer", "http-host", "dns", "certificate", "address".
    """

    host: str
    ip: str
    port: int
    proto: str
    plaintext: bool
    name_source: str = "address"
    transport: str = "tcp"
    scope: Scope = "internet"


@dataclass(frozen=True)
class Match:
    """How an object was recognised as a canary.

    `kind`: "sha256", "phash", "fiducial", "template", "string", "position", "voice", "detector", "shape".
    `distance` is in the unit of the kind (bits for phash, 1 - cosine for templates, degrees for positions);
    `threshold` its limit; `decoy` the distance to the decoy canary, None when no decoy was configured.
    """

    kind: str
    canary: str
    distance: float
    threshold: float
    decoy: float | None = None
    transform: str = ""
    suspect: bool = False


@dataclass(frozen=True)
class TransferredObject:
    """One object that crossed the network, as recovered.

    `kind`: "face_image", "image", "template", "string", "identifier", "position", "voice", "audio", "video",
    "data". `layers` name the way from packet to object with the parameter of each; `frames` count from 1 in the
    capture of index `capture`; times are seconds since the epoch; `stream_ranges` are offsets in the reassembled
    stream of the direction. The bytes may lie on the disk: `data` reads them each time, `size` and `sha256` do not.
    """

    kind: str
    format: str
    content: Content = field(repr=False)
    direction: Direction
    scope: Scope
    endpoint: Endpoint
    layers: tuple[str, ...]
    time_first: float
    time_last: float
    frames: tuple[int, ...]
    width: int | None = None
    height: int | None = None
    phash: str | None = None
    dhash: str | None = None
    match: Match | None = None
    capture: int = 0
    flow: int = 0
    name: str = ""
    plaintext: bool = False
    flags: tuple[str, ...] = ()
    stream_ranges: tuple[tuple[int, int], ...] = ()

    @property
    def data(self) -> bytes:
        """The bytes of the object. Raises OSError when the disk does not give them back."""
        return self.content.read()

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return self.content.size

    @property
    def sha256(self) -> str:
        """Its SHA-256 in hex."""
        return self.content.sha256

    @property
    def id(self) -> str:
        """Stable name of the finding: same input, same id."""
        return f"{self.kind}-{self.capture}-{self.frames[0] if self.frames else 0}-{self.sha256[:12]}"

    @property
    def hit(self) -> bool:
        """True when a canary was matched beyond doubt (not merely suspected)."""
        return self.match is not None and not self.match.suspect

    @property
    def distance(self) -> float | None:
        """Distance to the matched canary, in the unit of the match."""
        return None if self.match is None else self.match.distance

    @property
    def decoy_distance(self) -> float | None:
        """Distance to the decoy canary, None when none was configured or nothing matched."""
        return None if self.match is None else self.match.decoy


@dataclass(frozen=True, slots=True)
class Transfer:
    """One message body as it travelled: its label (topic, method and path), size after decoding, and digest."""

    label: str
    declared: str
    size: int
    sha256: str
    direction: Direction
    layers: tuple[str, ...]
    flow: int = 0


@dataclass(slots=True)
class Accounting:
    """Where the payload bytes of one flow and direction ended: the four add up to `total`."""

    total: int = 0
    understood: int = 0
    hit: int = 0
    opaque: int = 0
    gap: int = 0
    covert: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, other: Accounting) -> None:
        """Add another account to this one, reasons included."""
        self.total += other.total
        self.understood += other.understood
        self.hit += other.hit
        self.opaque += other.opaque
        self.gap += other.gap
        self.covert += other.covert
        for reason, count in other.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count


@dataclass(frozen=True)
class TlsInfo:
    """What a TLS or QUIC handshake showed."""

    version: str = ""
    cipher: str = ""
    sni: str = ""
    alpn: tuple[str, ...] = ()
    ech: bool = False
    decrypted: bool = False
    fingerprint: str = ""
    certificate_names: tuple[str, ...] = ()
    certificates_sha256: tuple[str, ...] = ()
    issuer: str = ""
    alerts: tuple[tuple[str, int], ...] = ()
    offered_versions: tuple[str, ...] = ()
    offered_ciphers: tuple[int, ...] = ()
    completed: bool = False
    client_certificate_requested: bool = False
    key_log_match: bool = False


@dataclass(frozen=True, slots=True)
class FlowReport:
    """One conversation of the device: endpoint, times, volumes, accounting of each direction."""

    id: int
    capture: int
    endpoint: Endpoint
    client: str
    initiated_by_device: bool
    time_first: float
    time_last: float
    up: Accounting
    down: Accounting
    volume_up: int
    volume_down: int
    layers: tuple[str, ...]
    tls: TlsInfo | None = None
    flags: tuple[str, ...] = ()
    samples: Samples = field(default_factory=Samples, repr=False)
    purpose: str = ""
    messages: int = 0

    @property
    def opaque(self) -> int:
        """Upstream bytes that nobody could read."""
        return self.up.opaque


@dataclass(frozen=True)
class Check:
    """One named judgement: verdict, reason code, a sentence, and the ids of the findings behind it."""

    name: str
    verdict: Verdict
    reason: str
    explanation: str = ""
    evidence: tuple[str, ...] = ()
    todo: str = ""
    figures: Mapping[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class ValidityCheck:
    """One row of "is the run valid?": ok, reason code when not, and the sentence for the report."""

    name: str
    ok: bool
    reason: str = ""
    explanation: str = ""
    remark: bool = False

"""What the bench knew when it captured: addresses, events, canaries, declared endpoints, keys, policy. Plain data."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ALWAYS_LOCAL = (
    "224.0.0.0/4",
    "ff00::/8",
    "255.255.255.255/32",
    "fe80::/10",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "::1/128",
)
"""Multicast, broadcast, link-local and loopback never leave the bench's segment."""


PROBE = "template_probe"
"""Type of the event that begins an enrolment of the same-subject test; its scope is the person."""


@dataclass(frozen=True)
class Event:
    """Something that the bench did or saw, `t` in seconds since the epoch; `scope` says to what it applies."""

    t: float
    type: str
    scope: str = ""


@dataclass(frozen=True)
class DeclaredEndpoint:
    """One endpoint of the supplier's declaration.

    `host`: name, `*.example` wildcard, address or network; `port` None means any; `after` names the event type
    (for example "consent_granted") before which the device must not use it; `purpose` such as
    "face-cloud-backup" marks an endpoint that serves the consented purpose only.
    """

    host: str
    port: int | None = None
    protocol: str = ""
    purpose: str = ""
    after: str = ""


@dataclass(frozen=True)
class Position:
    """A place in WGS-84 decimal degrees."""

    latitude: float
    longitude: float
    name: str = "position"


@dataclass(frozen=True)
class FaceTemplate:
    """A face template as the device or a test build exports it: a vector of numbers."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Canary:
    """What was planted so that its way out can be recognised.

    Pictures are file contents (PNG, JPEG, ...). `strings` and `identifiers` map a name to its value.
    `fiducials` are ArUco 4x4 ids placed in view. The decoy is never shown to the device. `keys` are secrets that
    the bench knows (pre-shared keys, serial numbers to derive keys from).
    """

    faces: Mapping[str, bytes] = field(default_factory=dict)
    templates: tuple[FaceTemplate, ...] = ()
    strings: Mapping[str, str] = field(default_factory=dict)
    identifiers: Mapping[str, str] = field(default_factory=dict)
    positions: tuple[Position, ...] = ()
    fiducials: tuple[int, ...] = ()
    voice: bytes | None = None
    decoy_faces: Mapping[str, bytes] = field(default_factory=dict)
    decoy_templates: tuple[FaceTemplate, ...] = ()
    decoy_strings: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Policy:
    """Limits that drive the verdicts; sizes in bytes, times in seconds.

    `smallest_*` are the L_min of the design: the least representation that still counts as the object.
    """

    smallest_face: int = 1000
    smallest_template: int = 128
    smallest_voice: int = 600
    smallest_position: int = 4
    grace: float = 0.5
    clock_uncertainty: float = 0.0
    tail: float = 0.0
    phash_match: int = 10
    phash_suspect: int = 16
    template_cosine: float = 0.6
    position_degrees: float = 0.02
    handshake_allowance: int = 32
    volume_allowance: int = 1024
    volume_only_pass: bool = False
    volume_face_fail: bool = False
    consented_scopes: tuple[str, ...] = ("face-cloud-backup", "cloud_face", "face")
    plaintext_any_fails: bool = False
    bench_zones: tuple[str, ...] = ()
    face_model: str = ""
    rate_limit: float | None = None
    rate_period: float = 3600.0
    rate_alpha: float = 0.05
    slot: float = 10.0
    required_traps: tuple[str, ...] = ()

    @property
    def smallest_face_information(self) -> int:
        """Smaller of picture and template: what "face information" can be carried by."""
        return min(self.smallest_face, self.smallest_template)


@dataclass(frozen=True)
class Context:
    """Everything an inspection needs beside the captures; see `Context.from_json` for the file form."""

    macs: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()
    local_networks: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    canary: Canary = field(default_factory=Canary)
    endpoints: tuple[DeclaredEndpoint, ...] = ()
    endpoints_declared: bool = True
    keylog: str = ""
    policy: Policy = field(default_factory=Policy)
    bearers: Mapping[str, str] = field(default_factory=dict)
    stimuli_confirmed: bool | None = None
    interception: Mapping[str, Any] = field(default_factory=dict)
    bench_ca_sha256: tuple[str, ...] = ()
    traps: tuple[str, ...] = ()
    declared_kinds: tuple[str, ...] = ()
    capture_drops: int = 0

    @classmethod
    def from_json(cls, path: Path | str) -> Context:
        """Read a context file; pictures, templates and key logs are named relative to it.

        Raises UsageError (USE-CTX-...) when the file, or one that it names, cannot be read or does not fit.
        """
        from pytest_conformance.analysis.traffic.contextfile import read_context

        return read_context(Path(path))

    @cached_property
    def locals(self) -> tuple[Network, ...]:
        """The networks that count as the bench's own."""
        return networks([*self.local_networks, *ALWAYS_LOCAL])

    @cached_property
    def device_networks(self) -> tuple[Network, ...]:
        """The device's addresses (and companions'), each as a network."""
        return networks([*self.addresses, *self.companions])

    @cached_property
    def device_macs(self) -> frozenset[bytes]:
        """The device's hardware addresses as six bytes each."""
        return frozenset(bytes.fromhex(mac.replace(":", "").replace("-", "")) for mac in self.macs)

    def is_local(self, packed: bytes) -> bool:
        """Tell whether a packed IPv4 or IPv6 address belongs to the bench's own networks."""
        return inside(packed, self.locals)

    def events_of(self, *types: str) -> list[Event]:
        """Return the events of the given types in time order."""
        return sorted((event for event in self.events if event.type in types), key=lambda event: event.t)


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Parse addresses and networks; host bits are ignored."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def inside(packed: bytes, among: Sequence[Network]) -> bool:
    """Tell whether a packed address lies in one of the networks; IPv4-mapped IPv6 counts as IPv4."""
    if len(packed) == 16 and packed[:12] == b"\0" * 10 + b"\xff\xff":
        packed = packed[12:]
    value = int.from_bytes(packed, "big")
    bits = len(packed) * 8
    for network in among:
        if network.max_prefixlen == bits:
            shift = bits - network.prefixlen
            if value >> shift == int(network.network_address) >> shift:
                return True
    return False

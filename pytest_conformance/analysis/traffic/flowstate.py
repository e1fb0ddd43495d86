"""What is kept of a flow while its packets come, how it begins and goes on, and the counters of the packet pass."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from pytest_conformance.analysis.traffic.addresses import Addresses
from pytest_conformance.analysis.traffic.halves import Half
from pytest_conformance.analysis.traffic.model import TlsInfo
from pytest_conformance.analysis.traffic.network import Packet

LONG = 48 << 20
"""Bytes of one direction after which a flow is handed on in parts, so that memory stays bounded."""

FOREIGN = 10_000
"""Conversations of others after which those known so far are forgotten; one that goes on is told apart anew."""


@dataclass
class Heritage:
    """What a part of a long flow tells the next: names, protocol, whether it is encrypted."""

    names: dict[str, str] = field(default_factory=dict)
    proto: str = ""
    encrypted: bool = False
    tls: TlsInfo | None = None


@dataclass(frozen=True)
class Told:
    """What a recording says of an exchange besides its bytes: the layers they were taken from, the peer's name."""

    layers: tuple[str, ...]
    host: str = ""
    tls: TlsInfo | None = None


@dataclass(slots=True)
class Ends:
    """Who spoke with whom, and when: what is left of a flow once it was taken apart."""

    transport: str
    device: bytes
    peer: bytes
    device_port: int
    peer_port: int
    local: bool
    initiated_by_device: bool
    time_first: float
    time_last: float = 0.0


@dataclass(slots=True)
class Flow(Ends):
    """One conversation between two transport addresses, while its packets come."""

    up: Half = field(init=False)
    down: Half = field(init=False)
    opened: bool = False
    answered: bool = False
    closed: int = 0
    reset: bool = False
    done: bool = False
    packets: int = 0
    flags: set[str] = field(default_factory=set)
    protocol: int = 6
    datagrams: list[tuple[bool, int, int, float]] = field(default_factory=list)
    companion: bool = False
    told: Told | None = None
    heritage: Heritage | None = None
    following: Flow | None = None

    def __post_init__(self) -> None:
        self.up = Half(self, True)
        self.down = Half(self, False)

    def ends(self) -> Ends:
        """Return what is left of the flow without its packets."""
        return Ends(*(getattr(self, each.name) for each in fields(Ends)))


def new_flow(
    addresses: Addresses,
    transport: str,
    packet: Packet,
    ports: tuple[int, int],
    up: bool,
    initiated: bool,
    time: float,
) -> Flow:
    """Begin a flow with its first packet; `ports` are those of the packet, source first."""
    source, destination = (packet.source, packet.destination) if up else (packet.destination, packet.source)
    mine, theirs = ports if up else ports[::-1]
    return Flow(
        transport,
        source,
        destination,
        mine,
        theirs,
        addresses.is_local(destination),
        initiated,
        time,
        time,
        protocol=packet.protocol,
        companion=addresses.is_companion(source),
    )


def continued(flow: Flow, time: float) -> Flow:
    """Begin the next part of a long flow; each half goes on where the other part's ended."""
    following = Flow(
        flow.transport,
        flow.device,
        flow.peer,
        flow.device_port,
        flow.peer_port,
        flow.local,
        flow.initiated_by_device,
        time,
        time,
        protocol=flow.protocol,
        companion=flow.companion,
        heritage=Heritage(),
    )
    flow.following = following
    flow.flags.add("flow-continued")
    for before, after in ((flow.up, following.up), (flow.down, following.down)):
        after.next_seq, after.anchored = before.next_seq, before.next_seq >= 0
    return following


def forget_foreign(known: dict[bytes, Any]) -> None:
    """Drop the conversations of others, which stand as None, so that they take no memory for ever."""
    for key in [key for key, value in known.items() if value is None]:
        del known[key]


@dataclass
class Tally:
    """What the packet pass counted beside the flows."""

    packets: int = 0
    first: float | None = None
    last: float | None = None
    snapped: int = 0
    duplicates: int = 0
    foreign: int = 0
    unknown_links: set[int] = field(default_factory=set)
    device_packets: int = 0
    unreadable: int = 0
    lost_fragments: int = 0
    lost_fragments_up: int = 0
    ip_overlap: int = 0
    non_ip: dict[int, int] = field(default_factory=dict)

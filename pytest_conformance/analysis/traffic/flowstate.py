"""What is kept of a flow while its packets come, and the counters of the packet pass. No logic."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_conformance.analysis.traffic.halves import Half
from pytest_conformance.analysis.traffic.model import TlsInfo


@dataclass(frozen=True)
class Told:
    """What a recording says of an exchange besides its bytes: the layers they were taken from, the peer's name."""

    layers: tuple[str, ...]
    host: str = ""
    tls: TlsInfo | None = None


@dataclass
class Flow:
    """One conversation between two transport addresses; `a` is the device's side where there is one."""

    transport: str
    device: bytes
    peer: bytes
    device_port: int
    peer_port: int
    local: bool
    initiated_by_device: bool
    time_first: float
    time_last: float = 0.0
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

    def __post_init__(self) -> None:
        self.up = Half(self, True)
        self.down = Half(self, False)


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

"""What a protocol parser gets and gives: the two sides of a conversation, and the sink for what was found in them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_conformance.analysis.traffic.model import Accounting, TlsInfo, Transfer
from pytest_conformance.analysis.traffic.ranges import RangeMap

_MOST_TRANSFERS = 10_000


@dataclass
class Side:
    """One direction at one protocol layer: bytes, where they came from, and the holes in them.

    `up` is True from the device. `marks` are datagram borders (start, end) where the transport has them.
    """

    data: bytes
    ranges: RangeMap
    up: bool
    gaps: list[tuple[int, int, int]] = field(default_factory=list)
    marks: list[tuple[int, int]] = field(default_factory=list)

    def gap_in(self, start: int, end: int) -> bool:
        """Tell whether bytes are missing in a stretch."""
        return any(a < end and b > start for a, b, _ in self.gaps)


@dataclass(frozen=True)
class Item:
    """Bytes to examine, with their way from the packet.

    `weight` is the number of stream bytes that they stand for; `label` the topic, path or name they travelled
    under; `declared` the content type or encoding that the protocol stated.
    """

    data: bytes
    ranges: RangeMap
    layers: tuple[str, ...]
    up: bool
    label: str = ""
    declared: str = ""
    order: int | None = None
    group: bool = True
    holed: bool = False


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the parsers learnt of one flow, without its bytes and their accounts."""

    names: dict[str, str]
    proto: str
    encrypted: bool
    tls: TlsInfo | None
    layers: tuple[str, ...]
    messages: int
    transfers: tuple[Transfer, ...]


@dataclass
class Sink:
    """Everything that the parsers learn of one flow."""

    examine: Callable[[Item], Accounting]
    keylog: dict[bytes, dict[str, bytes]]
    up: Accounting = field(default_factory=Accounting)
    down: Accounting = field(default_factory=Accounting)
    names: dict[str, str] = field(default_factory=dict)
    proto: str = ""
    read_without_keys: bool = False
    encrypted: bool = False
    tls: TlsInfo | None = None
    flags: set[str] = field(default_factory=set)
    layers: tuple[str, ...] = ()
    messages: int = 0
    handshake_allowance: int = 32
    attempt: Callable[[Item], bool] | None = None
    resolve: Callable[[bytes, bool], bool] | None = None
    parts: list[Item] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)

    def learnt(self) -> Learnt:
        """Return what is worth keeping of a flow once its bytes are accounted for."""
        return Learnt(
            self.names, self.proto, self.encrypted, self.tls, self.layers, self.messages, tuple(self.transfers)
        )

    def account(self, up: bool) -> Accounting:
        """Return the account of one direction."""
        return self.up if up else self.down

    def understood(self, side: Side, count: int) -> None:
        """Count protocol bytes whose meaning is known."""
        self.account(side.up).understood += max(count, 0)

    def opaque(self, side: Side, count: int, reason: str) -> None:
        """Count bytes that cannot be read, and why."""
        if count > 0:
            account = self.account(side.up)
            account.opaque += count
            account.reasons[reason] = account.reasons.get(reason, 0) + count

    def missing(self, side: Side, count: int, reason: str) -> None:
        """Count bytes that a protocol says were sent although the capture does not have them."""
        account = self.account(side.up)
        account.covert += count
        account.reasons[reason] = account.reasons.get(reason, 0) + count
        self.flags.add("stream-gap")

    def covert(self, side: Side, count: int) -> None:
        """Count the capacity of understood bytes whose value is free (random fields, long header values)."""
        self.account(side.up).covert += count

    def item(
        self,
        side: Side,
        start: int,
        end: int,
        layers: tuple[str, ...],
        label: str = "",
        declared: str = "",
    ) -> None:
        """Examine a stretch of a side."""
        if end > start:
            holed = bool(side.gaps) and side.gap_in(start, end)
            ranges = side.ranges.slice(start, end)
            self.give(Item(side.data[start:end], ranges, layers, side.up, label, declared, holed=holed))

    def give(self, item: Item, weight: int | None = None) -> Accounting:
        """Examine an item and add its account, scaled to the stream bytes that it stands for."""
        self.messages += 1
        if item.label != "stream" and item.declared != "head" and len(self.transfers) < _MOST_TRANSFERS:
            digest = hashlib.sha256(item.data).hexdigest()
            way = "up" if item.up else "down"
            self.transfers.append(Transfer(item.label, item.declared, len(item.data), digest, way, item.layers))  # type: ignore[arg-type]
        found = self.examine(item)
        stands_for = len(item.data) if weight is None else weight
        account = self.account(item.up)
        hit = min(found.hit, stands_for)
        opaque = min(found.opaque, stands_for - hit)
        account.hit += hit
        account.opaque += opaque
        account.understood += stands_for - hit - opaque
        account.covert += found.covert
        for reason, count in found.reasons.items():
            account.reasons[reason] = account.reasons.get(reason, 0) + min(count, stands_for)
        if not self.encrypted:
            self.read_without_keys = self.read_without_keys or (item.up and found.opaque < len(item.data))
        if item.up and item.group and len(item.data) >= 16:
            self.parts.append(item)
        return found

    def tried(self, item: Item) -> bool:
        """Tell whether a reading of bytes leads to something: a finding, or most of it understood."""
        return self.attempt is not None and self.attempt(item)

    def name(self, source: str, value: str) -> None:
        """Remember a name of the peer; the first of each source stays."""
        if value:
            self.names.setdefault(source, value)

    def speaks(self, proto: str) -> None:
        """Note the protocol; an inner one replaces an outer one."""
        self.proto = proto


@dataclass
class Conversation:
    """Both sides at one layer; the client is who opened the connection."""

    client: Side
    server: Side
    layers: tuple[str, ...]
    sink: Sink
    depth: int = 0

    @property
    def sides(self) -> tuple[Side, Side]:
        """Client first."""
        return self.client, self.server

"""QUIC conversations: names from Initial packets without keys, stream data where a key log has the secrets."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_conformance.analysis.traffic import tls_hello
from pytest_conformance.analysis.traffic.conversation import Conversation, Side
from pytest_conformance.analysis.traffic.model import TlsInfo
from pytest_conformance.analysis.traffic.quic_keys import Keys, initial_keys
from pytest_conformance.analysis.traffic.quic_packets import (
    HANDSHAKE,
    INITIAL,
    NEGOTIATION,
    RETRY,
    SHORT,
    ZERO_RTT,
    Packet,
    frames,
    split,
)
from pytest_conformance.analysis.traffic.ranges import RangeMap
from pytest_conformance.analysis.traffic.tls_suites import SUITES, suite_name

_MOST_STREAM = 256 << 20


@dataclass
class StreamData:
    """The pieces of one stream of one side, by offset."""

    pieces: dict[int, tuple[bytes, RangeMap]] = field(default_factory=dict)

    def add(self, offset: int, data: bytes, ranges: RangeMap) -> None:
        known = self.pieces.get(offset)
        if known is None or len(known[0]) < len(data):
            self.pieces[offset] = (data, ranges)

    def joined(self) -> tuple[bytes, RangeMap, int]:
        """Return contiguous bytes from the first piece on, their origin, and the bytes missing before later ones."""
        out: list[bytes] = []
        maps: list[tuple[int, RangeMap]] = []
        at, missing = 0, 0
        for offset in sorted(self.pieces):
            data, ranges = self.pieces[offset]
            if offset > at:
                hole = offset - at
                missing += hole
                filler = min(hole, 1 << 16)
                out.append(bytes(filler))
                maps.append((filler, RangeMap()))
                at = offset
            fresh = data[at - offset :]
            if fresh:
                out.append(fresh)
                maps.append((len(fresh), ranges))
                at += len(fresh)
        return b"".join(out), RangeMap.concat(maps), missing


class _Connection:
    """The state of one QUIC connection while its packets are opened."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation, self.sink = conversation, conversation.sink
        self.keys: dict[tuple[int, bool], Keys] = {}
        self.crypto: dict[tuple[int, bool], StreamData] = {}
        self.streams: dict[tuple[int, bool], StreamData] = {}
        self.client: tls_hello.ClientHello | None = None
        self.server: tls_hello.ServerHello | None = None
        self.alpn = ""
        self.chain: list[bytes] = []
        self.id_length = {True: 0, False: 0}
        self.version = 1
        self.opened_application = False
        self.keyed = False
        self.short_seen = {True: False, False: False}

    def side(self, client: bool) -> Side:
        return self.conversation.client if client else self.conversation.server

    def collect(self) -> list[tuple[Packet, bool]]:
        """List all packets of both sides; connection id lengths come from the long headers."""
        for client in (True, False):
            side = self.side(client)
            for start, end in side.marks:
                for packet in split(side.data, start, end, 0):
                    if packet.level not in (SHORT, NEGOTIATION) and packet.source is not None:
                        self.id_length[not client] = len(packet.source)
                        self.version = packet.version or self.version
                    break
        out: list[tuple[Packet, bool]] = []
        for client in (True, False):
            side = self.side(client)
            for start, end in side.marks:
                found = split(side.data, start, end, self.id_length[client])
                reached = found[-1].end if found else start
                if reached < end:
                    self._between(side, reached, end)
                out.extend((packet, client) for packet in found)
        return out

    def _between(self, side: Side, start: int, end: int) -> None:
        """Bytes of a datagram that belong to no packet: padding zeros are understood."""
        if not side.data[start:end].strip(b"\0"):
            self.sink.understood(side, end - start)
        else:
            self.sink.opaque(side, end - start, "quic")

    def run(self) -> None:
        packets = self.collect()
        for packet, client in packets:
            if packet.level == INITIAL and client and (INITIAL, True) not in self.keys:
                pair = initial_keys(packet.version, packet.destination)
                if pair is not None:
                    self.keys[INITIAL, True], self.keys[INITIAL, False] = pair
            elif packet.level == RETRY and not client:
                pair = initial_keys(packet.version, packet.source)
                self._retried(packets, pair)
        for _ in range(4):
            progress = False
            for packet, client in packets:
                if not packet.done and self._open(packet, client):
                    packet.done = progress = True
            self._learn()
            if not progress:
                break
        for packet, client in packets:
            if not packet.done:
                self._unopened(packet, client)

    def _retried(self, packets: list[tuple[Packet, bool]], pair: tuple[Keys, Keys] | None) -> None:
        """After a Retry, later Initials use keys of the new connection id."""
        for packet, client in packets:
            if packet.level == INITIAL and client and not packet.done:
                self._open(packet, client)
        if pair is not None:
            self.keys[INITIAL, True], self.keys[INITIAL, False] = pair

    def _open(self, packet: Packet, client: bool) -> bool:
        if packet.level in (RETRY, NEGOTIATION):
            self.sink.understood(self.side(client), packet.end - packet.start)
            return True
        keys = self.keys.get((packet.level, client))
        if keys is None:
            return False
        side = self.side(client)
        raw = side.data[packet.start : packet.end]
        opened = keys.open(raw, packet.number_at)
        if opened is None and packet.level == SHORT:
            following = keys.updated()
            opened = following.open(raw, packet.number_at)
            if opened is not None:
                self.keys[SHORT, client] = following
        if opened is None:
            return False
        self._frames(packet, client, opened[1])
        return True

    def _frames(self, packet: Packet, client: bool, plain: bytes) -> None:
        side = self.side(client)
        carried = 0
        ranges = RangeMap((0, 1, a, -(b - a)) for a, b in side.ranges.slice(packet.start, packet.end).extents())
        for found in frames(plain):
            data = plain[found.start : found.end]
            piece = RangeMap((0, len(data), origin, span) for _, _, origin, span in ranges.pieces)
            if found.stream == -1:
                self.crypto.setdefault((packet.level, client), StreamData()).add(found.offset, data, piece)
            elif found.stream == -2:
                key = (-2 - len(self.streams), client)
                self.streams.setdefault(key, StreamData()).add(0, data, piece)
                carried += len(data)
            else:
                known = self.streams.setdefault((found.stream, client), StreamData())
                before = len(known.pieces)
                known.add(found.offset, data, piece)
                carried += len(data) if len(known.pieces) > before else 0
        if packet.level in (SHORT, ZERO_RTT):
            self.opened_application = True
        self.sink.understood(side, packet.end - packet.start - carried)

    def _learn(self) -> None:
        """Read the handshake messages that are complete, and take keys from the log."""
        for (level, client), stream in list(self.crypto.items()):
            data, _, missing = stream.joined()
            if missing and level != HANDSHAKE:
                continue
            for kind, body in tls_hello.handshake_messages(data)[0]:
                if kind == 1 and client and self.client is None:
                    self.client = tls_hello.client_hello(body)
                elif kind == 2 and not client and self.server is None:
                    self.server = tls_hello.server_hello(body)
                elif kind == 8:
                    self.alpn = tls_hello.encrypted_alpn(body) or self.alpn
                elif kind == 11 and not client:
                    self.chain = tls_hello.certificates(body, 0x0304)
        if self.client is None:
            return
        secrets = self.sink.keylog.get(self.client.random)
        if not secrets:
            if self.sink.keylog:
                self.sink.flags.add("no-key-for-session")
            return
        self.keyed = True
        suite = SUITES.get(self.server.cipher) if self.server else SUITES[0x1301]
        if suite is None:
            return
        for label, level, client in (
            ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", HANDSHAKE, True),
            ("SERVER_HANDSHAKE_TRAFFIC_SECRET", HANDSHAKE, False),
            ("CLIENT_TRAFFIC_SECRET_0", SHORT, True),
            ("SERVER_TRAFFIC_SECRET_0", SHORT, False),
            ("CLIENT_EARLY_TRAFFIC_SECRET", ZERO_RTT, True),
        ):
            if label in secrets and (level, client) not in self.keys:
                self.keys[level, client] = Keys(suite, secrets[label], self.version)

    def _unopened(self, packet: Packet, client: bool) -> None:
        side = self.side(client)
        size = packet.end - packet.start
        overhead = min(size, packet.number_at + 18)
        if packet.level == HANDSHAKE and size < 200:
            overhead = size
        self.sink.understood(side, overhead)
        self.sink.opaque(side, size - overhead, "quic")

    def info(self) -> TlsInfo:
        client = self.client
        return TlsInfo(
            version="QUIC v2" if self.version != 1 and self.version >> 8 != 0xFF0000 else "QUIC",
            cipher=suite_name(self.server.cipher) if self.server else "",
            sni=client.sni if client else "",
            alpn=tuple(client.alpn) if client else (),
            ech=client.ech if client else False,
            decrypted=self.opened_application,
            fingerprint=client.fingerprint if client else "",
            completed=any(p for p in self.streams),
            key_log_match=self.keyed,
        )


def parse(conversation: Conversation) -> None:
    """Read a QUIC connection."""
    sink = conversation.sink
    sink.encrypted = True
    sink.speaks("quic")
    connection = _Connection(conversation)
    connection.run()
    sink.tls = connection.info()
    if connection.client is not None:
        sink.covert(conversation.client, sink.handshake_allowance)
        sink.name("ech-outer" if connection.client.ech else "quic-sni", connection.client.sni)
    if not connection.streams:
        return
    from pytest_conformance.analysis.traffic import http3

    alpn = connection.alpn or (connection.client.alpn[0] if connection.client and connection.client.alpn else "")
    http3.parse(conversation, connection.streams, alpn)

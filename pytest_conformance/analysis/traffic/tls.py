"""TLS over TCP: records, handshake facts, and plaintext where a key log has the secrets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from pytest_conformance.analysis.traffic import tls_hello
from pytest_conformance.analysis.traffic.conversation import Conversation, Side
from pytest_conformance.analysis.traffic.model import TlsInfo
from pytest_conformance.analysis.traffic.ranges import Piece, RangeMap
from pytest_conformance.analysis.traffic.tls_suites import SUITES, Suite, suite_name

Parse = Callable[[Conversation], None]
_AHEAD = 64


class Record(NamedTuple):
    """One record: content type and where header and body lie."""

    kind: int
    start: int
    body: int
    end: int
    after_gap: bool


def looks_like_tls(data: bytes) -> bool:
    """Tell whether a stream starts with a TLS record."""
    return (
        len(data) >= 5
        and data[0] in (20, 21, 22, 23)
        and data[1] == 3
        and data[2] <= 4
        and 0 < (data[3] << 8 | data[4]) <= 0x4800
    )


def records(side: Side) -> tuple[list[Record], int]:
    """Split a side into records, resynchronising after gaps; also return the bytes that belong to none."""
    data, at, out, stray = side.data, 0, [], 0
    end, lost = len(data), False
    gaps = iter(side.gaps)
    gap = next(gaps, None)
    while at + 5 <= end:
        if not (19 < data[at] < 25 and data[at + 1] == 3 and data[at + 2] <= 4):
            skip = _next_record(data, at + 1)
            stray += skip - at
            at, lost = skip, True
            continue
        body = at + 5
        stop = body + (data[at + 3] << 8 | data[at + 4])
        while gap is not None and gap[1] <= at:
            gap = next(gaps, None)
            lost = True
        if stop > end:
            break
        if gap is not None and gap[0] < stop:
            out.append(Record(-1, at, body, stop, lost))
            lost = True
        else:
            out.append(Record(data[at], at, body, stop, lost))
            lost = False
        at = stop
    return out, stray + end - at


def _next_record(data: bytes, start: int) -> int:
    """Find the next place where two plausible records follow each other; the end when there is none."""
    at, end = start, len(data)
    while True:
        at = data.find(b"\x03", at + 1, end)
        if at < 0:
            return end
        if looks_like_tls(data[at - 1 : at + 4]):
            following = at + 4 + (data[at + 2] << 8 | data[at + 3])
            if following == end or (following < end and looks_like_tls(data[following : following + 5])):
                return at - 1


@dataclass
class _Handshake:
    """What was learnt of a connection so far."""

    client: tls_hello.ClientHello | None = None
    server: tls_hello.ServerHello | None = None
    chain: list[bytes] = field(default_factory=list)
    alerts: list[tuple[str, int]] = field(default_factory=list)
    alpn: str = ""
    decrypted: bool = False
    keyed: bool = False
    application: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    asks_certificate: bool = False
    finished: bool = False

    @property
    def version(self) -> int:
        return self.server.version if self.server else 0

    def message(self, kind: int, body: bytes) -> None:
        if kind == 1 and self.client is None:
            self.client = tls_hello.client_hello(body)
        elif kind == 2:
            hello = tls_hello.server_hello(body)
            if hello is not None and not hello.retry:
                self.server = hello
                self.alpn = hello.alpn or self.alpn
        elif kind == 11 and not self.chain:
            self.chain = tls_hello.certificates(body, self.version)
        elif kind == 8:
            self.alpn = tls_hello.encrypted_alpn(body) or self.alpn
        elif kind == 13:
            self.asks_certificate = True

    def info(self) -> TlsInfo:
        names: tuple[str, ...] = ()
        issuer = ""
        if self.chain:
            found, issuer = tls_hello.certificate_names(self.chain[0])
            names = tuple(found)
        client = self.client
        offered = [v for v in client.versions if v in tls_hello.VERSIONS] if client else []
        version = self.version or max(offered or [client.version if client else 0])
        return TlsInfo(
            version=tls_hello.VERSIONS.get(version, f"0x{version:04X}") if version else "",
            cipher=suite_name(self.server.cipher) if self.server else "",
            sni=client.sni if client else "",
            alpn=tuple(client.alpn) if client else (),
            ech=client.ech if client else False,
            decrypted=self.decrypted,
            fingerprint=client.fingerprint if client else "",
            certificate_names=names,
            certificates_sha256=tuple(hashlib.sha256(der).hexdigest() for der in self.chain),
            issuer=issuer,
            alerts=tuple(self.alerts),
            offered_versions=tuple(
                tls_hello.VERSIONS[v] for v in (client.versions or [client.version]) if v in tls_hello.VERSIONS
            )
            if client
            else (),
            offered_ciphers=tuple(c for c in client.ciphers if c & 0x0F0F != 0x0A0A) if client else (),
            completed=self.application[True] > 0 and self.application[False] > 0,
            client_certificate_requested=self.asks_certificate,
            key_log_match=self.keyed,
        )


class _Reader:
    """Walks the records of one side, opening what it has keys for."""

    def __init__(self, side: Side, shake: _Handshake, conversation: Conversation, client: bool) -> None:
        self.side, self.shake, self.client = side, shake, client
        self.sink = conversation.sink
        self.records, self.stray = records(side)
        self.pending = b""
        self.plain: list[bytes] = []
        self.pieces: list[Piece] = []
        self.length = 0
        self.openers: list[object] = []
        self.ciphered = False
        self.overhead = 0
        self.clear_end = 0

    def read_clear(self) -> None:
        """Read the handshake up to the first protected record."""
        for index, record in enumerate(self.records):
            self.clear_end = index
            if record.kind == 22:
                self._handshake(self.side.data[record.body : record.end])
            elif record.kind == 21 and record.end - record.body == 2:
                self.shake.alerts.append(("client" if self.client else "server", self.side.data[record.body + 1]))
            elif record.kind == 20 and self.shake.version != 0x0304:
                self.clear_end = index + 1
                self.ciphered = True
                return
            elif record.kind == 23:
                return
        else:
            self.clear_end = len(self.records)

    def _handshake(self, data: bytes) -> None:
        self.pending = (self.pending + data)[: 1 << 18]
        messages, used = tls_hello.handshake_messages(self.pending)
        self.pending = self.pending[used:]
        for kind, body in messages:
            self.shake.message(kind, body)
            if kind == 20 and self.openers:
                self._advance()
            elif kind == 24 and self.openers:
                self.openers[0] = self.openers[0].updated()  # type: ignore[attr-defined]

    def _advance(self) -> None:
        """The side's Finished: application keys come next."""
        if len(self.openers) > 1:
            self.openers.pop(0)

    def read_protected(self) -> None:
        """Open the rest; what cannot be opened is opaque."""
        data, sink, side = self.side.data, self.sink, self.side
        self.pending = b""
        for record in self.records[: self.clear_end]:
            sink.understood(side, record.end - record.start)
        for record in self.records[self.clear_end :]:
            sink.understood(side, 5)
            size = record.end - record.body
            if record.kind == 20 and size == 1:
                sink.understood(side, size)
                continue
            if record.kind == 23:
                self.shake.application[self.client] += 1
            opened = self._open(record, data) if self.openers and record.kind >= 0 else None
            if opened is None:
                self._unopened(record, size)
            else:
                kind, plain = opened
                self._opened(record, kind, plain, size)
        sink.opaque(side, self.stray, "tls-outside-records")

    def _unopened(self, record: Record, size: int) -> None:
        sink, side = self.sink, self.side
        if record.kind in (22, 21) or record.kind < 0:
            if record.kind == 21:
                self.shake.alerts.append(("client" if self.client else "server", -1))
            sink.understood(side, size) if record.kind == 22 and size < 128 else sink.opaque(side, size, "tls")
            return
        overhead = min(size, 17 if self.shake.version == 0x0304 else 16 if not self.shake.server else 24)
        sink.understood(side, overhead)
        sink.opaque(side, size - overhead, "tls" if not self.shake.keyed else "tls-not-decrypted")

    def _open(self, record: Record, data: bytes) -> tuple[int, bytes] | None:
        header, body = data[record.start : record.body], data[record.body : record.end]
        ahead = _AHEAD if record.after_gap else 0
        if self.shake.version != 0x0304:
            plain = self.openers[0].open(record.kind, header[1:3], body, ahead)  # type: ignore[attr-defined]
            return None if plain is None else (record.kind, plain)
        for index, opener in enumerate(self.openers):
            found: tuple[int, bytes] | None = opener.open(header, body, ahead)  # type: ignore[attr-defined]
            if found is not None:
                del self.openers[:index]
                return found
        return None

    def _opened(self, record: Record, kind: int, plain: bytes, size: int) -> None:
        self.sink.understood(self.side, size - (len(plain) if kind == 23 else 0))
        if kind == 23:
            self.shake.decrypted = True
            if plain:
                self.plain.append(plain)
                self.pieces.append((self.length, len(plain), record.start, -(record.end - record.start)))
                self.length += len(plain)
        elif kind == 22:
            self._handshake(plain)
        elif kind == 21 and len(plain) == 2:
            self.shake.alerts.append(("client" if self.client else "server", plain[1]))

    def inner(self) -> Side:
        """Return the decrypted side, in the coordinates of the outermost stream."""
        ranges = RangeMap()
        for at, length, start, span in self.pieces:
            outer = self.side.ranges.slice(start, start - span)
            ranges.pieces.extend((at, length, a, -(b - a)) for a, b in outer.extents())
        return Side(b"".join(self.plain), ranges, self.side.up)


def _openers(shake: _Handshake, secrets: dict[str, bytes], suite: Suite) -> tuple[list[object], list[object]]:
    from pytest_conformance.analysis.traffic.tls_crypto import Opener13, openers12

    assert shake.client is not None
    assert shake.server is not None
    if shake.version == 0x0304:
        client = ("CLIENT_EARLY_TRAFFIC_SECRET", "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0")
        server = ("SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0")
        return (
            [Opener13(suite, secrets[label]) for label in client if label in secrets],
            [Opener13(suite, secrets[label]) for label in server if label in secrets],
        )
    master = secrets.get("CLIENT_RANDOM")
    if master is None:
        return [], []
    one, two = openers12(
        suite, shake.version, master, shake.client.random, shake.server.random, shake.server.encrypt_then_mac
    )
    return [one], [two]


def parse(conversation: Conversation, inner: Parse) -> None:
    """Read a TLS connection; hand decrypted bytes to `inner`."""
    sink = conversation.sink
    shake = _Handshake()
    client = _Reader(conversation.client, shake, conversation, True)
    server = _Reader(conversation.server, shake, conversation, False)
    client.read_clear()
    server.read_clear()
    sink.encrypted = True
    sink.speaks("tls")
    if shake.client is not None:
        sink.covert(conversation.client, sink.handshake_allowance)
        sink.name("ech-outer" if shake.client.ech else "sni", shake.client.sni)
        secrets = sink.keylog.get(shake.client.random)
        suite = SUITES.get(shake.server.cipher) if shake.server else None
        if secrets and suite:
            shake.keyed = True
            client.openers, server.openers = _openers(shake, secrets, suite)
        elif sink.keylog:
            sink.flags.add("no-key-for-session")
    server.read_protected()
    client.read_protected()
    sink.tls = shake.info() if sink.tls is None else replace(sink.tls, decrypted=shake.decrypted)
    if shake.chain:
        sink.name("certificate", sink.tls.certificate_names[0] if sink.tls.certificate_names else "")
    if shake.decrypted:
        layer = "tls1.3" if shake.version == 0x0304 else "tls1.2" if shake.version == 0x0303 else "tls"
        inner(Conversation(client.inner(), server.inner(), (*conversation.layers, layer), sink, conversation.depth + 1))

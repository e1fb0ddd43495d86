"""One flow from segments to findings: reassemble, parse, examine, account. The result keeps no payload in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pytest_conformance.analysis.traffic import counting, datagrams, dns, protocols, tls
from pytest_conformance.analysis.traffic.capture import Capture
from pytest_conformance.analysis.traffic.checksums import Checker, wrong_datagrams
from pytest_conformance.analysis.traffic.columns import Samples, Trace
from pytest_conformance.analysis.traffic.context import Context
from pytest_conformance.analysis.traffic.conversation import Conversation, Item, Learnt, Side, Sink
from pytest_conformance.analysis.traffic.dnslog import DnsLog, Question
from pytest_conformance.analysis.traffic.examiner import Examiner, Finding
from pytest_conformance.analysis.traffic.flowstate import Ends, Flow, Heritage
from pytest_conformance.analysis.traffic.halves import Half, Stream
from pytest_conformance.analysis.traffic.model import Accounting
from pytest_conformance.analysis.traffic.ranges import RangeMap
from pytest_conformance.analysis.traffic.recordings import Recording
from pytest_conformance.analysis.traffic.rows import Rows
from pytest_conformance.analysis.traffic.shelf import Content, Shelf

CUT = 1 << 16
"""Bytes that count as unread at each cut of a long flow, whatever its parts gave: an object may lie across it."""
PARTS = 64 << 20
"""Bytes of small messages of one capture that are kept to be put together."""
_RAW_SAMPLES = 64
_BIN = 0.01


@dataclass(slots=True)
class Placed:
    """A finding with the packets that carried it; its bytes are on the shelf."""

    finding: Finding
    frames: tuple[int, ...]
    first: float
    last: float
    read_without_keys: bool


@dataclass(frozen=True)
class Part:
    """A small upstream message that may be a piece of something larger: its item without the bytes, and these."""

    bare: Item
    content: Content
    time: float

    def item(self) -> Item:
        """Return the item whole."""
        return replace(self.bare, data=self.content.read())


@dataclass(slots=True)
class FlowResult:
    """What is known of one flow when it has been taken apart."""

    number: int
    ends: Ends
    learnt: Learnt
    up: Accounting
    down: Accounting
    volume_up: int
    volume_down: int
    placed: list[Placed] = field(default_factory=list)
    samples: Samples = field(default_factory=Samples)
    flags: set[str] = field(default_factory=set)
    trace: Trace | None = None
    parts: list[Part] = field(default_factory=list)

    def frames_of(self, item: Item) -> list[int]:
        """Return the frames that carried an upstream item; empty where no trace was kept."""
        return [] if self.trace is None else self.trace.frames(item.ranges.extents())[0]


def account_for(given: Accounting, stream: Stream, wire: int) -> Accounting:
    """Close the account of a direction: what no parser claimed is opaque, what was never seen is gap."""
    gap = min(stream.missing, wire)
    rest = wire - gap
    hit = min(max(given.hit, 0), rest)
    opaque = min(max(given.opaque, 0), rest - hit)
    understood = min(max(given.understood, 0), rest - hit - opaque)
    reasons = {reason: count for reason, count in given.reasons.items() if count > 0}
    short = rest - hit - opaque - understood
    if short > 0:
        opaque += short
        reasons["unaccounted"] = short
    if gap:
        reasons["stream-gap"] = gap
    return Accounting(wire, understood, hit, opaque, gap, given.covert, reasons)


def binned(samples: list[tuple[float, int]]) -> Samples:
    """Return (time, bytes) of each packet; of a long flow, beyond the first 64, those of each hundredth second."""
    out = samples[:_RAW_SAMPLES]
    for when, size in samples[_RAW_SAMPLES:]:
        time, before = out[-1]
        if 0 <= when - time < _BIN and len(out) > _RAW_SAMPLES:
            out[-1] = (time, before + size)
        else:
            out.append((when, size))
    return Samples(out)


class FlowWorker:
    """Takes the flows of one capture apart."""

    def __init__(
        self,
        capture: Capture | Recording,
        context: Context,
        examiner: Examiner,
        keylog: dict[bytes, dict[str, bytes]],
        shelf: Shelf,
        content: bool = True,
    ) -> None:
        self.capture, self.context, self.examiner, self.keylog = capture, context, examiner, keylog
        self.shelf, self.content = shelf, content
        self.log = DnsLog()
        self.results: Rows[FlowResult] = Rows(shelf)
        self.recognised_domains: dict[str, str] = {}
        self.tunnelled: list[tuple[str, list[Question], Finding]] = []
        self.parts_room = PARTS
        self.unjoined = False
        self.damaged = 0

    def _read(self, reference: int | bytes, length: int) -> bytes:
        if isinstance(reference, int):
            return self.capture.buffer[reference : reference + length]
        return reference[:length]

    def _stream(self, flow: Flow, half: Half) -> Stream:
        if flow.transport != "tcp":
            parts = [self._read(segment[2], segment[1]) for segment in half.segments]
            stream = Stream(b"".join(parts), half.segments)
            stream.missing_tail = half.volume - half.bytes + half.unrecorded
            return stream
        source, destination = (flow.device, flow.peer) if half.up else (flow.peer, flow.device)
        pair = (flow.device_port, flow.peer_port) if half.up else (flow.peer_port, flow.device_port)
        ports = b"".join(port.to_bytes(2, "big") for port in pair)
        return half.stream(self._read, Checker(self.capture.buffer, half.segments, source, destination, ports))

    def _damaged(self, flow: Flow, stream: Stream) -> None:
        """Count upstream packets with a wrong checksum whose bytes no good copy replaced, for they may be misread."""
        if flow.transport == "tcp":
            ports = flow.device_port.to_bytes(2, "big") + flow.peer_port.to_bytes(2, "big")
            bad = Checker(self.capture.buffer, flow.up.segments, flow.device, flow.peer, ports).bad()
            kept = {segment[3] for segment in stream.segments} if bad else set()
            bad = [segment for segment in bad if segment[3] in kept]
        elif flow.protocol == 17:
            bad = wrong_datagrams(self.capture.buffer, flow.up.segments, flow.device, flow.peer)
        else:
            return
        if bad:
            flow.flags.add("checksum-bad")
            self.damaged += len(bad)

    def _side(self, flow: Flow, stream: Stream, up: bool) -> Side:
        marks = []
        if flow.transport != "tcp":
            marks = [(at, at + length) for is_up, at, length, _ in flow.datagrams if is_up is up and length]
        return Side(stream.data, RangeMap.identity(len(stream.data)), up, stream.gaps, marks)

    def work(self, flow: Flow) -> None:
        """Take one flow apart and keep the result."""
        silent = not (flow.up.segments or flow.down.segments or flow.up.acked or flow.down.acked or flow.opened)
        if flow.transport == "tcp" and silent:
            return
        if not self.content and flow.peer_port not in counting.READ_ANYWAY and flow.protocol in (6, 17):
            self._count(flow)
            return
        up, down = self._stream(flow, flow.up), self._stream(flow, flow.down)
        number = len(self.results)
        sink = Sink(self.examiner.examine, self.keylog, attempt=self.examiner.attempt)
        sink.resolve = self._resolver(number)
        sink.handshake_allowance = self.context.policy.handshake_allowance
        mark = len(self.examiner.found)
        self._parse(flow, sink, self._side(flow, up, True), self._side(flow, down, False), number)
        read = sink.messages or sink.up.understood > sink.up.opaque
        if read and not flow.local:  # of what nobody read, nothing was misread
            self._damaged(flow, up)
        result = self._result(flow, sink, up, down, number)
        for finding in self.examiner.found[mark:]:
            result.placed.append(self._place(finding, sink, up if finding.up else down))
        self._alternatives(flow, result, up, down, number)
        del self.examiner.found[mark:]
        self._keep_parts(result, sink, up)
        self._bequeath(flow, result)
        self.results.append(result)
        flow.up.segments, flow.down.segments, flow.datagrams = [], [], []

    def _count(self, flow: Flow) -> None:
        """Keep what one flow carried and when, without reading it."""
        sink = Sink(self.examiner.examine, self.keylog)
        counting.name_peer(flow, sink, self._read)
        samples, down = counting.new_bytes(flow, flow.up), counting.new_bytes(flow, flow.down)
        sent = counting.account(flow, flow.up, sum(size for _, size in samples))
        got = counting.account(flow, flow.down, sum(size for _, size in down))
        flags = flow.flags | sink.flags
        result = FlowResult(
            len(self.results), flow.ends(), sink.learnt(), sent, got, sent.total, got.total, flags=flags
        )
        result.samples = binned(samples)
        self._bequeath(flow, result)
        self.results.append(result)
        flow.up.segments, flow.down.segments, flow.datagrams = [], [], []

    def _bequeath(self, flow: Flow, result: FlowResult) -> None:
        """Pass on what is known of a long flow; what it says behind the cut cannot all be read in its context."""
        learnt = result.learnt
        if flow.following is not None and flow.following.heritage is not None:
            heritage = flow.following.heritage
            heritage.names, heritage.proto, heritage.encrypted = dict(learnt.names), learnt.proto, learnt.encrypted
            heritage.tls = learnt.tls
        if flow.heritage is not None and result.up.total:
            result.up.covert += CUT
            result.up.reasons["flow-continued"] = CUT

    def _resolver(self, number: int) -> Callable[[bytes, bool], bool]:
        """Return what reads DNS messages inside HTTP (RFC 8484) into the log."""
        local = datagrams.Local(self.log, number, self.context.policy.bench_zones)

        def resolve(data: bytes, up: bool) -> bool:
            message = dns.parse(data)
            if message is None:
                return False
            self.log.learn(message)
            for labels, kind in message.questions:
                if up and not message.response and not local.own(labels):
                    self.log.ask(Question(number, (0, 0), tuple(labels), kind, False))
            return True

        return resolve

    def _keep_parts(self, result: FlowResult, sink: Sink, up: Stream) -> None:
        """Keep small upstream messages, so that pieces sent separately can be joined; beyond `PARTS` say that not."""
        size = sum(len(item.data) for item in sink.parts)
        if sink.proto == "dns" or size <= self.parts_room:
            self.parts_room -= size
            result.parts = [self._part(item, up) for item in sink.parts]
            if result.parts or sink.proto in ("dns", "mdns"):
                result.trace = up.trace
        else:
            self.unjoined = True

    def _part(self, item: Item, up: Stream) -> Part:
        extents = item.ranges.extents()
        time = up.trace.frames(extents[:1])[1] if extents else 0.0
        return Part(replace(item, data=b""), self.shelf.keep(Content(item.data)), time)

    def _parse(self, flow: Flow, sink: Sink, up: Side, down: Side, number: int) -> None:
        client, server = (up, down) if flow.initiated_by_device else (down, up)
        layers: tuple[str, ...] = (flow.transport,)
        if flow.told is not None:
            layers, sink.tls = flow.told.layers, flow.told.tls
            sink.encrypted = "tls" in layers
            sink.name("http-host", flow.told.host)
        conversation = Conversation(client, server, layers, sink)
        if flow.heritage is not None:
            self._parse_on(conversation, flow.heritage)
            return
        if flow.transport == "tcp":
            protocols.stream(conversation)
        else:
            local = datagrams.Local(self.log, number, self.context.policy.bench_zones)
            datagrams.parse(conversation, (flow.device_port, flow.peer_port), flow.protocol, local)

    def _parse_on(self, conversation: Conversation, heritage: Heritage) -> None:
        """Parse a later part of a long flow: records of TLS resynchronise, other encrypted bytes are opaque."""
        sink = conversation.sink
        for source, name in heritage.names.items():
            sink.name(source, name)
        if heritage.encrypted and conversation.layers[0] == "tcp":
            tls.parse(conversation, protocols.stream)
        elif heritage.encrypted:
            sink.encrypted = True
            for side in conversation.sides:
                sink.opaque(side, len(side.data), "flow-continued")
        elif conversation.layers[0] == "tcp":
            protocols.stream(conversation)
        else:
            datagrams.unknown(conversation)
        sink.tls = heritage.tls or sink.tls
        sink.proto = heritage.proto or sink.proto

    def _result(self, flow: Flow, sink: Sink, up: Stream, down: Stream, number: int) -> FlowResult:
        sizes = []
        for stream in (up, down):
            filler = sum(b - a for a, b, _ in stream.gaps)
            sizes.append(len(stream.data) - filler + stream.missing)
        result = FlowResult(
            number,
            flow.ends(),
            sink.learnt(),
            account_for(sink.up, up, sizes[0]),
            account_for(sink.down, down, sizes[1]),
            sizes[0],
            sizes[1],
            flags=flow.flags | sink.flags | up.flags | down.flags,
        )
        result.samples = binned([(segment[4], segment[1]) for segment in up.segments])
        if up.missing:
            result.flags.add("stream-gap")
        return result

    def _place(self, finding: Finding, sink: Sink, stream: Stream) -> Placed:
        frames, first, last = stream.trace.frames(finding.ranges.extents())
        plain = not any(layer.startswith(("tls", "quic", "dtls")) for layer in finding.layers)
        return self.placed(finding, frames, first, last, plain)

    def placed(self, finding: Finding, frames: list[int], first: float, last: float, plain: bool) -> Placed:
        """Place a finding; its bytes go to the shelf."""
        kept = replace(finding, content=self.shelf.keep(finding.content))
        return Placed(kept, tuple(frames), first, last, plain)

    def _alternatives(self, flow: Flow, result: FlowResult, up: Stream, down: Stream, number: int) -> None:
        """Where overlapping segments differ, judge the other reading too: its findings count, its bytes do not."""
        if not up.alternatives or flow.transport != "tcp":
            return
        data = bytearray(up.data)
        for at, other in up.alternatives[:1000]:
            if 0 <= at <= len(data) - len(other):
                data[at : at + len(other)] = other
        side = Side(bytes(data), RangeMap.identity(len(data)), True, up.gaps)
        sink = Sink(self.examiner.examine, self.keylog, attempt=self.examiner.attempt)
        mark = len(self.examiner.found)
        self._parse(flow, sink, side, self._side(flow, down, False), number)
        known = {placed.finding.content for placed in result.placed}
        for finding in self.examiner.found[mark:]:
            if finding.up and finding.match is not None and finding.content not in known:
                result.placed.append(self._place(finding, sink, up))
                result.flags.add("found-in-alternative")

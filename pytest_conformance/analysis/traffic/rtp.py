"""RTP and RTCP: recognise by version, order and source; hand on JPEG frames, H.264 units and speech."""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from pytest_conformance.analysis.traffic.conversation import Conversation, Item, Side
from pytest_conformance.analysis.traffic.ranges import RangeMap
from pytest_conformance.analysis.traffic.rtpjpeg import Frames

STATIC = {0: "pcmu", 8: "pcma", 3: "gsm", 9: "g722", 18: "g729", 26: "jpeg"}


class Packet(NamedTuple):
    """One RTP packet: payload type, marker, sequence, timestamp, source, and where its payload lies."""

    kind: int
    marker: bool
    sequence: int
    timestamp: int
    source: int
    start: int
    body: int
    end: int


def packet(data: bytes, start: int, end: int) -> Packet | None:
    """Parse one RTP packet; None when the header does not fit."""
    if end - start < 12 or data[start] >> 6 != 2:
        return None
    first, second, sequence, timestamp, source = struct.unpack_from(">BBHII", data, start)
    if 200 <= second <= 207:
        return None
    body = start + 12 + 4 * (first & 15)
    if first & 16 and body + 4 <= end:
        body += 4 + 4 * (data[body + 2] << 8 | data[body + 3])
    stop = end
    if first & 32 and end > body:
        stop = end - data[end - 1]
    if body > stop:
        return None
    return Packet(second & 127, bool(second & 128), sequence, timestamp, source, start, body, stop)


def is_rtcp(data: bytes, start: int, end: int) -> bool:
    """Tell whether a datagram is RTCP."""
    return end - start >= 8 and data[start] >> 6 == 2 and 200 <= data[start + 1] <= 207


def looks_like_rtp(side: Side) -> bool:
    """Tell whether a side carries RTP: version 2, one source, sequence numbers that rise, over 4 packets."""
    found = [packet(side.data, a, b) for a, b in side.marks[:12]]
    good = [p for p in found if p is not None]
    if len(good) < 4 or len(good) < len(found) - 2:
        return False
    if len({p.source for p in good}) > 2 or good[0].source == 0:
        return False
    steps = [(b.sequence - a.sequence) & 0xFFFF for a, b in itertools.pairwise(good)]
    return sum(1 <= s <= 64 for s in steps) >= len(steps) - 1


@dataclass
class _Track:
    """The packets of one source and payload type of one side, in arrival order."""

    kind: int
    codec: str
    packets: list[Packet] = field(default_factory=list)


class Reader:
    """Collects RTP packets of one side and hands on what they carry."""

    def __init__(self, conversation: Conversation, side: Side, codecs: dict[int, str]) -> None:
        self.conversation, self.side, self.codecs = conversation, side, codecs
        self.layers = (*conversation.layers, "rtp")
        self.tracks: dict[tuple[int, int], _Track] = {}
        self.seen: set[tuple[int, int]] = set()

    def take(self, start: int, end: int) -> None:
        """Take one datagram or interleaved frame."""
        sink = self.conversation.sink
        if is_rtcp(self.side.data, start, end):
            sink.understood(self.side, end - start)
            return
        found = packet(self.side.data, start, end)
        if found is None:
            sink.item(self.side, start, end, self.layers, "datagram")
            return
        sink.understood(self.side, (end - start) - (found.end - found.body))
        if (found.source, found.sequence) in self.seen and len(self.seen) < 60000:
            sink.understood(self.side, found.end - found.body)
            return
        self.seen.add((found.source, found.sequence))
        codec = self.codecs.get(found.kind) or STATIC.get(found.kind, "")
        self.tracks.setdefault((found.source, found.kind), _Track(found.kind, codec)).packets.append(found)

    def finish(self) -> None:
        """Join the tracks and hand them on."""
        for track in self.tracks.values():
            _sort(track.packets)
            codec = track.codec or self._guess(track)
            if codec == "jpeg":
                self._jpeg(track)
            elif codec in ("h264", "h265"):
                self._video(track, codec)
            else:
                self._audio(track, codec)

    def _payload(self, found: Packet) -> bytes:
        return self.side.data[found.body : found.end]

    def _guess(self, track: _Track) -> str:
        """Guess the codec of a dynamic payload type from its first packets."""
        heads = [self._payload(p)[:2] for p in track.packets[:20] if p.end - p.body >= 2]
        kinds = {h[0] & 31 for h in heads}
        if heads and kinds <= {1, 5, 6, 7, 8, 9, 24, 28} and kinds & {7, 28, 5} and all(not h[0] & 128 for h in heads):
            return "h264"
        return ""

    def _whole(self, track: _Track) -> tuple[int, RangeMap]:
        maps = [(p.end - p.body, self.side.ranges.slice(p.body, p.end)) for p in track.packets]
        return sum(n for n, _ in maps), RangeMap.concat(maps)

    def _jpeg(self, track: _Track) -> None:
        frames = Frames()
        group: list[Packet] = []
        for found in track.packets:
            if group and group[-1].timestamp != found.timestamp:
                self._give_frame(group, None, "jpeg")
                group = []
            group.append(found)
            picture = frames.add(self._payload(found), found.timestamp, found.marker)
            if found.marker:
                self._give_frame(group, picture, "jpeg")
                group = []
        if group:
            self._give_frame(group, None, "jpeg")

    def _give_frame(self, group: list[Packet], frame: bytes | None, codec: str) -> None:
        size = sum(p.end - p.body for p in group)
        ranges = RangeMap.concat([(p.end - p.body, self.side.ranges.slice(p.body, p.end)) for p in group])
        if frame is None:
            self.conversation.sink.flags.add("rtp-frame-lost")
            self.conversation.sink.opaque(self.side, size, "rtp-frame-lost")
            return
        layers = (*self.layers, f"rtp:{codec}")
        item = Item(frame, ranges.transformed(len(frame)), layers, self.side.up, f"rtp:{codec}", group=False)
        self.conversation.sink.give(item, size)

    def _video(self, track: _Track, codec: str) -> None:
        from pytest_conformance.analysis.traffic.video import annex_b

        stream = annex_b([self._payload(p) for p in track.packets], codec)
        size, ranges = self._whole(track)
        layers = (*self.layers, f"rtp:{codec}")
        if stream:
            item = Item(
                stream, ranges.transformed(len(stream)), layers, self.side.up, f"rtp:{codec}", codec, group=False
            )
            self.conversation.sink.give(item, size)
        else:
            self.conversation.sink.opaque(self.side, size, f"rtp-{codec}")

    def _audio(self, track: _Track, codec: str) -> None:
        size, ranges = self._whole(track)
        data = b"".join(self._payload(p) for p in track.packets)
        layers = (*self.layers, f"rtp:{codec or track.kind}")
        if data:
            item = Item(data, ranges, layers, self.side.up, f"rtp:{codec or track.kind}", codec and f"audio/{codec}")
            self.conversation.sink.give(item, size)


def _sort(packets: list[Packet]) -> None:
    """Put packets in order of their unwrapped sequence numbers."""
    if not packets:
        return
    base, unwrapped = packets[0].sequence, []
    high = base
    for found in packets:
        delta = ((found.sequence - high + 0x8000) & 0xFFFF) - 0x8000
        unwrapped.append((high + delta, found))
        high = max(high, high + delta)
    unwrapped.sort(key=lambda pair: pair[0])
    packets[:] = [found for _, found in unwrapped]


def parse(conversation: Conversation, codecs: dict[int, str] | None = None) -> None:
    """Read RTP over UDP."""
    conversation.sink.speaks("rtp")
    for side in conversation.sides:
        reader = Reader(conversation, side, codecs or {})
        for start, end in side.marks:
            reader.take(start, end)
        reader.finish()

"""Streams of no known protocol: records behind a common header, escaped frames, else the whole direction."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_conformance.analysis.traffic.conversation import Conversation, Item, Side
from pytest_conformance.analysis.traffic.ranges import RangeMap

_MOST_RECORDS = 200_000
_PROBE = 40


@dataclass(frozen=True)
class Tiling:
    """A way to cut a stream into records: header size, where its length field lies, and what that counts."""

    header: int
    at: int
    width: int
    order: str
    inclusive: bool

    @property
    def layer(self) -> str:
        """How the layer is named."""
        whole = "inclusive" if self.inclusive else "exclusive"
        return f"records:h{self.header}+len{self.width * 8}{self.order[0]}@{self.at}:{whole}"


def _follow(data: bytes, tiling: Tiling, most: int) -> list[tuple[int, int]] | None:
    """Follow the lengths; the bodies (start, end), or None when they do not tile the data exactly."""
    out: list[tuple[int, int]] = []
    at, end = 0, len(data)
    header, offset, width = tiling.header, tiling.at, tiling.width
    while at < end and len(out) < most:
        if at + header > end:
            return None
        size = int.from_bytes(data[at + offset : at + offset + width], tiling.order)  # type: ignore[arg-type]
        stop = at + size if tiling.inclusive else at + header + size
        if stop > end or stop < at + header or stop == at:
            return None
        out.append((at + header, stop))
        at = stop
    return out


def tile(data: bytes) -> tuple[Tiling, list[tuple[int, int]]] | None:
    """Find a record format that tiles the data in at least three records; the smallest header wins."""
    if len(data) < 24:
        return None
    for header in range(2, 33):
        for width in (4, 2):
            for at in range(header - width + 1):
                for order in ("little", "big"):
                    first = int.from_bytes(data[at : at + width], order)
                    if first > len(data) or first == 0:
                        continue
                    for inclusive in (False, True):
                        tiling = Tiling(header, at, width, order, inclusive)
                        if _follow(data, tiling, _PROBE) is None:
                            continue
                        bodies = _follow(data, tiling, _MOST_RECORDS)
                        if bodies is not None and len(bodies) >= 3 and _plausible(data, bodies):
                            return tiling, bodies
    return None


def _plausible(data: bytes, bodies: list[tuple[int, int]]) -> bool:
    """Empty records all through are no tiling but a run of zeros."""
    filled = sum(end > start for start, end in bodies)
    return filled * 2 > len(bodies) and sum(end - start for start, end in bodies) > len(data) // 4


def unescape(data: bytes) -> bytes | None:
    """Undo byte escaping between frame delimiters: HDLC/PPP (7E, 7D) and SLIP (C0, DB); None when it is neither."""
    if len(data) < 16:
        return None
    if data[0] == 0x7E and data[-1] == 0x7E:
        frames = [frame for frame in data.split(b"\x7e") if frame]
        if all(0x7D not in frame[-1:] for frame in frames):
            parts = [_hdlc(frame) for frame in frames]
            return b"".join(part for part in parts if part is not None) if all(p is not None for p in parts) else None
    if data[-1] == 0xC0 and data.count(b"\xdb") == data.count(b"\xdb\xdc") + data.count(b"\xdb\xdd"):
        frames = [frame for frame in data.split(b"\xc0") if frame]
        return b"".join(f.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb") for f in frames)
    return None


def _hdlc(frame: bytes) -> bytes | None:
    if b"\x7d" not in frame:
        return frame
    parts = frame.split(b"\x7d")
    out = [parts[0]]
    for part in parts[1:]:
        if not part:
            return None
        out.append(bytes([part[0] ^ 0x20]) + part[1:])
    return b"".join(out)


def parse(conversation: Conversation) -> None:
    """Hand on each direction: as records where they tile it, unescaped where it is framed, else whole."""
    sink = conversation.sink
    if not sink.proto or sink.proto == "tls":
        sink.speaks("private")
    for side in conversation.sides:
        if side.data:
            _side(conversation, side)


def _side(conversation: Conversation, side: Side) -> None:
    sink, size = conversation.sink, len(side.data)
    whole = Item(side.data, side.ranges, conversation.layers, side.up, "stream")
    if not side.up or size > 32 << 20:
        sink.give(whole)
        return
    for item in _readings(side, conversation.layers):
        if sink.tried(item):
            sink.give(item, size)
            return
    sink.give(whole)


def _readings(side: Side, layers: tuple[str, ...]) -> list[Item]:
    """The ways to read a stream before it is taken whole."""
    out: list[Item] = []
    tiled = tile(side.data)
    if tiled is not None:
        tiling, bodies = tiled
        data = b"".join([side.data[a:b] for a, b in bodies])
        ranges = RangeMap.concat((b - a, side.ranges.slice(a, b)) for a, b in bodies if b > a)
        out.append(Item(data, ranges, (*layers, tiling.layer), side.up, "records"))
    plain = unescape(side.data)
    if plain:
        layer = "hdlc" if side.data[:1] == b"\x7e" else "slip"
        out.append(Item(plain, side.ranges.transformed(len(plain)), (*layers, layer), side.up, "frames"))
    return out

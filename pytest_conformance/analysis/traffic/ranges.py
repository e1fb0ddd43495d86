"""Range maps: which bytes of a transport stream a decoded item came from. No packets, no times."""

from __future__ import annotations

from collections.abc import Iterable

Piece = tuple[int, int, int, int]
"""(offset in item, length in item, offset in stream, length in stream); equal lengths map byte for byte."""


class RangeMap:
    """Where the bytes of an item lie in the transport stream of its direction.

    A piece whose two lengths are equal maps linearly; any other piece (a decrypted record, an inflated body)
    maps every byte of it to the whole stream range.
    """

    __slots__ = ("pieces",)

    def __init__(self, pieces: Iterable[Piece] = ()) -> None:
        self.pieces = list(pieces)

    @classmethod
    def identity(cls, length: int, origin: int = 0) -> RangeMap:
        """Map an item that is a stretch of the stream itself."""
        return cls([(0, length, origin, length)])

    def slice(self, start: int, end: int) -> RangeMap:
        """Map the bytes `start..end` of the item, seen as an item of its own."""
        out: list[Piece] = []
        for at, length, origin, span in self.pieces:
            if at >= end or at + length <= start:
                continue
            low, high = max(at, start), min(at + length, end)
            if length == span:
                out.append((low - start, high - low, origin + low - at, high - low))
            else:
                out.append((low - start, high - low, origin, span))
        return RangeMap(out)

    def transformed(self, length: int) -> RangeMap:
        """Map an item of `length` bytes that was computed from all of this one."""
        return RangeMap([(0, length, start, -(end - start)) for start, end in self.extents()])

    @classmethod
    def concat(cls, parts: Iterable[tuple[int, RangeMap]]) -> RangeMap:
        """Map an item joined from parts, each given as (length, its map)."""
        out: list[Piece] = []
        base = 0
        for length, part in parts:
            out.extend((at + base, n, origin, span) for at, n, origin, span in part.pieces)
            base += length
        return cls(out)

    def extents(self) -> list[tuple[int, int]]:
        """Return the disjoint, sorted stream ranges (start, end) that the item touches."""
        spans = sorted((origin, origin + abs(span)) for _, _, origin, span in self.pieces if span)
        merged: list[tuple[int, int]] = []
        for start, end in spans:
            if merged and start <= merged[-1][1]:
                if end > merged[-1][1]:
                    merged[-1] = (merged[-1][0], end)
            else:
                merged.append((start, end))
        return merged

"""Search canary strings in all the forms that they take on the wire, in one pass over the data."""

from __future__ import annotations

import base64
import hashlib
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_SHORTEST = 5


@dataclass(frozen=True)
class Needle:
    """One form of one canary string."""

    canary: str
    transform: str
    decoy: bool = False
    identifier: bool = False


def _bases(value: str) -> Iterator[tuple[str, bytes]]:
    bare = "".join(c for c in value if c.isalnum())
    for name, text in (
        ("", value),
        ("upper", value.upper()),
        ("lower", value.lower()),
        ("bare", bare),
        ("bare-upper", bare.upper()),
        ("bare-lower", bare.lower()),
        ("reversed", value[::-1]),
    ):
        yield name, text.encode("utf-8", "surrogatepass")
    yield "utf-16le", value.encode("utf-16-le", "surrogatepass")
    yield "utf-16be", value.encode("utf-16-be", "surrogatepass")
    if len(bare) >= 10 and len(bare) % 2 == 0:
        try:
            yield "binary", bytes.fromhex(bare)
        except ValueError:
            return


def _base64_core(data: bytes, shift: int) -> bytes:
    """Base64 of `data` at one of its three alignments, without the characters that neighbours share."""
    encoded = base64.b64encode(bytes(shift) + data)
    start = (shift * 8 + 5) // 6
    end = (shift + len(data)) * 8 // 6
    return encoded[start:end]


def forms(value: str) -> Iterator[tuple[str, bytes]]:
    """Yield (transform, bytes) of every form of a string that is searched."""
    for name, raw in _bases(value):
        if len(raw) < 4:
            continue
        yield name or "raw", raw
        if name in ("reversed", "bare-upper", "bare-lower"):
            continue
        prefix = f"{name}+" if name else ""
        yield prefix + "hex", raw.hex().encode()
        yield prefix + "HEX", raw.hex().upper().encode()
        for shift in range(3):
            core = _base64_core(raw, shift)
            yield f"{prefix}base64@{shift}", core
            yield f"{prefix}base64url@{shift}", core.translate(bytes.maketrans(b"+/", b"-_"))
        if name in ("", "upper", "lower", "bare", "binary"):
            yield prefix + "percent", urllib.parse.quote_from_bytes(raw, safe="").encode()
            for digest in ("md5", "sha1", "sha256"):
                made = hashlib.new(digest, raw, usedforsecurity=False).digest()
                yield f"{prefix}{digest}", made
                yield f"{prefix}{digest}+hex", made.hex().encode()
                yield f"{prefix}{digest}+HEX", made.hex().upper().encode()
                yield f"{prefix}{digest}+base64", base64.b64encode(made).rstrip(b"=")


class Haystack:
    """All needles of a run, behind a two-stage filter over the first four bytes of each."""

    def __init__(self, strings: Mapping[str, str], identifiers: Mapping[str, str], decoys: Mapping[str, str]) -> None:
        self._by_head: dict[int, list[tuple[bytes, Needle]]] = {}
        seen: set[bytes] = set()
        for group, decoy, identifier in ((strings, False, False), (identifiers, False, True), (decoys, True, False)):
            for name, value in group.items():
                for transform, raw in forms(value):
                    if len(raw) >= _SHORTEST and raw not in seen:
                        seen.add(raw)
                        head = int.from_bytes(raw[:4], "little")
                        self._by_head.setdefault(head, []).append((raw, Needle(name, transform, decoy, identifier)))
        self.empty = not self._by_head
        if not self.empty:
            self._filter()

    def _filter(self) -> None:
        """Make the two tables over byte pairs behind which the exact comparison lies."""
        import numpy as np

        self._first = np.zeros(65536, bool)
        self._second = np.zeros(65536, bool)
        for head in self._by_head:
            self._first[head & 0xFFFF] = True
            self._second[head >> 16] = True

    def search(self, data: bytes) -> list[tuple[int, int, Needle]]:
        """Return (start, end, needle) of every occurrence, at most 1,000, the longest form at each place."""
        if self.empty or len(data) < 5:
            return []
        import numpy as np

        found: list[tuple[int, int, Needle]] = []
        step = 1 << 20
        for base in range(0, len(data), step):
            raw = np.frombuffer(data, np.uint8, min(step + 3, len(data) - base), base)
            pairs = raw[:-1].astype(np.uint16) | (raw[1:].astype(np.uint16) << np.uint16(8))
            if len(pairs) < 3:
                continue
            places = np.flatnonzero(self._first[pairs[:-2]] & self._second[pairs[2:]])
            for place in places.tolist():
                self._check(data, base + place, found)
            if len(found) > 1000:
                break
        return found[:1000]

    def _check(self, data: bytes, at: int, found: list[tuple[int, int, Needle]]) -> None:
        candidates = self._by_head.get(int.from_bytes(data[at : at + 4], "little"))
        if not candidates:
            return
        hits = [(len(raw), needle) for raw, needle in candidates if data.startswith(raw, at)]
        if hits:
            length, needle = max(hits, key=lambda hit: hit[0])
            if not found or found[-1][1] < at + length or found[-1][2].canary != needle.canary:
                found.append((at, at + length, needle))

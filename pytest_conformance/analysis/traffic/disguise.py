"""Obfuscations and keys known to the bench. A validated decode is required before anything is believed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic import carve, ciphers
from pytest_conformance.analysis.traffic.containers import Child
from pytest_conformance.analysis.traffic.conversation import Item
from pytest_conformance.analysis.traffic.model import Accounting

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.examiner import Examiner

_HEAD = 65536
_LARGEST = 32 << 20
_JFIF = bytes.fromhex("ffd8ffe000104a464946")
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_KNOWN: tuple[tuple[bytes, bytes], ...] = (
    (_JFIF, b""),
    (b"\xff\xd8\xff\xdb\x00\x43\x00", b""),
    (_PNG, b""),
    (b"ftypheic", b""),
    (b"ftypmif1", b""),
    (b"ftypavif", b""),
    (b"PK\x03\x04\x14\0\0\0", b""),
)
_MAGICS = (
    b"\xff\xd8\xff\xe0",
    b"\xff\xd8\xff\xe1",
    b"\xff\xd8\xff\xdb",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"GIF87a",
    b"\x1f\x8b\x08\x00\x00",
    b"ftyphei",
    b"ftypmif",
    b"ftypavi",
    b"WEBPVP8",
    b"PK\x03\x04",
)

_REVERSED_BITS = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_NIBBLES = bytes((value & 15) << 4 | value >> 4 for value in range(256))


def _translated(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield (layer, table) of single-byte substitutions under which the head shows a magic."""
    head = data[:_HEAD]
    for magic in _MAGICS:
        for kind, steps in (("xor", _xor_steps(magic)), ("add", _add_steps(magic))):
            for value, at in _single(head, kind, magic, steps):
                if at >= 0 and value:
                    table = bytes((c ^ value if kind == "xor" else (c - value) & 255) for c in range(256))
                    yield (f"{kind}:{value:02x}" if value != 255 or kind == "add" else "not"), table
    for name, table in (("bit-reversal", _REVERSED_BITS), ("nibble-swap", _NIBBLES)):
        if any(magic.translate(table) in head for magic in _MAGICS):
            yield name, table


def _xor_steps(magic: bytes) -> bytes:
    return bytes(a ^ b for a, b in itertools.pairwise(magic))


def _add_steps(magic: bytes) -> bytes:
    return bytes((b - a) & 255 for a, b in itertools.pairwise(magic))


class _Differences:
    """The head's byte-to-byte differences, under which a constant key vanishes."""

    def __init__(self, head: bytes) -> None:
        import numpy as np

        raw = np.frombuffer(head, np.uint8)
        self.xor = (raw[1:] ^ raw[:-1]).tobytes()
        self.add = (raw[1:] - raw[:-1]).tobytes()


_CACHE: dict[int, _Differences] = {}


def _single(head: bytes, kind: str, magic: bytes, steps: bytes) -> list[tuple[int, int]]:
    """Find a magic under any constant key: differences of neighbours do not depend on the key."""
    key = hash(head)
    if key not in _CACHE:
        _CACHE.clear()
        _CACHE[key] = _Differences(head)
    differences = _CACHE[key].xor if kind == "xor" else _CACHE[key].add
    out: list[tuple[int, int]] = []
    at = differences.find(steps)
    while at >= 0 and len(out) < 4:
        value = head[at] ^ magic[0] if kind == "xor" else (head[at] - magic[0]) & 255
        out.append((value, at))
        at = differences.find(steps, at + 1)
    return out


def _swapped(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield (layer, whole data) of reorderings under which a picture's magic shows."""
    import numpy as np

    head = data[:_HEAD]
    for width, dtype in ((2, np.uint16), (4, np.uint32)):
        for shift in range(width):
            part = np.frombuffer(head[shift:], dtype, (len(head) - shift) // width).byteswap().tobytes()
            if any(magic in part for magic in _MAGICS):
                count = (len(data) - shift) // width
                whole = np.frombuffer(data[shift:], dtype, count).byteswap().tobytes()
                yield f"swap{width * 8}@{shift}", data[:shift] + whole + data[shift + count * width :]
    tail = data[-_HEAD:][::-1]
    if any(magic in tail for magic in _MAGICS):
        yield "byte-reversal", data[::-1]


def _periodic(key: bytes, longest: int = 32) -> bytes:
    """Return the shortest period of an implied key stream, empty when there is none inside it."""
    for size in range(1, min(longest, len(key) - 2) + 1):
        if all(key[i] == key[i % size] for i in range(size, len(key))):
            return key[:size]
    return b""


def repeating_keys(data: bytes, longest: int = 32) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, key) of repeating XOR keys implied by known heads, where the key repeats inside the head.

    For keys longer than a head shows, the rest comes from the most frequent byte of each key position, on the
    assumption that zero is the most frequent plain byte of a picture's tables.
    """
    head = data[:4096]
    for magic, _ in _KNOWN:
        for at in range(min(len(head) - len(magic), 256)):
            implied = bytes(a ^ b for a, b in zip(head[at : at + len(magic)], magic, strict=False))
            key = _periodic(implied)
            if key and any(key):
                yield at, key


def _long_keys(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (0, key) for keys up to 32 bytes: JPEG and PNG heads fix part, zeros and repeats of the body the rest."""
    import numpy as np

    part = np.frombuffer(data[: 1 << 16], np.uint8)
    for size in range(2, 33):
        rows = len(part) // size
        if rows < 24:
            return
        grid = part[: rows * size].reshape(rows, size)
        key = bytes(int(np.bincount(grid[:, column], minlength=256).argmax()) for column in range(size))
        for plain in (0, 0xFF):
            yield 0, bytes(c ^ plain for c in key)


def _xor(data: bytes, key: bytes, at: int) -> bytes:
    """XOR with a repeating key whose first byte falls on offset `at`."""
    phase = at % len(key)
    turned = key[-phase:] + key[:-phase] if phase else key
    size = len(data)
    stream = (turned * (size // len(key) + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")


def _fixed_head(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield repeating-key candidates whose plain text shows a picture at the start."""
    tried: set[bytes] = set()
    for at, key in repeating_keys(data):
        layer = f"xor:{key.hex()}@{at % len(key)}"
        if key + bytes([at % len(key)]) not in tried:
            tried.add(key + bytes([at % len(key)]))
            yield layer, _xor(data, key, at)
    for magic in (_JFIF, _PNG):
        for at in range(min(64, max(len(data) - len(magic), 0))):
            yield from _extended(data, magic, at)
            yield from _counting(data, magic, at)


def _extended(data: bytes, magic: bytes, at: int) -> Iterator[tuple[str, bytes]]:
    """Keys longer than the magic: its bytes give the key's head; each longer period is checked on a second place."""
    implied = bytes(a ^ b for a, b in zip(data[at : at + len(magic)], magic, strict=False))
    for size in range(len(magic) - 1, 33):
        guess = _fill(data, at, implied[:size], size, magic)
        if guess is not None:
            yield f"xor:{guess.hex()}@{at % size}", _xor(data, guess, at)


def _fill(data: bytes, at: int, implied: bytes, size: int, magic: bytes) -> bytes | None:
    """Complete a key of `size` bytes from its known head by the commonest byte at the other positions."""
    known = min(len(implied), size)
    if len(implied) < min(len(magic), size):
        return None
    body = data[at : at + 2048]
    key = bytearray(implied[:known])
    for position in range(known, size):
        column = body[position::size][:48]
        if len(column) < 8:
            return None
        counts: dict[int, int] = {}
        for value in column:
            counts[value] = counts.get(value, 0) + 1
        best = max(counts, key=lambda value: (counts[value], value))
        if counts[best] < 3:
            return None
        key.append(best)
    return bytes(key)


def _counting(data: bytes, magic: bytes, at: int) -> Iterator[tuple[str, bytes]]:
    """XOR with a counter that rises by a constant step per byte."""
    implied = [a ^ b for a, b in zip(data[at : at + len(magic)], magic, strict=False)]
    if len(implied) < len(magic):
        return
    step = (implied[1] - implied[0]) & 255
    if not step or any((implied[i] - implied[0] - i * step) & 255 for i in range(len(implied))):
        return
    start = (implied[0] - at * step) & 255
    stream = bytes((start + i * step) & 255 for i in range(256))
    size = len(data)
    repeated = (stream * (size // 256 + 1))[:size]
    plain = (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
    yield f"xor-counter:{start:02x}+{step:02x}", plain


def candidates(examiner: Examiner, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield (layer, plain bytes) that are worth a look, the promising first."""
    for layer, table in _translated(data):
        yield layer, data.translate(table)
    yield from _swapped(data)
    yield from _fixed_head(data)
    for name, key in ciphers.known_keys(examiner):
        for layer, plain in ciphers.attempts(data, key):
            yield f"{layer}:{name}", plain


def undo(examiner: Examiner, item: Item, depth: int) -> Accounting | None:
    """Try each disguise; a picture that decodes, or an item of which most is understood, is believed."""
    if len(item.data) > _LARGEST or any(layer.startswith("undone-") for layer in item.layers):
        return None
    tried = 0
    for layer, plain in candidates(examiner, item.data):
        tried += 1
        if tried > 400:
            break
        if not _promising(plain, layer):
            continue
        mark = len(examiner.found)
        inner = examiner.descend(item, Child(0, len(item.data), plain, f"undone-{layer}", False), depth)
        if len(examiner.found) > mark or (layer.startswith("aes") and inner.understood > inner.total * 3 // 4):
            return examiner.combine(item, [inner])
        del examiner.found[mark:]
    return None


def _promising(plain: bytes, layer: str) -> bool:
    """A cheap look: a picture with right structure, an archive, or text where a cipher was undone."""
    if carve.pictures(plain[: 1 << 20]):
        return True
    if any(magic in plain[:64] for magic in (b"\x1f\x8b\x08", b"PK\x03\x04")):
        return True
    from pytest_conformance.analysis.traffic.textcodes import is_text

    return not layer.startswith(("xor", "add")) and is_text(plain[:256])

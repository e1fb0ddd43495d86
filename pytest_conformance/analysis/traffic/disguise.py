"""Obfuscations and keys known to the bench. A validated decode is required before anything is believed."""

from __future__ import annotations

import itertools
from collections import Counter
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
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_JFIF_FULL = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb004300")
_KNOWN: tuple[bytes, ...] = (
    _JFIF_FULL,
    bytes.fromhex("ffd8ffe000104a4649460001"),
    bytes.fromhex("ffd8ffdb004300"),
    _PNG,
    b"ftypheic",
    b"ftypmif1",
    b"ftypavif",
    b"PK\x03\x04\x14\0\0\0",
)
_KEYED_HEAD = 4096
_BODY = 2048
"""Bytes of a picture, head and body, by which a long key is guessed."""
_LONG_KEY_OFFSETS = 4
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


def _shifted_xor(head: bytes, period: int) -> bytes:
    """XOR of a buffer with itself moved by `period`: a repeating key of that period vanishes in it."""
    size = len(head) - period
    one, two = int.from_bytes(head[:size], "big"), int.from_bytes(head[period:], "big")
    return (one ^ two).to_bytes(size, "big")


def repeating_keys(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, key) of repeating XOR keys under which a known head shows near the start.

    For each period the head XORed with itself moved by the period is searched; three bytes or more must agree.
    """
    head = data[:_KEYED_HEAD]
    for period in range(2, 33):
        if len(head) <= period + 3:
            return
        moved = _shifted_xor(head, period)
        for magic in _KNOWN:
            if len(magic) < period + 3:
                continue
            at = moved.find(_shifted_xor(magic, period))
            if at >= 0:
                key = bytes(a ^ b for a, b in zip(head[at : at + period], magic, strict=False))
                if len(key) == period and any(key) and any(head[at : at + period]):
                    yield at, key


def _xor(data: bytes, key: bytes, at: int) -> bytes:
    """XOR with a repeating key whose first byte falls on offset `at`."""
    phase = at % len(key)
    turned = key[-phase:] + key[:-phase] if phase else key
    size = len(data)
    stream = (turned * (size // len(key) + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")


def _fixed_head(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield repeating-key candidates whose plain text shows a picture at the start.

    None for text: no key turns the body of a picture, in which all bytes occur, into seven-bit characters only.
    """
    if len(data) >= _BODY and data[:_BODY].isascii():
        return
    for at, key in repeating_keys(data):
        yield f"xor:{key.hex()}@{at % len(key)}", _xor(data, key, at)
    for magic in (_JFIF_FULL, _PNG):
        if len(data) >= _BODY:
            for at in range(_LONG_KEY_OFFSETS):
                yield from _extended(data, magic, at)
        yield from _counting(data, magic)


def _extended(data: bytes, magic: bytes, at: int) -> Iterator[tuple[str, bytes]]:
    """Keys longer than a head can prove: its bytes give their start, the commonest bytes of the body the rest.

    Where the head is there in clear, or is nothing but zeros (a hole), there is no key. Where the key is shorter than
    the head, the head's last byte, which is the same in every picture, must agree with the key begun anew.
    """
    head = data[at : at + len(magic)]
    implied = bytes(a ^ b for a, b in zip(head, magic, strict=False))
    if not any(head) or not any(implied):
        return
    last = len(magic) - 1
    for size in range(max(len(magic) - 2, 14), 33):
        if size <= last and implied[last] != implied[last - size]:
            continue
        guess = _fill(data, at, implied[:size], size, magic)
        if guess is not None:
            yield f"xor:{guess.hex()}@{at % size}", _xor(data, guess, at)


def _fill(data: bytes, at: int, implied: bytes, size: int, magic: bytes) -> bytes | None:
    """Complete a key of `size` bytes from its known head by the commonest byte at the other positions."""
    known = min(len(implied), size)
    if len(implied) < min(len(magic), size):
        return None
    body = data[at : at + _BODY]
    key = bytearray(implied[:known])
    for position in range(known, size):
        column = body[position::size][:48]
        if len(column) < 8:
            return None
        count, best = max((count, value) for value, count in Counter(column).items())
        if count < 3:
            return None
        key.append(best)
    return bytes(key)


def _counting(data: bytes, magic: bytes) -> Iterator[tuple[str, bytes]]:
    """XOR with a counter that rises by a constant step per byte."""
    magic = magic[:10]
    for at in range(min(64, max(len(data) - len(magic), 0))):
        first, second = data[at] ^ magic[0], data[at + 1] ^ magic[1]
        step = (second - first) & 255
        if not step or any((data[at + i] ^ magic[i]) != (first + i * step) & 255 for i in range(2, len(magic))):
            continue
        start = (first - at * step) & 255
        stream = bytes((start + i * step) & 255 for i in range(256))
        yield f"xor-counter:{start:02x}+{step:02x}", _xor(data, stream, 0)


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
    examiner.budget.disguises -= 1
    if (
        examiner.budget.disguises < 0
        or len(item.data) > _LARGEST
        or any(layer.startswith("undone-") for layer in item.layers)
    ):
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
    if carve.shows_picture(plain[: 1 << 20]):
        return True
    if any(magic in plain[:64] for magic in (b"\x1f\x8b\x08", b"PK\x03\x04")):
        return True
    from pytest_conformance.analysis.traffic.textcodes import is_text

    return not layer.startswith(("xor", "add")) and is_text(plain[:256])

"""Text encodings: base64 in its dialects, base32, hex, quoted-printable, percent and backslash escapes."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
import urllib.parse
from collections.abc import Iterator
from string import ascii_lowercase, ascii_uppercase, digits
from typing import NamedTuple

SHORTEST_RUN = 48
_RUN = re.compile(rb"[A-Za-z0-9+/_\-]{48,}={0,2}")
_LINES = re.compile(rb"(?:[A-Za-z0-9+/]{40,128}\r?\n[ \t]?){2,}[A-Za-z0-9+/]*={0,2}")
_HEX = b"0123456789abcdefABCDEF"
_BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_BASE32HEX = b"0123456789ABCDEFGHIJKLMNOPQRSTUV"
_UPPER, _LOWER, _DIGITS = (string.encode() for string in (ascii_uppercase, ascii_lowercase, digits))
_PRINTABLE = bytes(range(32, 127)) + b"\t\r\n\f\v"
_ESCAPED = re.compile(rb"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[0-7]{3}|[nrtbf/\"'\\])")


_RUN_MARKS = bytes(65 if (chr(c).isalnum() and c < 128) or c in b"+/_-" else 32 for c in range(256))
_RUN_MARK = b"A" * SHORTEST_RUN
_LINE_MARK = b"A" * 40


class Run(NamedTuple):
    """A stretch of text that may be encoded bytes: its extent, its characters, and the likely codes in order."""

    start: int
    end: int
    text: bytes
    codes: tuple[str, ...]


def is_text(data: bytes) -> bool:
    """Tell whether bytes are printable text in ASCII, UTF-8 or UTF-16 with few exceptions."""
    rest = data.translate(None, _PRINTABLE)
    if not rest:
        return True
    if len(rest) > len(data) * 0.9:
        return False
    if any(c < 32 or c == 127 for c in rest[:4096]):
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return len(data) - error.start < 4 and len(data) > 16
    return True


def _codes(text: bytes) -> tuple[str, ...]:
    text = text.rstrip(b"=")
    if len(text) % 2 == 0 and _only(text, _HEX):
        return ("hex", "base64")
    if _only(text, _BASE32):
        return ("base32", "base64")
    if _only(text, _BASE32HEX):
        return ("base32hex", "base64")
    return ("base64url",) if b"-" in text or b"_" in text else ("base64",)


def _only(text: bytes, letters: bytes) -> bool:
    """Tell whether a text has no other letters; a short head decides it for most."""
    return not text[:64].translate(None, letters) and not text.translate(None, letters)


def runs(data: bytes) -> Iterator[Run]:
    """Yield the stretches of 48 characters or more that may be encoded bytes; wrapped lines are joined."""
    marks = data.translate(_RUN_MARKS)
    if _RUN_MARK not in marks and _LINE_MARK not in marks:
        return
    taken = 0
    wrapped = list(_LINES.finditer(data)) if b"\n" in data else []
    for match in wrapped:
        text = b"".join(match.group().split())
        yield Run(match.start(), match.end(), text, _codes(text))
    index = 0
    for match in _RUN.finditer(data):
        while index < len(wrapped) and wrapped[index].end() <= match.start():
            index += 1
        if index < len(wrapped) and wrapped[index].start() <= match.start():
            continue
        taken += 1
        if taken > 5000:
            return
        yield Run(match.start(), match.end(), match.group(), _codes(match.group()))


def undo(code: str, text: bytes, shift: int = 0) -> bytes | None:
    """Decode the characters of a run from `shift` on; None when they do not fit the code."""
    text = text.rstrip(b"=")[shift:]
    try:
        if code == "hex":
            return binascii.unhexlify(text[: len(text) // 2 * 2])
        if code in ("base64", "base64url"):
            if code == "base64url":
                text = text.translate(bytes.maketrans(b"-_", b"+/"))
            text = text[: len(text) - 1] if len(text) % 4 == 1 else text
            return binascii.a2b_base64(text + b"=" * (-len(text) % 4))
        if code == "base32hex":
            text = text.translate(
                bytes.maketrans(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
            )
        text = text[: len(text) - {1: 1, 3: 1, 6: 1}.get(len(text) % 8, 0)]
        return base64.b32decode(text + b"=" * (-len(text) % 8))
    except (ValueError, binascii.Error):
        return None


def looks_random(text: bytes) -> bool:
    """Tell whether a run is encoded bytes rather than words, a path or a constant.

    True base64 of unknown bytes mixes upper case, lower case and digits; hex and base32 mix letters and digits.
    """
    size = len(text)
    upper, lower, digits = (size - len(text.translate(None, letters)) for letters in (_UPPER, _LOWER, _DIGITS))
    if len(frozenset(text)) < 9:
        return False
    least = max(2, len(text) // 20)
    return digits >= least and (upper >= least or lower >= least)


def unescapes(data: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield the text with its percent, backslash or quoted-printable escapes undone, for each kind that it has."""
    if re.search(rb"%[0-9A-Fa-f]{2}", data):
        yield urllib.parse.unquote_to_bytes(data), "percent"
    if b"=\n" in data or b"=\r\n" in data or re.search(rb"=[0-9A-F]{2}", data):
        plain = quopri.decodestring(data)
        if plain != data:
            yield plain, "quoted-printable"
    if b"\\" in data and _ESCAPED.search(data):
        yield _ESCAPED.sub(_escape, data), "escapes"


def _escape(match: re.Match[bytes]) -> bytes:
    body = match.group()[1:]
    if body[:1] == b"x":
        return bytes([int(body[1:], 16)])
    if body[:1] == b"u":
        value = int(body[1:], 16)
        return bytes([value]) if value < 256 else chr(value).encode("utf-8", "replace")
    if body.isdigit():
        return bytes([int(body, 8) & 255])
    return {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}.get(body, body)

"""DNS messages: questions, answers and names. No network, no judgement."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

TYPES = {
    1: "A",
    2: "NS",
    5: "CNAME",
    6: "SOA",
    10: "NULL",
    12: "PTR",
    15: "MX",
    16: "TXT",
    28: "AAAA",
    33: "SRV",
    41: "OPT",
    47: "NSEC",
    64: "SVCB",
    65: "HTTPS",
    255: "ANY",
    65399: "PRIVATE",
}
_TWO_LEVEL = frozenset(
    [
        "co.uk",
        "org.uk",
        "ac.uk",
        "gov.uk",
        "com.cn",
        "net.cn",
        "org.cn",
        "gov.cn",
        "edu.cn",
        "ac.cn",
        "com.au",
        "net.au",
        "org.au",
        "co.jp",
        "ne.jp",
        "or.jp",
        "co.kr",
        "com.br",
        "com.tw",
        "com.hk",
        "com.sg",
        "co.in",
        "co.nz",
        "co.za",
        "com.mx",
        "com.tr",
        "com.my",
    ]
)


@dataclass
class Message:
    """One DNS message; names keep their bytes as latin-1 text, labels are lists of bytes."""

    ident: int
    response: bool
    code: int
    questions: list[tuple[list[bytes], int]] = field(default_factory=list)
    answers: list[tuple[list[bytes], int, bytes, list[bytes]]] = field(default_factory=list)
    end: int = 0
    trailing: int = 0
    edns: int = 0


def name_text(labels: list[bytes]) -> str:
    """Join labels to a name; control characters and dots inside labels are escaped."""
    return ".".join("".join(chr(c) if 33 <= c < 127 and c != 46 else f"\\{c:03d}" for c in label) for label in labels)


def registered(labels: list[bytes]) -> str:
    """Return the registered domain of a name: two labels, or three under well-known two-level suffixes."""
    last = name_text(labels[-2:]).lower()
    return name_text(labels[-3:]).lower() if last in _TWO_LEVEL and len(labels) > 2 else last


def _name(data: bytes, at: int) -> tuple[list[bytes], int]:
    labels: list[bytes] = []
    after, jumps, total = -1, 0, 0
    while True:
        length = data[at]
        if length == 0:
            return labels, after if after >= 0 else at + 1
        if length & 0xC0 == 0xC0:
            if jumps > 32:
                raise IndexError
            after = at + 2 if after < 0 else after
            at = (length & 0x3F) << 8 | data[at + 1]
            jumps += 1
            continue
        if length & 0xC0 or total > 255 or at + 1 + length > len(data):
            raise IndexError
        labels.append(data[at + 1 : at + 1 + length])
        total += length + 1
        at += 1 + length


def parse(data: bytes) -> Message | None:
    """Parse a message (RFC 1035); None when it is not one. Compression loops and overlong names are refused."""
    if len(data) < 12:
        return None
    ident, flags, *counts = struct.unpack_from(">HHHHHH", data)
    if flags & 0x0040 or counts[0] > 32 or sum(counts) > 1000 or sum(counts) == 0 or (flags >> 11 & 15) > 6:
        return None
    message = Message(ident, bool(flags & 0x8000), flags & 15)
    at = 12
    try:
        for _ in range(counts[0]):
            labels, at = _name(data, at)
            kind, _class = struct.unpack_from(">HH", data, at)
            at += 4
            message.questions.append((labels, kind))
        for _ in range(sum(counts[1:])):
            labels, at = _name(data, at)
            kind, _class, _ttl, length = struct.unpack_from(">HHIH", data, at)
            at += 10
            if at + length > len(data):
                raise IndexError
            target = _name(data, at)[0] if kind in (2, 5, 12) else []
            if kind == 41:
                message.edns += length
            message.answers.append((labels, kind, data[at : at + length], target))
            at += length
    except (IndexError, struct.error):
        if not message.questions and not message.answers:
            return None
        message.trailing = -1
        message.end = len(data)
        return message
    message.end = at
    message.trailing = len(data) - at
    return message

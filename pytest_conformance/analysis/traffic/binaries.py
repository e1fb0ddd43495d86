"""Binary items that are neither text nor picture: structure, embedded compression, template, then opaque."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic import compression, rawframes, uniformity
from pytest_conformance.analysis.traffic.containers import Child
from pytest_conformance.analysis.traffic.conversation import Item
from pytest_conformance.analysis.traffic.model import Accounting, Match

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.examiner import Examiner

_HEAD = 65536
_BARE_LARGEST = 32 << 20
_LONG_TEXT = re.compile(rb"[\t\r\n -~]{200,}")
_EMBEDDED = (b"\x1f\x8b\x08", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"BZh9", b"PK\x03\x04")


def examine(examiner: Examiner, item: Item, depth: int) -> Accounting:
    """Try what a binary item can be, in the order of promise; what is left is opaque."""
    for attempt in (_structured, _embedded, _bare, rawframes.examine, _encoded, _template, _disguised):
        account = attempt(examiner, item, depth)
        if account is not None:
            return account
    return opaque(item)


def opaque(item: Item) -> Accounting:
    """Give up on an item; bytes that are not uniform are not well encrypted, which is a reason of its own."""
    size = len(item.data)
    reason = "opaque-bytes" if uniformity.is_uniform(item.data) else "home-made-encoding"
    if size >= 512 and uniformity.repeated_blocks(item.data) > max(2, size // 1600):
        reason = "ecb-repeats"
    return Accounting(size, opaque=size, reasons={reason: size})


def _structured(examiner: Examiner, item: Item, depth: int) -> Accounting | None:
    from pytest_conformance.analysis.traffic import structures

    for opener in structures.OPENERS:
        children = opener(item.data, item.declared)
        if children is not None:
            return examiner.combine(item, [examiner.child(item, child, depth) for child in children])
    return None


def _embedded(examiner: Examiner, item: Item, depth: int) -> Accounting | None:
    """Find a compressed stream behind a header of any kind."""
    data = item.data
    places = sorted(at for magic in _EMBEDDED if (at := data.find(magic, 1, _HEAD)) > 0)
    zlib_at = [
        at for magic in (b"\x78\x9c", b"\x78\xda", b"\x78\x01", b"\x78\x5e") if (at := data.find(magic, 1, _HEAD)) > 0
    ]
    for at in places + sorted(zlib_at):
        head = data[at : at + _HEAD]
        name = compression.by_magic(head) or ("zip" if head.startswith(b"PK") else "")
        if not name or not compression.begins(name, head):
            continue
        mark = len(examiner.found)
        inner = examiner.descend(item, Child(at, len(data), data[at:], f"at:{at}"), depth)
        if len(examiner.found) > mark or inner.understood + inner.hit > (len(data) - at) // 2:
            before = (
                Accounting(at, understood=at)
                if at <= 32
                else examiner.descend(item, Child(0, at, data[:at], "head"), depth)
            )
            return examiner.combine(item, [before, inner])
    return None


def _bare(examiner: Examiner, item: Item, depth: int) -> Accounting | None:
    """Unpack deflate and brotli that nothing announces: the whole of an item, or all behind a short magic.

    Neither has a magic or a checksum: only what ends where the item ends and then makes sense is believed.
    """
    if not 64 <= len(item.data) <= _BARE_LARGEST:
        return None
    for at, name, plain in compression.bare(item.data):
        mark = len(examiner.found)
        inner = examiner.descend(item, Child(at, len(item.data), plain, name, False), depth)
        if len(examiner.found) > mark or inner.understood + inner.hit > (len(item.data) - at) // 2:
            return examiner.combine(item, [Accounting(at, understood=at), inner])
    return None


def _encoded(examiner: Examiner, item: Item, depth: int) -> Accounting | None:
    """Find a long stretch of text inside binary data: a message of an unknown protocol with an encoded body."""
    match = _LONG_TEXT.search(item.data)
    if match is None:
        return None
    start, end = match.span()
    mark = len(examiner.found)
    inner = examiner.descend(item, Child(start, end, match.group(), f"text@{start}"), depth)
    if len(examiner.found) == mark and inner.understood + inner.hit < (end - start) // 2:
        return None
    parts = [inner]
    for a, b in ((0, start), (end, len(item.data))):
        if b - a > 32:
            parts.append(examiner.descend(item, Child(a, b, item.data[a:b], "beside-text"), depth))
    return examiner.combine(item, parts)


def _template(examiner: Examiner, item: Item, depth: int) -> Accounting | None:
    if not item.up or len(item.data) > 4 << 20:
        return None
    recognisers = examiner.recognisers
    found = recognisers.template(item.data)
    if found is None:
        return _shaped(examiner, item)
    from pytest_conformance.analysis.traffic.recognisers import report_template

    report_template(examiner, item, found, "", item.data[found.start : found.end])
    parts = [Accounting(found.end - found.start, hit=found.end - found.start)]
    for start, end in ((0, found.start), (found.end, len(item.data))):
        if end - start > 32:
            parts.append(examiner.descend(item, Child(start, end, item.data[start:end], "beside-template"), depth))
    return examiner.combine(item, parts)


def _shaped(examiner: Examiner, item: Item) -> Accounting | None:
    """Report what only looks like a template: never a proof, and the bytes stay opaque."""
    from pytest_conformance.analysis.traffic.templates import shaped_like_template

    extent = shaped_like_template(item.data[: 1 << 20])
    if extent is None:
        return None
    match = Match("shape", "", 0, 0, None, "float32", suspect=True)
    examiner.report(item, "template", "float32-shape", *extent, match=match)
    size = len(item.data)
    return Accounting(size, opaque=size, reasons={"template-shaped": size})


def _disguised(examiner: Examiner, item: Item, depth: int) -> Accounting | None:
    if not item.up or depth > 4 or len(item.data) < 64:
        return None
    from pytest_conformance.analysis.traffic import disguise

    return disguise.undo(examiner, item, depth)

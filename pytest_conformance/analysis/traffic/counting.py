"""The flow pass: count what each flow carried and when, and name its peer, without reading the content."""

from __future__ import annotations

from collections.abc import Callable

from pytest_conformance.analysis.traffic import tls, tls_hello
from pytest_conformance.analysis.traffic.conversation import Sink
from pytest_conformance.analysis.traffic.flowstate import Flow
from pytest_conformance.analysis.traffic.halves import Half, RawSegment
from pytest_conformance.analysis.traffic.model import Accounting

UNREAD = "content-not-read"
READ_ANYWAY = frozenset((53, 67, 68, 123, 1900, 5353, 5355))
"""UDP ports whose flows are read also in a flow pass: names and leases are needed, and there is little of them."""
_HEAD = 4096


def new_bytes(flow: Flow, half: Half) -> list[tuple[float, int]]:
    """Return (time, bytes not sent before) of each packet; a retransmission counts for nothing."""
    if flow.transport != "tcp" or half.ordered:
        return [(segment[4], segment[1]) for segment in half.segments]
    out: list[tuple[float, int]] = []
    high = 0 if half.anchored else min((segment[0] for segment in half.segments), default=0)
    holes: list[tuple[int, int]] = []
    for offset, length, _, _, time in half.segments:
        end = offset + length
        fresh = max(end - max(offset, high), 0)
        if offset > high:
            holes.append((high, offset))
        elif holes and offset < high:
            holes, filled = _fill(holes, offset, end)
            fresh += filled
        high = max(high, end)
        if fresh:
            out.append((time, fresh))
    return out


def _fill(holes: list[tuple[int, int]], start: int, end: int) -> tuple[list[tuple[int, int]], int]:
    """Close what a late segment fills; return the holes that stay and the bytes that were filled."""
    left: list[tuple[int, int]] = []
    filled = 0
    for low, high in holes:
        a, b = max(low, start), min(high, end)
        if a >= b:
            left.append((low, high))
            continue
        filled += b - a
        left += [part for part in ((low, a), (b, high)) if part[1] > part[0]]
    return left, filled


def account(flow: Flow, half: Half, captured: int) -> Accounting:
    """Return the account of a direction of which nothing was read: opaque, and gap where bytes are missing."""
    if flow.transport == "tcp":
        low = 0 if half.anchored else min((segment[0] for segment in half.segments), default=0)
        missing = max(half.position - low - captured, 0)
        if half.acked is not None and half.acked - half.position > 1:
            missing += half.acked - half.position
    else:
        missing = half.volume - captured
    reasons = {reason: count for reason, count in ((UNREAD, captured), ("stream-gap", missing)) if count}
    return Accounting(captured + missing, opaque=captured, gap=missing, reasons=reasons)


def name_peer(flow: Flow, sink: Sink, read: Callable[[int | bytes, int], bytes]) -> None:
    """Take the name that the client asked for from its TLS hello, where the flow starts with one."""
    half = flow.up if flow.initiated_by_device else flow.down
    data = _head(half.segments, read)
    if not tls.looks_like_tls(data):
        sink.speaks("")
        return
    sink.encrypted = True
    sink.speaks("tls")
    for kind, body in tls_hello.handshake_messages(data[5 : 5 + (data[3] << 8 | data[4])])[0]:
        hello = tls_hello.client_hello(body) if kind == 1 else None
        if hello is not None:
            sink.name("ech-outer" if hello.ech else "sni", hello.sni)


def _head(segments: list[RawSegment], read: Callable[[int | bytes, int], bytes]) -> bytes:
    parts, size = [], 0
    for segment in segments[:8]:
        parts.append(read(segment[2], segment[1]))
        size += segment[1]
        if size >= _HEAD:
            break
    return b"".join(parts)[:_HEAD]

"""Message bodies of HTTP/1, HTTP/2 and HTTP/3: undo the declared encodings and hand the rest on."""

from __future__ import annotations

from pytest_conformance.analysis.traffic.compression import BY_NAME
from pytest_conformance.analysis.traffic.conversation import Item, Sink
from pytest_conformance.analysis.traffic.ranges import RangeMap

_LONG_VALUE = 64
_COMMON = frozenset(
    b"host user-agent accept accept-encoding accept-language connection content-length content-type cache-control "
    b"pragma date server transfer-encoding content-encoding expect upgrade origin referer te trailer vary via "
    b"sec-websocket-version sec-websocket-protocol content-range range if-modified-since last-modified "
    b":method :path :scheme :authority :status".split()
)


def encodings(values: list[bytes]) -> list[str]:
    """Return the declared encodings in the order in which they were applied."""
    return [name.strip().decode("latin-1").lower() for value in values for name in value.split(b",") if name.strip()]


def give_body(
    sink: Sink,
    up: bool,
    body: bytes,
    ranges: RangeMap,
    layers: tuple[str, ...],
    applied: list[str],
    declared: str,
    label: str,
    order: int | None = None,
    holed: bool = False,
) -> None:
    """Undo `applied` encodings, last first, and examine what comes out; it stands for len(body) stream bytes."""
    if not body:
        return
    data = body
    for name in reversed(applied):
        if name in ("identity", "chunked", "none", "aws-chunked"):
            continue
        decompress = BY_NAME.get(name)
        unpacked = decompress(data, 1 << 28) if decompress is not None else None
        if unpacked is not None and unpacked.missing:
            account = sink.account(up)
            account.opaque += len(body)
            reason = f"decoder-missing:{unpacked.missing}"
            account.reasons[reason] = account.reasons.get(reason, 0) + len(body)
            return
        if unpacked is None or not unpacked.data:
            sink.flags.add("content-encoding-wrong")
            break
        if unpacked.bound:
            sink.flags.add("decode-bound")
            reasons = sink.account(up).reasons
            reasons["decode-bound"] = reasons.get("decode-bound", 0) + len(body)
            sink.account(up).opaque += len(body)
            sink.account(up).understood -= len(body)
        data = unpacked.data
        layers = (*layers, "brotli" if name == "br" else name.removeprefix("x-"))
        ranges = ranges.transformed(len(data))
    if declared.startswith("application/dns-message") and sink.resolve is not None and sink.resolve(data, up):
        layers, declared = (*layers, "dns"), "dns"
        account = sink.account(up)
        before = account.opaque
        sink.give(Item(data, ranges, layers, up, label, declared, order, holed=holed), weight=len(body))
        account.understood += account.opaque - before
        account.opaque = before
        return
    sink.give(Item(data, ranges, layers, up, label, declared, order, holed=holed), weight=len(body))


def weigh_headers(sink: Sink, up: bool, headers: list[tuple[bytes, bytes]]) -> None:
    """Count long free header values into the covert allowance."""
    for name, value in headers:
        if len(value) > _LONG_VALUE and name.lower() not in _COMMON:
            sink.account(up).covert += len(value)


def examine_head(
    sink: Sink, up: bool, ranges: RangeMap, layers: tuple[str, ...], target: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    """Search long header values and the request target; they stand for no extra stream bytes."""
    texts = [("target", target)] if target else []
    texts += [
        (f"header:{n.decode('latin-1').lower()}", v) for n, v in headers if n.lower() not in _COMMON or len(v) > 64
    ]
    joined = [(name, value) for name, value in texts if len(value) >= 6]
    for name, value in joined:
        sink.give(Item(value, ranges.transformed(len(value)), (*layers, name), up, name, "head", group=False), weight=0)

"""Objects that only appear when messages are put together: pieces, ranges, names of DNS questions."""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic import probes, textcodes
from pytest_conformance.analysis.traffic.conversation import Item
from pytest_conformance.analysis.traffic.dnslog import Question
from pytest_conformance.analysis.traffic.ranges import RangeMap

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.examiner import Finding
    from pytest_conformance.analysis.traffic.flowwork import FlowResult, FlowWorker, Part, Placed
    from pytest_conformance.analysis.traffic.rows import Rows
    from pytest_conformance.analysis.traffic.shelf import Content

_MOST_JOINED = 64 << 20
_MOST_MESSAGES = 100_000
_MOST_GROUPS = 2000
_MOST_READINGS = 48
_DIGITS = re.compile(r"\d+")


@dataclass
class _Part:
    """One message in hand: its item, the number of the flow it came in, and its time."""

    item: Item
    flow: int
    time: float


@dataclass
class _Group:
    """Messages that may belong together, each by its flow's number, its place among the flow's parts, and its time."""

    flows: array[int] = field(default_factory=lambda: array("q"))
    places: array[int] = field(default_factory=lambda: array("q"))
    times: array[float] = field(default_factory=lambda: array("d"))
    size: int = 0

    def add(self, flow: int, place: int, part: Part) -> None:
        self.flows.append(flow)
        self.places.append(place)
        self.times.append(part.time)
        self.size += part.content.size

    def too_large(self) -> bool:
        return self.size > _MOST_JOINED or len(self.flows) > _MOST_MESSAGES

    def parts(self, results: Rows[FlowResult]) -> list[_Part]:
        """Return the messages by time."""
        numbers = zip(self.flows, self.places, self.times, strict=True)
        parts = [_Part(results[flow].parts[place].item(), flow, time) for flow, place, time in numbers]
        return sorted(parts, key=lambda part: part.time)


def gather(worker: FlowWorker) -> None:
    """Join what belongs together over messages and flows of one capture, and examine it."""
    for group in _groups(worker):
        _join(worker, group)
    _names(worker)
    probes.search(worker)


def _groups(worker: FlowWorker) -> Iterator[_Group]:
    """Group upstream messages by destination and shape of their label (digits and hex left out)."""
    groups: dict[tuple[bytes, int, str], _Group] = {}
    for result in worker.results:
        for place, part in enumerate(result.parts):
            key = (result.ends.peer, result.ends.peer_port, _DIGITS.sub("#", part.bare.label))
            if len(groups) < _MOST_GROUPS or key in groups:
                groups.setdefault(key, _Group()).add(result.number, place, part)
            else:
                worker.unjoined = True
    for group in groups.values():
        if len(group.flows) >= 2:
            yield group


def _join(worker: FlowWorker, group: _Group) -> None:
    """Try the orders in which pieces may belong: stated offsets, a number beside them, time."""
    numbers = sorted(set(group.flows))
    if len(numbers) == len(group.flows) and all(worker.results[each].placed for each in numbers):
        return
    if group.too_large():
        worker.unjoined = True
        return
    parts = group.parts(worker.results)
    known = {placed.finding.content for each in numbers for placed in worker.results[each].placed}
    best: _Outcome | None = None
    for bodies, layer in islice(_readings(parts), _MOST_READINGS):
        joined = b"".join(data for data, _ in bodies)
        if len(bodies) < 2 or len(joined) < 64:
            continue
        outcome = _examine(worker, joined, bodies, layer, known)
        if outcome is not None and (best is None or outcome.score > best.score):
            best = outcome
        if best is not None and best.score >= (1, 0):
            break
    if best is not None:
        carrier = worker.results[parts[0].flow]
        carrier.placed += [_place(worker, finding, best.bodies) for finding in best.findings]
        worker.results.put(carrier.number, carrier)
        _reaccount(worker, best.bodies, best.hit)


Bodies = list[tuple[bytes, _Part]]


def _readings(parts: list[_Part]) -> Iterator[tuple[Bodies, str]]:
    """Yield the pieces in each order that their messages suggest."""
    offsets = [part.item.order for part in parts]
    if all(order is not None for order in offsets) and len(set(offsets)) > 1:
        yield [(p.item.data, p) for p in sorted(parts, key=lambda p: p.item.order or 0)], "joined:content-range"
        return
    members = [_member(part.item.data) for part in parts]
    if all(member is not None for member in members):
        pairs = [(m, p) for m, p in zip(members, parts, strict=True) if m is not None]
        numbers = [number for (number, _), _ in pairs]
        if all(n is not None for n in numbers) and len(set(numbers)) == len(numbers):
            pairs.sort(key=lambda pair: pair[0][0] or 0)
            yield [(data, p) for (_, data), p in pairs], "joined:by-number"
        yield [(data, p) for (_, data), p in pairs], "joined:by-time"
        return
    labels = [_DIGITS.findall(part.item.label) for part in parts]
    if all(labels) and len({tuple(n) for n in labels}) == len(labels):
        ordered = sorted(zip(labels, parts, strict=True), key=lambda pair: [int(n) for n in pair[0][-2:]])
        yield [(p.item.data, p) for _, p in ordered], "joined:by-label"
    yield from _headed(parts)
    yield [(part.item.data, part) for part in parts], "joined:by-time"


def _member(data: bytes) -> tuple[int | None, bytes] | None:
    """Read one JSON message: the longest text member, decoded, and the integer beside it that orders it."""
    if data[:1] != b"{" or len(data) > 1 << 20:
        return None
    import json

    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    texts = [v for v in value.values() if isinstance(v, str)]
    texts += [w for v in value.values() if isinstance(v, dict) for w in v.values() if isinstance(w, str)]
    if not texts:
        return None
    longest = max(texts, key=len).encode("utf-8", "surrogatepass")
    integers = {k: v for k, v in value.items() if isinstance(v, int) and not isinstance(v, bool)}
    named = [v for k, v in integers.items() if k.lower() in _ORDERS]
    number = named[0] if named else next(iter(integers.values()), None)
    return number, longest


_ORDERS = frozenset(
    [
        "seq",
        "n",
        "no",
        "num",
        "i",
        "idx",
        "index",
        "part",
        "piece",
        "chunk",
        "block",
        "offset",
        "off",
        "pos",
        "page",
        "frag",
        "fragment",
    ]
)


def _headed(parts: list[_Part]) -> Iterator[tuple[Bodies, str]]:
    """Binary messages behind a header of constant size that holds a counter or offset."""
    datas = [part.item.data for part in parts]
    shortest = min(len(data) for data in datas)
    for size in range(1, min(33, shortest)):
        for width in (1, 2, 4):
            if width > size:
                continue
            for at in range(size - width + 1):
                for order in ("big", "little"):
                    numbers = [int.from_bytes(data[at : at + width], order) for data in datas]
                    if _counts(numbers, [len(data) - size for data in datas]):
                        ordered = sorted(zip(numbers, parts, strict=True), key=lambda pair: pair[0])
                        yield [(p.item.data[size:], p) for _, p in ordered], f"joined:header{size}"
                        break


def _counts(numbers: list[int], lengths: list[int]) -> bool:
    """Tell whether numbers are a counter, or the offsets of bodies of these lengths."""
    ordered = sorted(zip(numbers, lengths, strict=True))
    low = ordered[0][0]
    if low > 1 or len(set(numbers)) != len(numbers) or len(numbers) < 3:
        return False
    if all(n == low + i for i, (n, _) in enumerate(ordered)):
        return True
    at = 0
    for number, length in ordered:
        if number != at:
            return False
        at += length
    return True


def _decoded(joined: bytes, bodies: Bodies) -> Iterator[tuple[bytes, tuple[str, ...]]]:
    """Yield the joined bytes, and what they give when each piece, or all together, is base64 or hex."""
    yield joined, ()
    head = bodies[0][0][:64]
    if not head or any(c not in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-" for c in head):
        return
    codes = ("hex", "base64", "base64url") if textcodes._codes(head)[0] == "hex" else ("base64", "base64url")
    for code in codes:
        pieces = [textcodes.undo(code, data) for data, _ in bodies]
        if all(pieces):
            yield b"".join(piece for piece in pieces if piece), (f"each:{code}",)


@dataclass
class _Outcome:
    """What one way to join gave; `score` is (matched?, minus the distance)."""

    findings: list[Finding]
    bodies: Bodies
    hit: int

    @property
    def score(self) -> tuple[int, float]:
        distances = [f.match.distance for f in self.findings if f.match is not None]
        return (1, -min(distances)) if distances else (0, 0.0)


def _examine(
    worker: FlowWorker, joined: bytes, bodies: Bodies, layer: str, known: Collection[Content]
) -> _Outcome | None:
    """Examine joined pieces; return the findings that are not among those `known` already."""
    first = bodies[0][1]
    for data, codes in _decoded(joined, bodies):
        mark = len(worker.examiner.found)
        item = Item(data, RangeMap.identity(len(data)), (*first.item.layers, layer, *codes), True, first.item.label)
        account = worker.examiner.examine(item, 1)
        fresh = [f for f in worker.examiner.found[mark:] if f.content not in known and _whole(f)]
        del worker.examiner.found[mark:]
        if fresh:
            return _Outcome(fresh, bodies, account.hit)
    return None


def _whole(finding: Finding) -> bool:
    """A joined object counts when it is whole, or matched."""
    return (finding.match is not None and not finding.match.suspect) or (
        finding.kind == "image" and "truncated" not in finding.flags
    )


def _reaccount(worker: FlowWorker, bodies: Bodies, hit: int) -> None:
    """The pieces that carried a hit are a hit."""
    share = hit
    for data, part in bodies:
        result = worker.results[part.flow]
        account = result.up
        moved = min(len(data), share, account.opaque + account.understood)
        from_opaque = min(moved, account.opaque)
        account.opaque -= from_opaque
        account.understood -= moved - from_opaque
        account.hit += moved
        share -= moved
        worker.results.put(part.flow, result)


def _place(worker: FlowWorker, finding: Finding, bodies: Bodies) -> Placed:
    frames = sorted({frame for _, part in bodies for frame in worker.results[part.flow].frames_of(part.item)})
    times = [part.time for _, part in bodies]
    plain = not any(layer.startswith(("tls", "quic")) for layer in bodies[0][1].item.layers)
    return worker.placed(finding, frames, min(times), max(times), plain)


def _names(worker: FlowWorker) -> None:
    """Join the left labels of the names asked under each domain and decode them."""
    for domain, questions in list(worker.log.questions.items()):
        lefts: dict[tuple[bytes, ...], Question] = {}
        keep = domain.count(".") + 1
        for question in questions:
            lefts.setdefault(question.labels[:-keep], question)
        lefts.pop((), None)
        if sum(len(b"".join(labels)) for labels in lefts) < 24:
            continue
        _decode_names(worker, domain, lefts)


def _decode_names(worker: FlowWorker, domain: str, lefts: dict[tuple[bytes, ...], Question]) -> None:
    for joined, layer in _name_readings(lefts):
        mark = len(worker.examiner.found)
        item = Item(joined, RangeMap.identity(len(joined)), ("udp", "dns", "dns-names", layer), True, domain)
        account = worker.examiner.examine(item, 1)
        fresh = worker.examiner.found[mark:]
        del worker.examiner.found[mark:]
        structured = account.understood > len(joined) * 3 // 4 and layer != "raw" and len(joined) >= 24
        if fresh or structured:
            worker.recognised_domains[domain] = layer
        for finding in fresh:
            worker.tunnelled.append((domain, list(lefts.values()), finding))
        if fresh or structured:
            return


def _name_readings(lefts: dict[tuple[bytes, ...], Question]) -> Iterator[tuple[bytes, str]]:
    """Yield decodings of the labels: all of them, or without one that only counts."""
    rows = [list(labels) for labels in lefts]
    variants = [("", [b"".join(row) for row in rows])]
    if all(len(row) > 1 for row in rows):
        variants.append(("-first", [b"".join(row[1:]) for row in rows]))
        variants.append(("-last", [b"".join(row[:-1]) for row in rows]))
        variants.append(("first", [row[0] for row in rows]))
    if any(label.endswith(b"-") for row in rows for label in row):
        variants.append(("marked", [b"".join(label.rstrip(b"-") for label in row).replace(b"*", b"+") for row in rows]))
    for _, texts in variants:
        joined = b"".join(texts)
        upper = joined.upper()
        for code, text in (
            ("hex", joined),
            ("base32", upper),
            ("base32hex", upper),
            ("base64url", joined),
            ("base64", joined),
        ):
            if not _fits(code, text):
                continue
            plain = textcodes.undo(code, text)
            if plain:
                yield plain, code
            pieces = [textcodes.undo(code, t.upper() if code.startswith("base32") else t) for t in texts]
            if all(pieces) and len(pieces) > 1:
                yield b"".join(piece for piece in pieces if piece), f"each:{code}"
        yield joined, "raw"


_ALPHABETS = {
    "hex": frozenset(b"0123456789abcdefABCDEF"),
    "base32": frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567="),
    "base32hex": frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUV="),
    "base64": frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="),
    "base64url": frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="),
}


def _fits(code: str, text: bytes) -> bool:
    return len(text) >= 16 and frozenset(text) <= _ALPHABETS[code]

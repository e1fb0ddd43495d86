"""The work list: take an item apart until each byte is understood, hit or opaque, and report what was found.

Decoders, containers and recognisers live in modules of their own; this one only decides their order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic import carve, compression, containers, sounds, textcodes
from pytest_conformance.analysis.traffic.containers import Child
from pytest_conformance.analysis.traffic.context import Context
from pytest_conformance.analysis.traffic.conversation import Item
from pytest_conformance.analysis.traffic.jpeg import Found, thumbnail
from pytest_conformance.analysis.traffic.model import Accounting, Match
from pytest_conformance.analysis.traffic.needles import Haystack
from pytest_conformance.analysis.traffic.ranges import RangeMap
from pytest_conformance.analysis.traffic.shelf import Content

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.recognisers import Recognisers


_SOUNDS = (b"RIFF", b"#!AM", b"OggS", b"fLaC")


@dataclass(frozen=True)
class Finding:
    """An object recovered from an item, before it is given an endpoint and times."""

    kind: str
    format: str
    content: Content
    layers: tuple[str, ...]
    ranges: RangeMap
    up: bool
    label: str = ""
    width: int | None = None
    height: int | None = None
    phash: str | None = None
    dhash: str | None = None
    match: Match | None = None
    flags: tuple[str, ...] = ()

    @property
    def data(self) -> bytes:
        """The bytes of the object."""
        return self.content.read()


@dataclass
class Budget:
    """Bounds per capture: depth, items, bytes produced. `spent` says that one was hit."""

    depth: int = 8
    items: int = 20_000
    produced: int = 256 << 20
    disguises: int = 3000
    spent: bool = False

    def take(self, item: Item, depth: int) -> bool:
        """Take an item of `depth`; False when a bound forbids it."""
        if depth:
            self.items -= 1
            self.produced -= len(item.data)
        if depth > self.depth or self.items < 0 or self.produced < 0:
            self.spent = True
            return False
        return True


@dataclass
class Examiner:
    """Examines items for one capture. `found` collects; `keys` are those seen or known."""

    context: Context
    budget: Budget = field(default_factory=Budget)
    found: list[Finding] = field(default_factory=list)
    keys: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        canary = self.context.canary
        self.haystack = Haystack(canary.strings, canary.identifiers, canary.decoy_strings)
        self._recognisers: Recognisers | None = None
        self._seen: dict[tuple[int, int, bool], Accounting] = {}

    @property
    def recognisers(self) -> Recognisers:
        """The heavy recognisers (pictures, templates), made when first needed."""
        if self._recognisers is None:
            from pytest_conformance.analysis.traffic.recognisers import Recognisers

            self._recognisers = Recognisers(self.context)
        return self._recognisers

    def examine(self, item: Item, depth: int = 0) -> Accounting:
        """Take an item apart; return where its bytes ended. Findings are appended to `found`."""
        size = len(item.data)
        if not size:
            return Accounting()
        if not self.budget.take(item, depth):
            return Accounting(size, opaque=size, reasons={"decode-bound": size})
        key = (hash(item.data), size, item.holed) if size >= 64 else None
        if key is not None and key in self._seen:
            known = self._seen[key]
            return replace(known, reasons=dict(known.reasons))
        before = len(self.found)
        account = self._take_apart(item, depth)
        if key is not None and len(self.found) == before and len(self._seen) < 50_000:
            self._seen[key] = replace(account, reasons=dict(account.reasons))
        return account

    def attempt(self, item: Item) -> bool:
        """Examine on trial: True when something was found or half is understood; the findings are dropped again."""
        mark = len(self.found)
        account = self.examine(item, 1)
        fruitful = len(self.found) > mark or account.understood + account.hit > account.total // 2
        del self.found[mark:]
        return fruitful

    def _take_apart(self, item: Item, depth: int) -> Accounting:
        hits = self._strings(item)
        account = (
            self._compressed(item, depth)
            or self._contained(item, depth, containers.STRONG)
            or sounds.recognise(self, item)
            or self._pictured(item, depth)
            or self._sound(item)
            or self._textual(item, depth)
            or self._binary(item, depth)
        )
        if self.context.canary.positions and account.opaque and item.up:
            hits += self.recognisers.binary_positions(self, item)
        if hits:
            account.hit = min(account.hit + hits, account.total)
            account.understood = account.total - account.hit - min(account.opaque, account.total - account.hit)
            account.opaque = account.total - account.hit - account.understood
        return account

    def _strings(self, item: Item) -> int:
        """Search canary strings; return the bytes that they cover."""
        covered = 0
        for start, end, needle in self.haystack.search(item.data):
            kind = "identifier" if needle.identifier else "string"
            match = Match("string", needle.canary, 0, 0, None, needle.transform, suspect=needle.decoy)
            self.report(item, kind, needle.transform, start, end, match=match)
            covered += 0 if needle.decoy else end - start
        return covered

    def report(self, item: Item, kind: str, format_: str, start: int, end: int, **more: object) -> None:
        """Append a finding that lies at `start..end` of an item."""
        self.found.append(
            Finding(
                kind,
                format_,
                Content(item.data[start:end]),
                (*item.layers, format_)
                if kind not in ("string", "identifier")
                else (*item.layers, f"string:{format_}"),
                item.ranges.slice(start, end),
                item.up,
                item.label,
                **more,  # type: ignore[arg-type]
            )
        )

    def descend(self, item: Item, child: Child, depth: int) -> Accounting:
        """Examine a child of an item; return its account scaled to the part that it stands for."""
        part = item.ranges.slice(child.start, max(child.end, child.start + 1))
        ranges = part if child.exact else part.transformed(len(child.data))
        label = f"{item.label}#{child.label}" if child.label else item.label
        below = Item(child.data, ranges, (*item.layers, child.layer), item.up, label, holed=item.holed)
        inner = self.examine(below, depth + 1)
        share = child.end - child.start
        hit = min(inner.hit, share)
        opaque = min(inner.opaque, share - hit)
        return Accounting(share, share - hit - opaque, hit, opaque, 0, inner.covert, inner.reasons)

    def combine(self, item: Item, children: list[Accounting]) -> Accounting:
        """Add up children; what lies outside them is the syntax of the container, and understood."""
        total = Accounting()
        for child in children:
            total.add(child)
        size = len(item.data)
        hit = min(total.hit, size)
        opaque = min(total.opaque, size - hit)
        return Accounting(size, size - hit - opaque, hit, opaque, 0, total.covert, total.reasons)

    def _compressed(self, item: Item, depth: int) -> Accounting | None:
        name = compression.by_magic(item.data)
        if not name:
            return None
        unpacked = compression.BY_NAME[name](item.data, self.budget.produced)
        if unpacked is None:
            return None
        size = len(item.data)
        if unpacked.missing:
            return Accounting(size, opaque=size, reasons={f"decoder-missing:{unpacked.missing}": size})
        if not unpacked.data or (name == "zlib" and not unpacked.complete and len(unpacked.data) < 256):
            return None
        used = unpacked.used or size
        inner = self.descend(item, Child(0, used, unpacked.data, name, False), depth)
        if unpacked.bound:
            inner.opaque, inner.understood = used - inner.hit, 0
            inner.reasons["decode-bound"] = used
            self.budget.spent = True
        parts = [inner]
        if used < size:
            parts.append(self.descend(item, Child(used, size, item.data[used:], "rest"), depth))
        return self.combine(item, parts)

    def _contained(
        self, item: Item, depth: int, openers: tuple[Callable[[bytes, str], list[Child] | None], ...]
    ) -> Accounting | None:
        for opener in openers:
            children = opener(item.data, item.declared)
            if children is not None:
                accounts = [self.child(item, child, depth) for child in children]
                return self.combine(item, accounts)
        return None

    def child(self, item: Item, child: Child, depth: int) -> Accounting:
        if child.numbers:
            account = self.recognisers.numbers(self, item, child)
            if account is not None:
                return account
        return self.descend(item, child, depth) if child.data else Accounting()

    def _pictured(self, item: Item, depth: int) -> Accounting | None:
        """Carve pictures; what lies around them is examined on its own."""
        pictures = carve.pictures(item.data)
        if not pictures:
            return None
        regions: list[Accounting] = []
        at = 0
        for found in pictures:
            if found.start > at:
                regions.append(self._between(item, at, found.start, depth))
            regions.append(self._picture(item, found))
            at = found.end
        if at < len(item.data):
            regions.append(self._between(item, at, len(item.data), depth))
        return self.combine(item, regions)

    def _sound(self, item: Item) -> Accounting | None:
        """Recognise sound; the played phrase is a hit, sound that was not decoded stays opaque."""
        if len(item.data) < 64:
            return None
        if item.data[:4] not in _SOUNDS and item.data[:2] != b"\xff\xf1" and not item.declared.startswith("audio/pcm"):
            return None
        from pytest_conformance.analysis.traffic import audio

        sound = audio.find(item.data, item.declared)
        if sound is None:
            return None
        phrase = self.context.canary.voice
        value = audio.matches(sound, phrase) if phrase else None
        size = len(item.data)
        if value is not None:
            match = Match("voice", "voice", 1 - value, 0.65)
            self.report(item, "voice", sound.format, 0, size, match=match)
            return Accounting(size, hit=size)
        self.report(item, "audio", sound.format, 0, size)
        return Accounting(size, opaque=size, reasons={"audio-not-canary": size})

    def _between(self, item: Item, start: int, end: int, depth: int) -> Accounting:
        """What surrounds a picture: a short frame header is syntax, anything longer is examined."""
        if end - start <= 32:
            return Accounting(end - start, understood=end - start)
        return self.descend(item, Child(start, end, item.data[start:end], "beside-picture"), depth)

    def _picture(self, item: Item, found: Found) -> Accounting:
        size = found.end - found.start
        seen = self.recognisers.picture(item.data[found.start : found.end], found)
        if seen is None:
            return Accounting(size, opaque=size, reasons={"picture-undecodable": size})
        flags = () if found.complete else ("truncated",)
        kind = "face_image" if seen.match is not None and seen.match.kind != "detector" else "image"
        self.report(
            item,
            kind,
            found.format,
            found.start,
            found.end,
            width=seen.width,
            height=seen.height,
            phash=seen.phash,
            dhash=seen.dhash,
            match=seen.match,
            flags=flags,
        )
        if found.format == "jpeg":
            self._thumbnail(item, found)
        if seen.match is not None and not seen.match.suspect:
            return Accounting(size, hit=size)
        if seen.match is not None:
            reason = "face-not-canary" if seen.match.kind == "detector" else "face-suspect"
            return Accounting(size, opaque=size, reasons={reason: size})
        if item.holed or not found.complete:
            return Accounting(size, opaque=size, reasons={"picture-damaged": size})
        return Accounting(size, understood=size, covert=seen.hidden)

    def _thumbnail(self, item: Item, found: Found) -> None:
        small = thumbnail(item.data, found)
        if small is None:
            return
        seen = self.recognisers.picture(item.data[small.start : small.end], small)
        if seen is not None and seen.match is not None:
            inside = replace(item, layers=(*item.layers, "jpeg", "thumbnail"))
            self.report(
                inside,
                "face_image",
                "jpeg",
                small.start,
                small.end,
                width=seen.width,
                height=seen.height,
                phash=seen.phash,
                dhash=seen.dhash,
                match=seen.match,
            )

    def _textual(self, item: Item, depth: int) -> Accounting | None:
        if not textcodes.is_text(item.data):
            return None
        account = self._contained(item, depth, containers.TEXTUAL)
        positions = self.recognisers.positions(self, item) if self.context.canary.positions else 0
        if account is None:
            account = self._runs(item, depth)
        if positions:
            account.hit = min(account.hit + positions, account.total)
            account.opaque = min(account.opaque, account.total - account.hit)
            account.understood = account.total - account.hit - account.opaque
        return account

    def _runs(self, item: Item, depth: int) -> Accounting:
        """Decode the encoded runs of a text; escapes are undone first where there are any."""
        accounts: list[Accounting] = []
        for run in textcodes.runs(item.data):
            account = self._run(item, run, depth)
            if account is not None:
                accounts.append(account)
        if not any(a.hit for a in accounts):
            for plain, layer in textcodes.unescapes(item.data):
                if len(plain) < 16:
                    continue
                inner = self.descend(item, Child(0, len(item.data), plain, layer, False), depth)
                if inner.hit or inner.opaque > sum(a.opaque for a in accounts):
                    return self.combine(item, [inner])
        return self.combine(item, accounts)

    def _run(self, item: Item, run: textcodes.Run, depth: int) -> Accounting | None:
        """Decode one run; an alignment counts when what comes out is recognised."""
        size = run.end - run.start
        shifts = range(4) if run.start == 0 or run.end == len(item.data) else range(1)
        for code in run.codes:
            for shift in shifts if code.startswith("base64") else range(1):
                plain = textcodes.undo(code, run.text, shift)
                if not plain:
                    continue
                mark = len(self.found)
                layer = code if not shift else f"{code}@{shift}"
                inner = self.descend(item, Child(run.start, run.end, plain, layer, False), depth)
                if inner.hit or len(self.found) > mark or inner.opaque < size // 2:
                    return inner
                del self.found[mark:]
        if not textcodes.looks_random(run.text):
            return None
        decoded = size * 3 // 4 if run.codes[0].startswith("base64") else size // 2
        return Accounting(size, size - decoded, 0, decoded, 0, 0, {"opaque-bytes": decoded})

    def _binary(self, item: Item, depth: int) -> Accounting:
        from pytest_conformance.analysis.traffic import binaries

        return binaries.examine(self, item, depth)

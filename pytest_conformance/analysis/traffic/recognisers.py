"""The recognisers of section 7 behind one door: pictures, templates, numbers, positions. Imports numpy and cv2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic import picturehash
from pytest_conformance.analysis.traffic.containers import Child
from pytest_conformance.analysis.traffic.context import Context
from pytest_conformance.analysis.traffic.conversation import Item
from pytest_conformance.analysis.traffic.faces import FaceMatcher
from pytest_conformance.analysis.traffic.jpeg import Found
from pytest_conformance.analysis.traffic.model import Accounting, Match
from pytest_conformance.analysis.traffic.shelf import Content
from pytest_conformance.analysis.traffic.templates import TemplateFound, TemplateMatcher

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.examiner import Examiner


@dataclass(frozen=True)
class PictureSeen:
    """A decoded picture: its size, hashes, match, and the bytes in it that could hide something."""

    width: int
    height: int
    phash: str
    dhash: str
    match: Match | None
    hidden: int = 0


class Recognisers:
    """All recognisers of one inspection."""

    def __init__(self, context: Context) -> None:
        canary, policy = context.canary, context.policy
        self.faces = FaceMatcher(canary, policy)
        self.templates = TemplateMatcher(canary.templates, canary.decoy_templates, policy.template_cosine)
        self._context = context
        self._pictures: dict[bytes, PictureSeen | None] = {}

    def picture(self, data: bytes, found: Found) -> PictureSeen | None:
        """Decode and match a picture; None when it does not decode."""
        import hashlib

        digest = hashlib.sha256(data).digest()
        if digest not in self._pictures:
            if len(self._pictures) > 1000:
                self._pictures.clear()
            self._pictures[digest] = self._look(data, found)
        return self._pictures[digest]

    def _look(self, data: bytes, found: Found) -> PictureSeen | None:
        whole = data if found.complete or found.format != "jpeg" else data + b"\xff\xd9"
        grey = picturehash.decode(whole, found.width, found.height, found.format)
        if grey is None:
            return None
        height, width = grey.shape[:2]
        value = picturehash.phash(grey)
        match = self.faces.match(data, grey, value) if self.faces.armed else None
        return PictureSeen(
            found.width or width,
            found.height or height,
            picturehash.hex64(value),
            picturehash.hex64(picturehash.dhash(grey)),
            match,
        )

    def grey(self, data: bytes, grey: picturehash.Grey, parts: bool) -> Match | None:
        """Match a picture that has no file format."""
        return self.faces.match(data, grey, picturehash.phash(grey), parts) if self.faces.armed else None

    def template(self, data: bytes) -> TemplateFound | None:
        """Search binary data for the known template."""
        return self.templates.in_bytes(data) if self.templates.armed else None

    def numbers(self, examiner: Examiner, item: Item, child: Child) -> Accounting | None:
        """Search an array of numbers for the known template."""
        if not self.templates.armed:
            return None
        found = self.templates.in_numbers(child.numbers)
        if found is None:
            return None
        report_template(examiner, item, found, child.layer, repr(list(child.numbers)).encode(), child)
        weight = min(len(item.data), max(len(child.numbers), 4 * len(child.numbers)))
        return Accounting(weight, hit=weight)

    def positions(self, examiner: Examiner, item: Item) -> int:
        """Search a text for the canary position; return the bytes that it covers."""
        from pytest_conformance.analysis.traffic import positions

        return positions.in_text(examiner, item)

    def binary_positions(self, examiner: Examiner, item: Item) -> int:
        """Search binary data for the canary position; return the bytes that it covers."""
        from pytest_conformance.analysis.traffic import positions

        return positions.in_bytes(examiner, item)


def report_template(
    examiner: Examiner, item: Item, found: TemplateFound, layer: str, data: bytes, child: Child | None = None
) -> None:
    """Append the finding of a template."""
    from pytest_conformance.analysis.traffic.examiner import Finding

    threshold = 1 - examiner.context.policy.template_cosine
    decoy = None if found.decoy is None else 1 - found.decoy
    doubtful = decoy is not None and decoy <= 1 - found.cosine
    start, end = (found.start, found.end) if child is None else (child.start, max(child.end, child.start + 1))
    if child is not None and child.start == child.end:
        end = len(item.data)
    layers = (*item.layers, layer) if layer else item.layers
    examiner.found.append(
        Finding(
            "template",
            found.form,
            Content(data),
            (*layers, f"template:{found.form}"),
            item.ranges.slice(start, end),
            item.up,
            item.label,
            match=Match("template", found.canary, 1 - found.cosine, threshold, decoy, found.form, suspect=doubtful),
        )
    )

"""Recognise face templates: cosine of every window with the known template, and the shape of one."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_conformance.analysis.traffic.context import FaceTemplate

Array = NDArray[np.float64]
_FORMS = ("<f4", ">f4", "<f2", ">f2", "i1", "u1", "<f8", ">f8", "bf16le", "bf16be")
_CHUNK = 1 << 18
_OVERLAP = 8192
_ZEROS = re.compile(rb"\0{32768,}")
_ROW = 1 << 13
"""Numbers of one transform."""


@dataclass(frozen=True)
class TemplateFound:
    """A window that is the template: its extent in bytes, the number format, the cosine, the decoy's cosine."""

    canary: str
    start: int
    end: int
    form: str
    cosine: float
    decoy: float | None


def view(data: bytes, form: str, shift: int) -> tuple[Array, int]:
    """Read numbers of a form from byte `shift` on; return them and the bytes per number."""
    with np.errstate(invalid="ignore", over="ignore"):
        return _numbers(data, form, shift)


def _numbers(data: bytes, form: str, shift: int) -> tuple[Array, int]:
    if form in ("bf16le", "bf16be"):
        raw = np.frombuffer(data[shift:], "<u2" if form == "bf16le" else ">u2", (len(data) - shift) // 2)
        return (raw.astype(np.uint32) << 16).view(np.float32).astype(np.float64), 2
    dtype: Any = np.dtype(form)
    size = dtype.itemsize
    values = np.frombuffer(data, dtype, (len(data) - shift) // size, shift).astype(np.float64)
    return values, size


def _cosines(values: Array, template: Array, spectra: dict[int, Any]) -> Array:
    """Cosine of every window of the template's length with the template; `spectra` keeps the template's by length.

    Long series are taken in rows that overlap by the template's length: short transforms are faster.
    """
    d = len(template)
    count = len(values) - d + 1
    n = max(min(1 << (len(values) - 1).bit_length(), _ROW), 1 << (2 * d - 1).bit_length())
    spectrum = spectra.get(n)
    if spectrum is None:
        spectrum = spectra[n] = np.conj(np.fft.rfft(template, n))
    step = n - d + 1
    rows = -(-count // step)
    padded = np.zeros((rows - 1) * step + n)
    padded[: len(values)] = values
    windows = np.lib.stride_tricks.sliding_window_view(padded, n)[::step]
    dots = np.fft.irfft(np.fft.rfft(windows, axis=1) * spectrum, n, axis=1)[:, :step].reshape(-1)[:count]
    sums = np.concatenate(([0.0], np.cumsum(values * values)))
    norms = np.sqrt(np.maximum(sums[d:] - sums[:-d], 0))
    return np.asarray(dots / np.maximum(norms * np.linalg.norm(template), 1e-12))


def _cosine(window: Array, template: Array) -> float:
    return float(window @ template / max(float(np.linalg.norm(window) * np.linalg.norm(template)), 1e-12))


def cosine_of_most(window: Array, template: Array) -> float:
    """Return the cosine without the components that are largest in the window, a sixteenth of them.

    Bytes of something else, read as floats, are often a few wild numbers among almost zeros: such a window agrees
    with every template that has one large component at the right place, and with nothing else of it.
    """
    most = np.argsort(np.abs(window))[: -max(1, len(window) // 16)]
    return _cosine(window[most], template[most])


def clean(values: Array, limit: float) -> Array:
    """Replace what cannot be a template component, so that one wild number does not drown the rest."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(values) & (np.abs(values) <= limit), values, 0.0)


def _pieces(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the extents between long runs of zeros, those of more than `_CHUNK` in parts that overlap."""
    at = 0
    for run in itertools.chain((each.span() for each in _ZEROS.finditer(data)), [(len(data), len(data))]):
        start, stop = at, min(run[0] + _OVERLAP, len(data)) if run[0] > at else at
        at = max(run[1] - _OVERLAP, 0)
        for base in range(start, stop, _CHUNK):
            yield base, min(base + _CHUNK + _OVERLAP, stop)


class TemplateMatcher:
    """Knows the exported templates of the enrolled subject and of the decoy."""

    def __init__(self, templates: Sequence[FaceTemplate], decoys: Sequence[FaceTemplate], threshold: float) -> None:
        self._templates = [(t.name, np.asarray(t.values, np.float64)) for t in templates if len(t.values) >= 16]
        self._spectra: list[dict[int, Any]] = [{} for _ in self._templates]
        self._decoys = [np.asarray(t.values, np.float64) for t in decoys]
        self.threshold = threshold

    @property
    def armed(self) -> bool:
        """True when a template is known."""
        return bool(self._templates)

    @property
    def least(self) -> int:
        """Fewest bytes that can hold one of the templates."""
        return min((len(t) for _, t in self._templates), default=1 << 62)

    def in_numbers(self, values: Sequence[float]) -> TemplateFound | None:
        """Search a list of numbers (of a JSON array, for example)."""
        array = clean(np.asarray(values, np.float64), 1e6)
        return self._best(array, 1, 0, "numbers")

    def in_bytes(self, data: bytes) -> TemplateFound | None:
        """Search binary data in every number format and at every alignment; the nearest window wins.

        Long runs of zeros are passed over: no template lies in or across one.
        """
        best: TemplateFound | None = None
        for base, end in _pieces(data):
            part = data[base:end]
            for form in _FORMS:
                width = 1 if form in ("i1", "u1") else 2 if "2" in form or "16" in form else int(form[-1])
                for shift in range(width):
                    found = self._form(part, form, shift, base)
                    if found is not None and (best is None or found.cosine > best.cosine):
                        best = found
            if best is not None:
                return best
        return best

    def _form(self, part: bytes, form: str, shift: int, base: int) -> TemplateFound | None:
        if (len(part) - shift) < self.least * (1 if form in ("i1", "u1") else 2):
            return None
        values, size = view(part, form, shift)
        if form == "u1":
            values = values - 128.0
        elif form != "i1":
            values = clean(values, 64.0)
            if np.count_nonzero(values) < 16:
                return None
        return self._best(values, size, base + shift, form)

    def _best(self, values: Array, size: int, base: int, form: str) -> TemplateFound | None:
        for (name, template), spectra in zip(self._templates, self._spectra, strict=True):
            if len(values) < len(template):
                continue
            cosines = _cosines(values, template, spectra)
            top = int(np.argmax(cosines))
            window = values[top : top + len(template)]
            exact = _cosine(window, template)
            if min(exact, cosine_of_most(window, template)) < self.threshold:
                continue
            decoy = max((_cosine(window, d) for d in self._decoys if len(d) == len(window)), default=None)
            return TemplateFound(name, base + top * size, base + (top + len(template)) * size, form, exact, decoy)
        return None


def shaped_like_template(data: bytes) -> tuple[int, int] | None:
    """Return the extent of a run of floats that looks like a template, or None.

    64 or more float32 words with plausible exponents, both signs (30..70 %), neither constant nor monotone, and a
    norm within 1e-3 of 1 (the strong sign that is required here).
    """
    for order in ("<f4", ">f4"):
        for shift in range(4):
            count = (len(data) - shift) // 4
            if count < 64:
                continue
            values = np.frombuffer(data, order, count, shift)
            with np.errstate(invalid="ignore", over="ignore"):
                good = np.isfinite(values) & (np.abs(values) > 1e-6) & (np.abs(values) < 32)
            edges = np.flatnonzero(np.diff(np.concatenate(([0], good.view(np.int8), [0]))))
            for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
                if end - start >= 64 and _template_like(values[start:end].astype(np.float64)):
                    return shift + start * 4, shift + end * 4
    return None


def _template_like(run: Array) -> bool:
    positive = float(np.mean(run > 0))
    if not 0.3 <= positive <= 0.7 or float(np.std(run)) < 1e-6:
        return False
    steps = np.diff(run)
    if np.all(steps >= 0) or np.all(steps <= 0):
        return False
    sizes = [d for d in (64, 96, 128, 192, 256, 384, 512, 1024) if d <= len(run)] + [len(run)]
    return any(abs(float(np.linalg.norm(run[:d])) - 1) < 1e-3 for d in sizes)

"""The same-subject test: fields that agree between two enrolments of one person and not with another's are templates.

Needs no knowledge of the format: a device that turns, scales or quantises its templates is found too. Source: design,
section 7.3, route 2. Fields are compared place by place; what is the same to the byte in both enrolments is an
identifier, not a template, for no two pictures of a face give the same one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_conformance.analysis.traffic import textcodes
from pytest_conformance.analysis.traffic.templates import Array, clean, cosine_of_most, view

_FORMS = ("<f4", ">f4", "<f2", ">f2", "i1", "u1")
_DIMENSIONS = (64, 96, 128, 192, 256, 384, 512, 1024)
_COSINE, _LEAD, _SPREAD = 0.5, 0.3, 6.0
_PLAUSIBLE = 0.95
"""Share of floats in a window that must be of the size of a template's: of random bytes far fewer are."""
_WHOLE = ("i1", "u1", "numbers")
_BYTES = ("i1", "u1")
_BYTES_SPREAD, _LEAST_BYTES = 8.0, 128
"""Stricter for bytes: every message can be read so, and every second one may say nothing."""
_BITS = 256
_CODE_SAME, _CODE_LEAD = 0.38, 0.08
"""Shares of the bits: of long messages a few bits that hang together are many standard deviations."""
_SAME = 16
"""Numbers in a row that are equal in both enrolments: more than a template has."""
_SAME_BYTES = 8
_LARGEST = 1 << 16
_DEPTH = 8


@dataclass(frozen=True)
class Agreement:
    """A field that is a template: its path and form ("<f4", ..., "numbers", "bits"), and how far it agrees.

    `same` is the distance of the two enrolments of one subject, `other` that to another's: 1 - cosine, or the share
    of bits that differ.
    """

    path: str
    form: str
    same: float
    other: float


Field = bytes | tuple[float, ...]


def fields(data: bytes) -> Iterator[tuple[str, Field]]:
    """Yield (path, content) of what may hold a template in a message: lists of numbers, encoded or bare bytes."""
    if data[:1] in (b"{", b"["):
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            value = None
        if value is not None:
            yield from _members(value, "$", _DEPTH)
            return
    if not textcodes.is_text(data[:256]):
        yield "", data
        return
    if plain := _decoded(data.strip()):
        yield "", plain


def _members(value: Any, path: str, depth: int) -> Iterator[tuple[str, Field]]:
    if depth == 0:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _members(inner, f"{path}.{key}", depth - 1)
    elif isinstance(value, list):
        if len(value) >= _DIMENSIONS[0] and all(type(each) in (int, float) for each in value):
            yield path, tuple(float(each) for each in value)
            return
        for number, inner in enumerate(value[:64]):
            yield from _members(inner, f"{path}[{number}]", depth - 1)
    elif isinstance(value, str) and (plain := _decoded(value.encode("utf-8", "replace"))):
        yield path, plain


def _decoded(text: bytes) -> bytes | None:
    if len(text) < 40:
        return None
    codes = ("hex",) if all(each in b"0123456789abcdefABCDEF" for each in text) else ("base64", "base64url")
    return next((plain for code in codes if (plain := textcodes.undo(code, text))), None)


def compare(one: bytes, again: bytes, other: bytes) -> Agreement | None:
    """Compare three messages, two of one subject's enrolments and one of another's; the surest agreement, or None."""
    if max(map(len, (one, again, other))) > _LARGEST:
        return None
    second, third = dict(fields(again)), dict(fields(other))
    found: list[Agreement] = []
    for path, first in fields(one):
        rows = (first, second.get(path), third.get(path))
        if all(type(each) is type(first) and len(each) == len(first) for each in rows):
            found += _compared(path, *rows)  # type: ignore[arg-type]
    return max(found, key=lambda each: each.other - each.same, default=None)


def _compared(path: str, one: Field, again: Field, other: Field) -> Iterator[Agreement]:
    if isinstance(one, tuple):
        rows = [clean(np.asarray(each, np.float64), 1e6) for each in (one, again, other)]
        yield from _vectors(path, "numbers", rows)
        return
    assert isinstance(again, bytes)
    assert isinstance(other, bytes)
    for form in _FORMS:
        for shift in range(np.dtype(form).itemsize):
            rows = [_numbers(each, form, shift) for each in (one, again, other)]
            yield from _vectors(path, form, rows)
    yield from _codes(path, one, again, other)


def _lead(form: str, d: int) -> float:
    """Return by how much more one person's enrolments must agree; more for bytes, which may be those of other things.

    Among many windows of bytes that all agree somewhat (exponents of floats, high bytes of counters) some do by chance.
    """
    return max(_LEAD, 5 * (2 / d) ** 0.5) if form in _BYTES else _LEAD


def _plausible(values: Array) -> NDArray[np.bool_]:
    """Tell of each number whether it may be a component of a template."""
    return np.asarray((np.abs(values) > 1e-6) & (np.abs(values) < 32))


def _numbers(data: bytes, form: str, shift: int) -> Array:
    values, _ = view(data, form, shift)
    if form == "u1":
        return values - 128.0
    return values if form == "i1" else clean(values, 64.0)


def _vectors(path: str, form: str, rows: Sequence[Array]) -> Iterator[Agreement]:
    """Slide windows of every usual dimension over three series at once, and yield the best of each dimension."""
    one, again, other = rows
    whole = [
        np.ones(len(each), bool) if form in _WHOLE else (np.abs(each) > 1e-6) & (np.abs(each) < 32) for each in rows
    ]
    for d in _DIMENSIONS:
        if len(one) < d:
            return
        if form in _BYTES and d < _LEAST_BYTES:
            continue
        same, lead = _cosine(one, again, d), np.maximum(_cosine(one, other, d), _cosine(again, other, d))
        spread = _BYTES_SPREAD if form in _BYTES else _SPREAD
        good = (same > max(_COSINE, spread / d**0.5)) & (same - lead > _lead(form, d)) & ~_repeats(one == again, d)
        for each in whole:
            good &= _windows(each.astype(np.float64), d) >= _PLAUSIBLE * d
        if not good.any():
            continue
        at = int(np.argmax(np.where(good, same - lead, -2.0)))
        if cosine_of_most(one[at : at + d], again[at : at + d]) > _COSINE:
            yield Agreement(path, form, 1 - float(same[at]), 1 - float(lead[at]))


def _cosine(one: Array, other: Array, d: int) -> Array:
    """Cosine of the windows of `d` numbers at each place of two series; 0 where one of them is nothing."""
    dots, a, b = (_windows(each, d) for each in (one * other, one * one, other * other))
    norms = np.sqrt(np.maximum(a, 0) * np.maximum(b, 0))
    return np.asarray(np.where(norms > 1e-9, dots / np.maximum(norms, 1e-9), 0.0))


def _windows(values: Array, d: int) -> Array:
    sums = np.concatenate(([0.0], np.cumsum(values)))
    return np.asarray(sums[d:] - sums[:-d])


def _repeats(equal: NDArray[np.bool_], d: int) -> NDArray[np.bool_]:
    """Tell of each window whether it holds `_SAME` equal numbers in a row."""
    runs = _windows(equal.astype(np.float64), _SAME) >= _SAME - 0.5
    padded = np.concatenate((runs, np.zeros(_SAME - 1, bool)))
    return np.asarray(_windows(padded.astype(np.float64), d) > 0.5)


def _codes(path: str, one: bytes, again: bytes, other: bytes) -> Iterator[Agreement]:
    """Compare bit by bit, without runs of bytes that are the same in both enrolments: names and headers."""
    rows = [np.frombuffer(each, np.uint8) for each in (one, again, other)]
    kept = ~_in_runs(rows[0] == rows[1], _SAME_BYTES)
    n = 8 * int(kept.sum())
    if n < _BITS:
        return
    bits = [np.unpackbits(each[kept]) for each in rows]
    same = int((bits[0] != bits[1]).sum())
    far = min(int((bits[0] != bits[2]).sum()), int((bits[1] != bits[2]).sum()))
    if same <= _CODE_SAME * n and far - same >= max(_CODE_LEAD * n, _SPREAD * n**0.5 / 2):
        yield Agreement(path, "bits", same / n, far / n)


def _in_runs(equal: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Tell of each place whether it lies in a run of at least `least` true ones."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], equal.view(np.int8), [0]))))
    out = np.zeros(len(equal), bool)
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if end - start >= least:
            out[start:end] = True
    return out

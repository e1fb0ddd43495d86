"""Recognise the canary position in texts and binary data (design, section 7.4)."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic.context import Position
from pytest_conformance.analysis.traffic.conversation import Item
from pytest_conformance.analysis.traffic.model import Match

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.examiner import Examiner

_NUMBER = re.compile(rb"(?<![\w.])[+-]?\d{1,3}\.\d{2,15}(?!\d)|(?<![\w.])[+-]?\d{6,10}(?![\w.])|\d{4,5}\.\d{2,8}(?!\d)")
_DMS = re.compile(rb"(\d{1,3})\s?(?:\xc2\xb0|\xb0|d|deg)\s?(\d{1,2})\s?['m\xe2]\S{0,2}\s?(\d{1,2}(?:\.\d+)?)")
_GEOHASH = re.compile(rb"(?<![0-9A-Za-z])[0-9b-hjkmnp-z]{6,12}(?![0-9A-Za-z])")
_PLUS = re.compile(rb"(?<![0-9A-Z])[23456789CFGHJMPQRVWX]{8}\+[23456789CFGHJMPQRVWX]{2,3}(?![0-9A-Z])")
_NEAR = 64
_A, _EE = 6378245.0, 0.00669342162296594323


def _shift(lat: float, lon: float) -> tuple[float, float]:
    """Offset of GCJ-02 against WGS-84 in degrees (the published approximation)."""
    x, y = lon - 105.0, lat - 35.0
    root = math.sqrt(abs(x))
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    common = (20 * math.sin(6 * x * math.pi) + 20 * math.sin(2 * x * math.pi)) * 2 / 3
    north += common + (20 * math.sin(y * math.pi) + 40 * math.sin(y / 3 * math.pi)) * 2 / 3
    north += (160 * math.sin(y / 12 * math.pi) + 320 * math.sin(y * math.pi / 30)) * 2 / 3
    east += common + (20 * math.sin(x * math.pi) + 40 * math.sin(x / 3 * math.pi)) * 2 / 3
    east += (150 * math.sin(x / 12 * math.pi) + 300 * math.sin(x / 30 * math.pi)) * 2 / 3
    radians = lat / 180 * math.pi
    magic = 1 - _EE * math.sin(radians) ** 2
    return (
        north * 180 / ((_A * (1 - _EE)) / (magic * math.sqrt(magic)) * math.pi),
        east * 180 / (_A / math.sqrt(magic) * math.cos(radians) * math.pi),
    )


def systems(position: Position) -> list[tuple[str, float, float]]:
    """Return the place in WGS-84, GCJ-02 and BD-09 (the two offset systems apply inside China's bounds)."""
    lat, lon = position.latitude, position.longitude
    out = [("wgs-84", lat, lon)]
    if 0.8 < lat < 55.9 and 72 < lon < 137.9:
        dlat, dlon = _shift(lat, lon)
        glat, glon = lat + dlat, lon + dlon
        out.append(("gcj-02", glat, glon))
        z = math.sqrt(glon * glon + glat * glat) + 0.00002 * math.sin(glat * math.pi * 3000 / 180)
        theta = math.atan2(glat, glon) + 0.000003 * math.cos(glon * math.pi * 3000 / 180)
        out.append(("bd-09", z * math.sin(theta) + 0.006, z * math.cos(theta) + 0.0065))
    return out


def _readings(text: bytes) -> list[tuple[str, float]]:
    """Return what a written number may mean in degrees."""
    value = float(text)
    out = [("degrees", value)]
    if b"." not in text:
        out = [(f"x1e{power}", value / 10**power) for power in (5, 6, 7)]
    elif abs(value) >= 100:
        degrees = int(abs(value) // 100)
        minutes = abs(value) - degrees * 100
        if minutes < 60:
            out.append(("ddmm.mmmm", math.copysign(degrees + minutes / 60, value)))
    return out


def geohash(text: str) -> tuple[float, float]:
    """Decode a geohash to (latitude, longitude)."""
    low, high = [-90.0, -180.0], [90.0, 180.0]
    even = 1
    for letter in text:
        value = "0123456789bcdefghjkmnpqrstuvwxyz".index(letter)
        for bit in range(4, -1, -1):
            middle = (low[even] + high[even]) / 2
            (low if value >> bit & 1 else high)[even] = middle
            even ^= 1
    return (low[0] + high[0]) / 2, (low[1] + high[1]) / 2


def plus_code(text: str) -> tuple[float, float]:
    """Decode a full Plus Code to (latitude, longitude)."""
    letters = text.replace("+", "")[:10]
    lat, lon, size = -90.0, -180.0, 20.0
    for i in range(0, len(letters) - 1, 2):
        lat += "23456789CFGHJMPQRVWX".index(letters[i]) * size
        lon += "23456789CFGHJMPQRVWX".index(letters[i + 1]) * size
        size /= 20
    return lat + size * 10, lon + size * 10


class _Places:
    """The canary places in all systems, and how near a pair of numbers is."""

    def __init__(self, examiner: Examiner) -> None:
        self.limit = examiner.context.policy.position_degrees
        self.places = [(p.name, *system) for p in examiner.context.canary.positions for system in systems(p)]

    def near(self, lat: float, lon: float) -> tuple[str, str, float] | None:
        best: tuple[str, str, float] | None = None
        for name, system, a, b in self.places:
            distance = max(abs(lat - a), abs(lon - b))
            if distance <= self.limit and (best is None or distance < best[2]):
                best = (name, system, distance)
        return best


def _pairs(data: bytes, places: _Places) -> Iterator[tuple[int, int, str, tuple[str, str, float]]]:
    numbers = [(m.start(), m.end(), reading) for m in _NUMBER.finditer(data) for reading in _readings(m.group())]
    latitudes = {place[2] for place in places.places}
    longitudes = {place[3] for place in places.places}
    first = [n for n in numbers if any(abs(n[2][1] - lat) <= places.limit for lat in latitudes)]
    second = [n for n in numbers if any(abs(n[2][1] - lon) <= places.limit for lon in longitudes)]
    for a_start, a_end, (a_kind, lat) in first:
        for b_start, b_end, (b_kind, lon) in second:
            if a_kind.split(".")[0] != b_kind.split(".")[0] and {a_kind, b_kind} != {"degrees", "ddmm.mmmm"}:
                continue
            apart = max(b_start - a_end, a_start - b_end)
            if 0 <= apart <= _NEAR and (found := places.near(lat, lon)) is not None:
                yield min(a_start, b_start), max(a_end, b_end), a_kind, found


def _codes(data: bytes, places: _Places) -> Iterator[tuple[int, int, str, tuple[str, str, float]]]:
    for match in _PLUS.finditer(data):
        found = places.near(*plus_code(match.group().decode()))
        if found is not None:
            yield match.start(), match.end(), "plus-code", found
    for match in _GEOHASH.finditer(data):
        found = places.near(*geohash(match.group().decode()))
        if found is not None:
            yield match.start(), match.end(), "geohash", found
    parts = [(m.start(), m.end(), int(m[1]) + int(m[2]) / 60 + float(m[3]) / 3600) for m in _DMS.finditer(data)]
    for one, other in itertools.pairwise(parts):
        for lat, lon in ((one[2], other[2]), (other[2], one[2])):
            for sign in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                found = places.near(lat * sign[0], lon * sign[1])
                if found is not None:
                    yield one[0], other[1], "dms", found


def _report(examiner: Examiner, item: Item, start: int, end: int, kind: str, found: tuple[str, str, float]) -> None:
    name, system, distance = found
    match = Match("position", name, distance, examiner.context.policy.position_degrees, None, f"{system}+{kind}")
    examiner.report(item, "position", f"{system}:{kind}", start, end, match=match)


def in_text(examiner: Examiner, item: Item) -> int:
    """Report the canary position in a text; return the bytes that it covers."""
    places = _Places(examiner)
    covered = 0
    taken = -1
    for source in (_pairs, _codes):
        for start, end, kind, found in source(item.data[: 1 << 20], places):
            if start < taken:
                continue
            taken = end
            covered += end - start
            _report(examiner, item, start, end, kind, found)
    return min(covered, len(item.data))


def in_bytes(examiner: Examiner, item: Item) -> int:
    """Report the canary position in binary data: floats, doubles and scaled integers of both orders."""
    import numpy as np

    places = _Places(examiner)
    data = item.data[: 1 << 20]
    forms = (
        (">f8", 1.0),
        ("<f8", 1.0),
        (">f4", 1.0),
        ("<f4", 1.0),
        (">i4", 1e7),
        ("<i4", 1e7),
        (">i4", 1e6),
        ("<i4", 1e6),
        (">i4", 1e5),
        ("<i4", 1e5),
    )
    for form, scale in forms:
        width = int(form[2])
        hits: dict[str, list[tuple[int, float]]] = {"lat": [], "lon": []}
        for shift in range(width):
            count = (len(data) - shift) // width
            with np.errstate(invalid="ignore", over="ignore"):
                values = np.frombuffer(data, form, max(count, 0), shift).astype(np.float64) / scale
                for axis, column in (("lat", 2), ("lon", 3)):
                    for wanted in {place[column] for place in places.places}:
                        near = np.flatnonzero(np.abs(values - float(wanted)) <= places.limit)
                        hits[axis] += [(shift + int(i) * width, float(values[i])) for i in near[:100]]
        for a, lat in hits["lat"]:
            for b, lon in hits["lon"]:
                found = places.near(lat, lon)
                if found is not None and width <= abs(a - b) <= _NEAR:
                    start, end = min(a, b), max(a, b) + width
                    _report(examiner, item, start, end, f"{form}/{scale:g}", found)
                    return end - start
    return 0

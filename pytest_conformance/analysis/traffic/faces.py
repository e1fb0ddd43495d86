"""Match pictures against the enrolled faces: digest, perceptual hash with its variants, fiducial, detector."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from pytest_conformance.analysis.traffic.context import Canary, Policy
from pytest_conformance.analysis.traffic.model import Match
from pytest_conformance.analysis.traffic.picturehash import (
    Grey,
    decode,
    distance,
    distances_between,
    phash,
    window_phashes,
)

_CROPS = (0.0, 0.05, 0.10, 0.15, 0.20)
_WINDOWS = (0.8, 0.6, 0.45, 0.33)
_WINDOW_MATCH = 8
_MOST_STEPS = 60
"""Steps of a window along both sides of a picture together: bounds the time for one that is very long and narrow."""


@dataclass(frozen=True)
class _Reference:
    canary: str
    transform: str
    hash: int
    upright: bool


@dataclass(frozen=True)
class _Window:
    distance: int
    canary: str
    hash: int
    share: str


def _turned(grey: Grey) -> list[tuple[str, Grey]]:
    out = []
    for mirrored in (False, True):
        base = np.ascontiguousarray(grey[:, ::-1]) if mirrored else grey
        for turns in range(4):
            name = ("mirrored" if mirrored else "") + (f"rotated{turns * 90}" if turns else "")
            out.append((name, np.ascontiguousarray(np.rot90(base, turns))))
    return out


def _references(faces: Mapping[str, bytes]) -> list[_Reference]:
    out: list[_Reference] = []
    for name, content in faces.items():
        grey = decode(content, 1, 1, "")
        if grey is None:
            grey = decode(content, 1, 1, "png")
        if grey is None:
            continue
        for crop in _CROPS:
            height, width = grey.shape[:2]
            dy, dx = int(height * crop), int(width * crop)
            part = grey[dy : height - dy, dx : width - dx]
            for turn, turned in _turned(part):
                label = "+".join(t for t in (f"crop{crop:.0%}" if crop else "", turn) if t)
                out.append(_Reference(name, label, phash(turned), turn in ("", "mirrored")))
    return out


def _nearest(value: int, references: list[_Reference], upright: bool = False) -> tuple[int, _Reference] | None:
    pairs = [(distance(value, r.hash), i, r) for i, r in enumerate(references) if r.upright or not upright]
    if not pairs:
        return None
    best = min(pairs)
    return best[0], best[2]


class FaceMatcher:
    """Knows the enrolled faces and the decoy, and says how near a picture is to them."""

    def __init__(self, canary: Canary, policy: Policy) -> None:
        self._digests = {hashlib.sha256(content).hexdigest(): name for name, content in canary.faces.items()}
        self._references = _references(canary.faces)
        self._decoys = _references(canary.decoy_faces)
        self._fiducials = frozenset(canary.fiducials)
        self._policy = policy

    @property
    def armed(self) -> bool:
        """True when there is anything to match against."""
        return bool(self._references or self._fiducials)

    def match(self, data: bytes, grey: Grey, value: int, parts: bool = True) -> Match | None:
        """Match one picture, and with `parts` also what it shows in part.

        A decoy that is at least as near makes any match only a suspicion.
        """
        exact = self._digests.get(hashlib.sha256(data).hexdigest())
        if exact is not None:
            return Match("sha256", exact, 0, 0)
        whole = self._by_hash(value, grey)
        if whole is not None and not whole.suspect:
            return whole
        if not parts:
            return whole
        marked = self._by_fiducial(grey)
        if marked is not None:
            return marked
        return self._by_window(grey) or whole

    def _by_hash(self, value: int, grey: Grey) -> Match | None:
        best = _nearest(value, self._references)
        policy = self._policy
        if best is None or best[0] > policy.phash_suspect or float(grey.std()) < 6:
            return None
        decoy = _nearest(value, self._decoys)
        near = decoy[0] if decoy else None
        doubtful = best[0] > policy.phash_match or (near is not None and near <= best[0])
        return Match("phash", best[1].canary, best[0], policy.phash_match, near, best[1].transform, suspect=doubtful)

    def _by_window(self, grey: Grey) -> Match | None:
        """Slide square windows over the picture: the face may be a part of it."""
        if not self._references or min(grey.shape[:2]) < 48:
            return None
        scale = 160 / min(grey.shape[:2])
        if scale < 1:
            grey = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        seen = self._nearest_window(grey)
        if seen is None or seen.distance > _WINDOW_MATCH:
            return None
        decoy = _nearest(seen.hash, self._decoys, upright=True)
        near_decoy = decoy[0] if decoy else None
        doubtful = near_decoy is not None and near_decoy <= seen.distance
        return Match("phash", seen.canary, seen.distance, _WINDOW_MATCH, near_decoy, seen.share, suspect=doubtful)

    def _nearest_window(self, grey: Grey) -> _Window | None:
        """Return the window that is nearest to an upright reference, the first of several; flat ones do not count."""
        height, width = grey.shape[:2]
        upright = [each for each in self._references if each.upright]
        wanted = np.array([each.hash for each in upright], np.uint64)
        best: _Window | None = None
        for share in _WINDOWS:
            side = int(min(height, width) * share)
            step = max(side // 8, 4, (height - side + width - side) // _MOST_STEPS)
            hashes = window_phashes(grey, side, step)
            columns = hashes.shape[1]
            distances = distances_between(hashes.ravel(), wanted)
            nearest = distances.min(axis=1)
            for index in np.argsort(nearest, kind="stable").tolist():
                if best is not None and nearest[index] >= best.distance:
                    break
                y, x = index // columns * step, index % columns * step
                if float(grey[y : y + side, x : x + side].std()) >= 12:
                    canary = upright[int(distances[index].argmin())].canary
                    best = _Window(int(nearest[index]), canary, int(hashes.flat[index]), f"window{share:.0%}")
                    break
        return best

    def _by_fiducial(self, grey: Grey) -> Match | None:
        """Look for the run's ArUco 4x4 markers, enlarged so that 12 pixels suffice."""
        if not self._fiducials or not hasattr(cv2, "aruco"):
            return None
        factor = 3 if min(grey.shape[:2]) < 640 else 1
        big = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_250)
        _, ids, _ = cv2.aruco.ArucoDetector(dictionary, cv2.aruco.DetectorParameters()).detectMarkers(big)
        if ids is None:
            return None
        seen = sorted({int(value) for value in np.ravel(ids)} & self._fiducials)
        return Match("fiducial", f"aruco-4x4:{seen[0]}", 0, 0) if seen else None

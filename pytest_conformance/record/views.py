"""What a view may show of a picture: decoded, made small, encoded again; faces only as a coarse silhouette."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_conformance.record.evidence import EvidenceStore

PIXEL_CAP = 64_000_000
"""Pictures that claim more pixels than this are not decoded."""
SILHOUETTE = 14
"""Pixels of the longer side to which a face is reduced before it is shown."""


def for_view(content: bytes, *, face: bool, longest: int = 640) -> bytes | None:
    """Return a PNG of `content` (PNG or JPEG) with `longest` pixels on its longer side at most.

    A face is reduced to SILHOUETTE pixels first and smoothed, so that nobody can be recognised. Returns None when
    the bytes are no picture, or claim an absurd size: the caller shows that there is a file, not what is in it.
    """
    size = claimed_size(content)
    if size is None or not 0 < size[0] * size[1] <= PIXEL_CAP:
        return None
    import cv2
    import numpy as np

    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            return None
        shown = _silhouette(cv2, picture, min(longest, 240)) if face else _fit(cv2, picture, longest)
        done, encoded = cv2.imencode(".png", shown)
    except cv2.error:
        return None
    return encoded.tobytes() if done else None


def claimed_size(content: bytes) -> tuple[int, int] | None:
    """Return (width, height) in pixels from the header of a PNG or JPEG; None for anything else."""
    if content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return int(width), int(height)
    if content.startswith(b"\xff\xd8"):
        return _jpeg_size(content)
    return None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    at = 2
    for _ in range(512):
        if at + 9 > len(content) or content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return int(width), int(height)
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return None


def _fit(cv2: Any, picture: Any, longest: int) -> Any:
    height, width = picture.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _silhouette(cv2: Any, picture: Any, longest: int) -> Any:
    coarse = _fit(cv2, picture, SILHOUETTE)
    height, width = picture.shape[:2]
    scale = longest / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    grown = cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)
    return cv2.GaussianBlur(grown, (0, 0), sigmaX=longest / SILHOUETTE / 2)


def shown_of(store: EvidenceStore, about: Mapping[str, Any]) -> tuple[bytes, bool]:
    """Return what a view may read of an `evidence` event, and whether it must be blurred still.

    Of what is sealed that is the blurred version that was made when it came in; b"" where there is none. Raises
    StorageError as `EvidenceStore.read`.
    """
    if not about.get("sealed"):
        return store.read(str(about["ref"])), bool(about["face"])
    view = about.get("view")
    return (store.read(str(view)) if view else b""), False

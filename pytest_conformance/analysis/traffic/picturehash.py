"""Decode pictures and hash them: the 64-bit DCT hash and the difference hash."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
_MOST_PIXELS = 64_000_000


def decode(data: bytes, width: int, height: int, format_: str) -> Grey | None:
    """Decode a picture to grey levels; None when it does not decode, or is larger than 64 Mpx.

    Large JPEGs are decoded at a reduced size (at least 320 pixels on the short side stay).
    """
    if width * height > _MOST_PIXELS:
        return None
    if format_ in ("heif", "avif", "jxl", "gif", "bmp", "webp", "png", "jpeg"):
        flag = cv2.IMREAD_GRAYSCALE
        if format_ == "jpeg" and min(width, height) >= 1280:
            flag = cv2.IMREAD_REDUCED_GRAYSCALE_4
        elif format_ == "jpeg" and min(width, height) >= 640:
            flag = cv2.IMREAD_REDUCED_GRAYSCALE_2
        grey = _opencv(data, flag)
        if grey is not None:
            return grey
    return _pillow(data)


def _opencv(data: bytes, flag: int) -> Grey | None:
    try:
        grey: Any = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    except cv2.error:
        return None
    return None if grey is None or grey.size == 0 else grey


def _pillow(data: bytes) -> Grey | None:
    """Try Pillow, where it is installed, for what OpenCV does not read."""
    import importlib.util

    if importlib.util.find_spec("PIL") is None:
        return None
    import io

    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > _MOST_PIXELS:
                return None
            return np.asarray(image.convert("L"), np.uint8)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError, EOFError):
        return None


def phash(grey: Grey) -> int:
    """64-bit DCT hash: 32 x 32 area-averaged grey, 8 x 8 lowest frequencies against their median."""
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = np.asarray(cv2.dct(small))[:8, :8]
    ordered = np.sort(low, axis=None)
    bits = (low > (ordered[31] + ordered[32]) / 2).astype(np.uint8)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def window_phashes(grey: Grey, side: int, step: int) -> NDArray[np.uint64]:
    """Hash every square window of `side` pixels, `step` apart: one row a top edge, one column a left edge.

    The hash of `phash`, but for the rounding of the 32 x 32 averages to whole grey levels.
    """
    height, width = grey.shape[:2]
    waves, plain = _waves(side), grey.astype(np.float32)
    tall = np.concatenate([waves @ plain[top : top + side] for top in range(0, height - side + 1, step)])
    low = np.stack([tall[:, left : left + side] @ waves.T for left in range(0, width - side + 1, step)])
    low = low.reshape(len(low), -1, 64).transpose(1, 0, 2)
    middle = np.partition(low, (31, 32), axis=2)[:, :, 31:33].sum(axis=2, keepdims=True) / 2
    bits = np.packbits(low > middle, axis=2)
    return np.ascontiguousarray(bits).view(">u8").astype(np.uint64)[:, :, 0]


@lru_cache(maxsize=64)
def _waves(side: int) -> NDArray[np.float32]:
    """The first 8 of 32 cosine waves over the averages of `side` pixels in 32 equal stretches, one wave a row."""
    edges = np.arange(33) * side / 32
    covered = np.minimum(edges[1:, None], np.arange(1, side + 1)) - np.maximum(edges[:-1, None], np.arange(side))
    averages = np.maximum(covered, 0) * 32 / side
    waves = np.cos(np.pi * np.arange(8)[:, None] * (2 * np.arange(32)[None, :] + 1) / 64)
    waves[0] /= np.sqrt(2)
    return np.asarray(waves @ averages, np.float32)


@lru_cache(maxsize=64)
def _lanczos(size: int, out: int) -> NDArray[np.float32]:
    """Weights of antialiased Lanczos-3 resampling from `size` to `out` samples, one row an output sample."""
    scale = size / out
    support = 3 * max(scale, 1.0)
    centres = (np.arange(out) + 0.5) * scale
    x = (np.arange(size)[None, :] + 0.5 - centres[:, None]) / max(scale, 1.0)
    weights = np.where(np.abs(x) < support / max(scale, 1.0), np.sinc(x) * np.sinc(x / 3), 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _narrowed(grey: Grey, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Resample the rows, some at a time: a product that small is not spread over threads, which costs far more."""
    step = max(_SMALL // weights.size, 1)
    turned = np.ascontiguousarray(weights.T)
    return np.concatenate([grey[at : at + step].astype(np.float32) @ turned for at in range(0, len(grey), step)])


_SMALL = 200_000
"""Multiplications that the linear algebra library does in one thread."""


def dhash(grey: Grey) -> int:
    """64-bit difference hash: 9 x 8 Lanczos-resampled grey, each pixel against its left neighbour."""
    height, width = grey.shape[:2]
    across = np.clip(np.rint(_narrowed(grey, _lanczos(width, 9))), 0, 255)
    small = np.clip(np.rint(_lanczos(height, 8) @ across), 0, 255)
    return int.from_bytes(np.packbits((small[:, 1:] > small[:, :-1]).astype(np.uint8)).tobytes(), "big")


def distance(one: int, other: int) -> int:
    """Number of bits in which two hashes differ."""
    return (one ^ other).bit_count()


def distances_between(hashes: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Number of bits in which each hash differs from each of the others: one row a hash, one column another."""
    differing = (hashes[:, None] ^ others[None, :]).view(np.uint8).reshape(len(hashes), len(others), 8)
    return np.asarray(_BITS[differing].sum(axis=2, dtype=np.int64))


_BITS = np.array([value.bit_count() for value in range(256)], np.uint8)


def hex64(value: int) -> str:
    """16 hex digits."""
    return f"{value:016x}"

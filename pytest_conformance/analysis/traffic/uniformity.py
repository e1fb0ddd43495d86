"""Tell well-encrypted or compressed bytes from plain ones by the uniformity of their byte values."""

from __future__ import annotations

from collections import Counter

import numpy as np

_LIMIT = 330.52
"""Chi-squared with 255 degrees of freedom, upper 0.1 %."""


def chi_squared(data: bytes) -> float:
    """Chi-squared statistic of byte counts against the uniform distribution."""
    counts = np.bincount(np.frombuffer(data, np.uint8), minlength=256)
    expected = len(data) / 256
    return float(((counts - expected) ** 2).sum() / expected)


def is_uniform(data: bytes, sample: int = 16384) -> bool:
    """Tell whether bytes could be well encrypted. Fewer than 1,280 are always taken for uniform."""
    part = data[:sample]
    return len(part) < 1280 or chi_squared(part) <= _LIMIT


def repeated_blocks(data: bytes, size: int = 16) -> int:
    """Number of aligned blocks that occur more than once: the mark of AES-ECB."""
    part = data[: 1 << 20]
    blocks = [part[i : i + size] for i in range(0, len(part) - size + 1, size)]
    if len(set(blocks)) == len(blocks):
        return 0
    return sum(count - 1 for block, count in Counter(blocks).items() if count > 1 and len(set(block)) >= 8)

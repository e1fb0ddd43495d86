"""Secrets in files that a record keeps: passwords in addresses and in fields named for one. Copies carry stars."""

from __future__ import annotations

import re

STARS = "***"
_IN_ADDRESS = re.compile(
    r"(?P<before>\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@'\"]{0,200}:)(?P<secret>[^\s/@'\"]{1,200})(?=@)"
)
_IN_FIELD = re.compile(
    r"(?P<before>\b[\w-]{0,40}(?:password|passwd|secret|token|api[_-]?key|community)['\"]?[ \t]{0,8}:[ \t]{0,8}['\"]?)"
    r"(?P<secret>(?!env:)(?!['\"])[^\s'\",}\]#]{1,500})",
    re.IGNORECASE,
)


def masked(text: str) -> tuple[str, int]:
    """Return `text` with each secret replaced by stars, and how many there were.

    `env:NAME`, which names a secret and does not tell it, stays.
    """
    count = 0
    for pattern in (_IN_ADDRESS, _IN_FIELD):
        text, found = pattern.subn(lambda each: each["before"] + STARS, text)
        count += found
    return text, count

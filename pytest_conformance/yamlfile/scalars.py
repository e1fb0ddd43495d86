"""What an unquoted word means: the YAML 1.2 core schema, and words that other readers take for something else."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

Scalar = None | bool | int | float | str

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z")

# Text by YAML 1.2, but a truth value, a number to base 60, an octal or a grouped number by YAML 1.1.
_ELSEWHERE = re.compile(
    r"(yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF"
    r"|[-+]?[0-9][0-9_]*(:[0-9]{1,2})+(\.[0-9_]*)?|[-+]?0b[01_]+|[-+]?0x[0-9a-fA-F_]+"
    r"|[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?)\Z"
)

LONGEST_NUMBER = 64
"""Characters that an unquoted number may have."""


@dataclass(frozen=True)
class Bare:
    """An unquoted word that is text by YAML 1.2 but something else by other readers: `NO`, `on`, `12:30:45`.

    It is no `str`, so that a field of type text refuses it. A field that expects such words among others
    (`yes`, `no`) takes them through `as_written`.
    """

    written: str

    def __str__(self) -> str:
        return self.written


class NotFiniteError(ValueError):
    """An unquoted word that means infinity or not-a-number, or a number too large to hold."""


def resolve(written: str) -> Scalar | Bare:
    """Return what the unquoted word `written` means. Raises NotFiniteError for infinity and not-a-number."""
    if written in _NULL:
        return None
    if written in _TRUE:
        return True
    if written in _FALSE:
        return False
    if _NOT_FINITE.match(written):
        raise NotFiniteError(written)
    if _is_number(written):
        return _number(written)
    return Bare(written) if _ELSEWHERE.match(written) else written


def as_written(value: object) -> object:
    """Return the text of a `Bare` word; for fields in which `yes`, `no`, `on` are words of the vocabulary."""
    return value.written if isinstance(value, Bare) else value


def _is_number(written: str) -> bool:
    return any(pattern.match(written) for pattern in (_INTEGER, _OCTAL, _HEXADECIMAL, _FLOAT))


def _number(written: str) -> int | float:
    if len(written) > LONGEST_NUMBER:
        raise NotFiniteError(written[:LONGEST_NUMBER])
    if _INTEGER.match(written):
        return int(written, 10)
    if _OCTAL.match(written) or _HEXADECIMAL.match(written):
        return int(written, 0)
    value = float(written)
    if not math.isfinite(value):
        raise NotFiniteError(written)
    return value

"""Read numbers out of instruments' answers: what is not plainly a finite number in range is refused."""

from __future__ import annotations

import math
import re

from pytest_conformance.errors import InstrumentError

OVERLOAD = 9.9e37
"""SCPI 1999.0, volume 1, 7.2.1.4: positive infinity is sent as 9.9E37, not-a-number as 9.91E37."""
_NUMBER = re.compile(r"[+-]?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_COMMA = re.compile(r"[+-]?\d{1,20},\d{1,20}(?:[eE][+-]?\d{1,3})?", re.ASCII)
_SPECIAL = {"nan", "inf", "infinity", "+inf", "-inf", "ninf", "+infinity", "-infinity"}


def number(
    text: str, *, what: str, where: str = "", unit: str = "", low: float = -math.inf, high: float = math.inf
) -> float:
    """Return the number that `text` is, in `unit`, within `low` to `high`.

    Raises InstrumentError: BEN-INS-105 for not-a-number, infinity and overload markers; BEN-INS-106 out of range;
    BEN-INS-104 for all else (another unit, a decimal comma, rubbish).
    """
    given = text.strip()
    if given.lower() in _SPECIAL:
        raise _overload(given, what, where)
    if not _NUMBER.fullmatch(given):
        raise InstrumentError(
            "BEN-INS-104",
            f"{what}: the answer {shown(given)} is not a plain number{_hint(given)}",
            where=where,
            expected=f"a decimal number in {unit}" if unit else "a decimal number",
            todo="set the instrument's number format, unit and language to SCPI defaults (*RST)",
        )
    value = float(given)
    if not math.isfinite(value) or abs(value) >= OVERLOAD:
        raise _overload(given, what, where)
    if not low <= value <= high:
        raise InstrumentError(
            "BEN-INS-106",
            f"{what}: {value:g} {unit}".rstrip() + " is outside what the instrument can read",
            where=where,
            expected=f"{low:g} to {high:g} {unit}".rstrip(),
            todo="check the wiring and the range",
        )
    return value


def shown(text: str, limit: int = 60) -> str:
    """Return `text` quoted for a message: control and non-ASCII characters escaped, cut at `limit` characters."""
    return ascii(text[:limit]) + ("..." if len(text) > limit else "")


def _overload(given: str, what: str, where: str) -> InstrumentError:
    return InstrumentError(
        "BEN-INS-105",
        f"{what}: the instrument reports overload or no number ({shown(given)})",
        where=where,
        expected="a finite reading",
        todo="check the leads, the range and the input",
    )


def _hint(given: str) -> str:
    if _COMMA.fullmatch(given):
        return " (a decimal comma?)"
    head = _NUMBER.match(given)
    return " (a unit after it?)" if head and re.fullmatch(r"\s{0,4}[^\s\d,]{1,10}", given[head.end() :]) else ""

"""Chapters: the heading under which reports gather a clause, from its article or provision number. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_STANDARD = re.compile(r"(?P<name>G[AB](?:/T)? [0-9.]+-[0-9]{4})")
_ARTICLE = re.compile(r"(?P<number>[0-9]+)(?=$|[(（]| [^ -~])")
_CHINESE = re.compile(r"(?P<number>[一二三四五六七八九十]+)\.[0-9]+")
_DOTTED = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)-[0-9]+[A-Z]?")
_FAMILY = re.compile(r"(?P<name>[A-Z]{2,4})-[0-9]+(?:-[0-9]+)?")
_COUNTED = re.compile(r"(?P<name>[A-Z][a-z]+(?: [A-Za-z]+)+) [0-9]+[a-z]?")


def chapter(number: str, headings: Mapping[str, str]) -> str:
    """Return the chapter of the article or provision `number`, with its heading where `headings` holds one.

    "5(1)(一)" gives "§ 5", "5.5-1" gives "5.5 Communicate securely", "ACM-1" gives "ACM Access control", a clause
    of a GB or GA standard gives the standard; what has no such shape is cut before its first bracket.
    """
    key = _key(number)
    heading = headings.get(key, "")
    if heading:
        return f"{key} {heading}"
    return f"§ {key}" if key.isdigit() else key


def _key(number: str) -> str:
    if standard := _STANDARD.match(number):
        return standard["name"]
    for pattern in (_CHINESE, _DOTTED, _FAMILY, _COUNTED):
        if match := pattern.fullmatch(number):
            return match[1]
    if article := _ARTICLE.match(number):
        return article["number"]
    return number.split("(")[0].split(",")[0].strip() or number

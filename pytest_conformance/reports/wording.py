"""The words and marks that every view shares, and how text from a device is made safe to look at."""

from __future__ import annotations

import unicodedata

TEXT_KNOWN = frozenset({"verbatim", "seen"})
"""Text states in which the words of the rule were read, so that a verdict may speak of conforming."""

_MARKS = {
    "paraphrase": "own paraphrase; official text not checked",
    "memory": "text from memory; official text not checked",
    "unsure": "text uncertain; official text not checked",
    "": "origin of the text not stated",
}
_WORDS = {
    "PASS": "conforms",
    "CONDITIONAL_PASS": "conditional pass",
    "INCONCLUSIVE": "inconclusive",
    "CONDITIONAL_FAIL": "conditional fail",
    "FAIL": "does not conform",
    "NOT_APPLICABLE": "not applicable",
    "NOT_TESTED": "not tested",
}
_CAUTIOUS = {
    "PASS": "no finding",
    "CONDITIONAL_PASS": "no finding, conditional",
    "CONDITIONAL_FAIL": "finding, conditional",
    "FAIL": "finding",
}
VERDICTS = tuple(_WORDS)
"""All verdicts, in the order in which views count them."""

CAUSES = {
    "dut": "Device finding",
    "bench": "Bench fault",
    "operator": "Operator",
    "environment": "Environment",
    "method": "Method",
    "aborted": "Aborted",
}
"""Cause of a verdict as a short label; also the first words of an Allure message, by which it is sorted."""


def word(verdict: str, text_status: str) -> str:
    """Return how a verdict is worded: a clause whose official text we have not read never "conforms"."""
    if text_status not in TEXT_KNOWN:
        return _CAUTIOUS.get(verdict, _WORDS.get(verdict, verdict))
    return _WORDS.get(verdict, verdict)


def text_mark(text_status: str) -> str:
    """Return the mark that must stand beside a verdict on this clause; "" when its text was read."""
    if text_status in TEXT_KNOWN:
        return ""
    return _MARKS.get(text_status, f"text {text_status}; official text not checked")


def visible(text: object, cap: int = 2000, *, lines: bool = False) -> str:
    r"""Return `text` with every character that cannot be seen written as an escape (`\x1b`, `\u202e`).

    Controls, surrogates, bidirectional and zero-width marks, line separators and unassigned characters are
    escaped; with `lines`, line feeds and tabs stay. At most `cap` characters are shown, the rest is counted.
    """
    full = str(text)
    shown = "".join(_seen(character, lines) for character in full[:cap])
    return shown if len(full) <= cap else f"{shown}… [{len(full) - cap} more characters]"


def one_line(text: object, cap: int = 300) -> str:
    """Return `text` on one line, spaces and line feeds folded, the rest as `visible` does it."""
    words = str(text)[: 4 * cap].replace("\t", " ").replace("\n", " ").split(" ")
    return visible(" ".join(each for each in words if each), cap)


def _seen(character: str, lines: bool) -> str:
    if " " <= character <= "~" or (lines and character in "\n\t"):
        return character
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        code = ord(character)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return character

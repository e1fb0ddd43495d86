"""Words and escapes that all views share."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_conformance.reports.wording import VERDICTS, one_line, text_mark, visible, word
from pytest_conformance.verdicts import Verdict


@pytest.mark.parametrize("status", ["paraphrase", "memory", "unsure", "", "something new"])
def test_a_text_that_was_not_checked_never_conforms(status: str) -> None:
    for verdict in VERDICTS:
        assert "conform" not in word(verdict, status)
    assert text_mark(status)


@pytest.mark.parametrize("status", ["verbatim", "seen"])
def test_a_text_that_was_read_needs_no_mark(status: str) -> None:
    assert word("PASS", status) == "conforms"
    assert word("FAIL", status) == "does not conform"
    assert text_mark(status) == ""


def test_every_verdict_has_a_word() -> None:
    assert set(VERDICTS) == {verdict.value for verdict in Verdict}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("a\r\nb", "a\\x0d\\x0ab"),
        ("\ud800", "\\ud800"),
        ("\u202egnp", "\\u202egnp"),
        ("a\u200db\ufeff", "a\\u200db\\ufeff"),
        ("\u2028\x85", "\\u2028\\x85"),
        ("\U000e0041", "\\U000e0041"),
        ("人脸 é €", "人脸 é €"),
        ("{0.__class__} %n <b>", "{0.__class__} %n <b>"),
    ],
)
def test_what_hides_becomes_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_line_feeds_stay_where_lines_are_shown() -> None:
    assert visible("a\n\tb\r", lines=True) == "a\n\tb\\x0d"


def test_long_text_is_counted_not_shown() -> None:
    assert visible("x" * 1_000_000, 10) == "xxxxxxxxxx… [999990 more characters]"


def test_one_line_is_one_line() -> None:
    assert one_line("a\n  b\tc\x0bd") == "a b c\\x0bd"


@given(st.text(st.characters(exclude_categories=[])))
def test_nothing_invisible_is_left(text: str) -> None:
    for shown in (visible(text), one_line(text)):
        assert not {unicodedata.category(each) for each in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        shown.encode("utf-8")

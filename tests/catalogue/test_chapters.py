"""Chapters from the numbers of articles and provisions."""

from __future__ import annotations

import pytest

from pytest_conformance.catalogue.chapters import chapter


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("5(1)(一)", "§ 5"),
        ("47(1)", "§ 47"),
        ("5 学习教育类", "§ 5"),
        ("draft", "draft"),
        ("5.13-1A", "5.13 Validate input"),
        ("6-3A", "§ 6"),
        ("AUM-1-1", "AUM"),
        ("一.3", "一"),
        ("GB/T 35273-2020 6.3 a)", "GB/T 35273-2020"),
        ("GA 374-2019", "GA 374-2019"),
        ("GDPR Art. 5(1)(a), 12-14", "GDPR Art. 5"),
        ("740 ILCS 14/15(a)", "740 ILCS 14/15"),
        ("Annex I Part I 2(a)", "Annex I Part I 2"),
        ("Interface Access Control 2a", "Interface Access Control"),
        ("(x)", "(x)"),
    ],
)
def test_a_number_gives_its_chapter(number: str, expected: str) -> None:
    assert chapter(number, {"5.13": "Validate input"}) == expected

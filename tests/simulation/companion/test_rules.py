"""The words of the simulated processing rules."""

from __future__ import annotations

import pytest

from pytest_conformance.simulation.companion import CHINESE, ELEMENTS, RulesFacts, rules_text

FACTS = RulesFacts(("智能门锁", "Lock"), ("人脸信息", "faces"), ("开门", "opening the door"))


def test_the_rules_are_given_in_both_languages() -> None:
    text = rules_text(FACTS)
    chinese = [piece for piece in text if piece.lang == CHINESE]
    assert len(chinese) == len(text) - len(chinese) == len(ELEMENTS) + 1


@pytest.mark.parametrize("element", ELEMENTS)
def test_leaving_out_an_element_takes_exactly_it_from_both_languages(element: str) -> None:
    assert len(set(rules_text(FACTS)) - set(rules_text(FACTS, [element]))) == 2


def test_an_unknown_element_cannot_be_left_out() -> None:
    with pytest.raises(ValueError, match="weather"):
        rules_text(FACTS, ["weather"])

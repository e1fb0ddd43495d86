"""How a screen becomes HTML."""

from __future__ import annotations

import pytest

from pytest_conformance.simulation.companion import (
    AppScreen,
    Button,
    Checkbox,
    Control,
    Link,
    Paragraph,
    Picture,
    Switch,
    TextInput,
)
from pytest_conformance.simulation.companion.page import address, page


def html(*controls: Control, paragraphs: tuple[Paragraph | str, ...] = ()) -> str:
    return page(AppScreen("/x", "Title", paragraphs, controls)).decode()


@pytest.mark.parametrize(
    "control",
    [
        Button(bad := '"><script>alert(1)</script>', "n"),
        Link(bad, "/"),
        Checkbox(bad, bad),
        Switch(bad, bad),
        TextInput(bad, "n", bad),
        Picture(bad, b"x", bad),
        Button("l", bad, bad),
    ],
    ids=lambda control: type(control).__name__,
)
def test_no_string_of_a_control_becomes_markup(control: Control) -> None:
    assert "<script" not in html(control)


def test_no_string_of_the_text_becomes_markup() -> None:
    assert "<script" not in html(paragraphs=("<script>", Paragraph("<script>", "<script>")))
    assert "<script" not in page(AppScreen("/<script>", "<script>", lang='"><script>')).decode()


def test_what_utf8_cannot_carry_is_replaced() -> None:
    text = html(paragraphs=("a\ud800b\0c",))
    assert "a?b\ufffdc" in text


def test_text_stands_in_its_language() -> None:
    assert '<p lang="zh-CN">规则</p>' in html(paragraphs=(Paragraph("规则", "zh-CN"),))


def test_hidden_text_is_in_the_page_but_hidden() -> None:
    assert " hidden>secret" in html(paragraphs=(Paragraph("secret", style="hidden"),))


def test_a_box_is_ticked_only_when_asked_for() -> None:
    assert " checked" not in html(Checkbox("Agree", "a"))
    assert " checked" in html(Checkbox("Agree", "a", ticked=True))


def test_a_switch_asks_for_the_other_state() -> None:
    on, off = html(Switch("Camera", "camera", True)), html(Switch("Camera", "camera", False))
    assert 'aria-checked="true" name="camera" value="off"' in on
    assert 'aria-checked="false" name="camera" value="on"' in off


def test_disabled_controls_say_so() -> None:
    assert " disabled" in html(Button("Go", "go", enabled=False))


def test_paths_with_odd_characters_stay_paths() -> None:
    assert address("/users/a?b#c 李") == "/users/a%3Fb%23c%20%E6%9D%8E"
    assert address("https://example.com/?a=1&b=2") == "https://example.com/?a=1&amp;b=2"

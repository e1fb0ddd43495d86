from __future__ import annotations

import pytest

from pytest_conformance.yamlfile import Bare, FileError, as_written, parse


def value(text: str) -> object:
    return parse("f", f"a: {text}\n".encode()).data["a"]


@pytest.mark.parametrize(
    ("written", "meaning"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-7", -7),
        ("00123", 123),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("1.10", 1.1),
        (".5", 0.5),
        ("5 V", "5 V"),
        ("2027-03-31", "2027-03-31"),
        ("1.2.3", "1.2.3"),
        ("02:4d:4c:00:10:01", "02:4d:4c:00:10:01"),
        ("5.1-1", "5.1-1"),
        ("y", "y"),
        ("TRue", "TRue"),
    ],
)
def test_G06_unquoted_words_are_read_by_the_core_schema(written: str, meaning: object) -> None:
    found = value(written)
    assert found == meaning
    assert type(found) is type(meaning)


@pytest.mark.parametrize(
    "written", ["NO", "no", "yes", "on", "Off", "12:30:45", "11:22:33:44:55", "0b11", "1_000", "-1:30", "1:30.5"]
)
def test_G06_words_that_other_readers_take_for_something_else_are_no_text(written: str) -> None:
    found = value(written)
    assert found == Bare(written)
    assert not isinstance(found, str)
    assert as_written(found) == written


@pytest.mark.parametrize("written", ["NO", "on", "12:30:45", "00123", "1.10", "null", "~"])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_quoted_words_are_text(written: str, quote: str) -> None:
    assert value(f"{quote}{written}{quote}") == written


@pytest.mark.parametrize("written", [".inf", "-.Inf", ".NaN", "1e999", "-1e999", "9" * 65, "9" * 5000])
def test_G08_numbers_that_are_not_finite_or_too_long_are_refused_with_their_place(written: str) -> None:
    with pytest.raises(FileError) as caught:
        value(written)
    assert caught.value.code == "USE-FIL-018"
    assert caught.value.what.startswith("f:1:4: ")

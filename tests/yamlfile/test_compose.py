from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_conformance.yamlfile import FileError, Position, parse
from pytest_conformance.yamlfile.compose import DEEPEST


def refused(text: str | bytes) -> FileError:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(FileError) as caught:
        parse("bench.yaml", content)
    return caught.value


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_G01_an_alias_bomb_is_refused_at_its_first_anchor_in_no_time() -> None:
    parse("warm", b"a: 1\n")
    start = time.perf_counter()
    error = refused(BOMB)
    assert time.perf_counter() - start < 0.1
    assert error.code == "USE-FIL-006"
    assert error.what.startswith("bench.yaml:1:4: ")


@pytest.mark.parametrize("text", ["a: &x 1\nb: *x\n", "a: *x\n", "&k a: 1\n", "a: {<<: {b: 1}}\n", "- &x {}\n"])
def test_G01_anchors_aliases_and_merge_keys_are_refused(text: str) -> None:
    assert refused(text).code == "USE-FIL-006"


@pytest.mark.parametrize(
    "text", ["[" * 5000, "{a: " * 5000, "- " * 5000 + "x", "[" * 5000 + "]" * 5000, "a: [[{b: " + "[" * 5000]
)
def test_G02_five_thousand_levels_are_refused_cleanly(text: str) -> None:
    assert refused(text).code == "USE-FIL-008"


def test_G02_nesting_by_indentation_is_refused_at_the_line_that_is_too_deep() -> None:
    error = refused("".join(f"{' ' * level}a:\n" for level in range(1200)))
    assert error.code == "USE-FIL-008"
    assert error.problems[0].position == Position(DEEPEST + 1, DEEPEST + 1)


def test_nesting_up_to_the_cap_is_read() -> None:
    data = parse("f", ("[" * DEEPEST + "]" * DEEPEST).encode()).data
    depth = 0
    while data:
        data, depth = data[0], depth + 1
    assert depth == DEEPEST - 1


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system [ls]\n",
        "a: !!str 5\n",
        "a: !own 5\n",
        "a: ! 5\n",
        "!!map {}\n",
        "%TAG ! tag:x,2000:\n---\na: !y 1\n",
        "!!str a: 1\n",
    ],
)
def test_G03_tags_are_refused(text: str) -> None:
    assert refused(text).code == "USE-FIL-007"


def test_G05_a_duplicate_key_is_refused_with_both_lines() -> None:
    error = refused("roles:\n  supply: {}\n  meter: {}\n  supply: {}\n")
    assert error.code == "USE-FIL-009"
    assert error.what == "bench.yaml:4:3: duplicate key 'supply': first on line 2, again on line 4"


def test_G05_quotes_do_not_hide_a_duplicate_key() -> None:
    assert refused("a: 1\n'a': 2\n").code == "USE-FIL-009"


@pytest.mark.parametrize("key", ["on", "NO", "1", "1.10", "null", "true", "12:30"])
def test_G06_keys_that_are_not_text_for_every_reader_are_refused(key: str) -> None:
    error = refused(f"a:\n  {key}: 1\n")
    assert error.code == "USE-FIL-014"
    assert f'write it in quotes: "{key}"' in error.what
    assert error.what.startswith("bench.yaml:2:3: ")
    assert parse("f", f'a:\n  "{key}": 1\n'.encode()).data == {"a": {key: 1}}


@pytest.mark.parametrize(
    "text", ["? [a]\n: 1\n", "{[a]: 1}", "? {a: b}\n: 1\n", "'': 1\n", "a: 1\n---\nb: 1\n", "", "# only words\n"]
)
def test_strange_keys_further_documents_and_empty_files_are_refused(text: str) -> None:
    assert refused(text).code == "USE-FIL-011"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 'x\n", "2:1"),
        ("a: [1, 2\n", "2:1"),
        ("a: b: c\n", "1:5"),
        ("a: @x\n", "1:4"),
        ("a: 1\n b: 2\n", "2:3"),
        ("%YAML 1.1\n---\na: 1\n", "2:1"),
        ('a: "\\q"\n', "1:6"),
    ],
)
def test_what_is_not_yaml_is_refused_with_its_place(text: str, place: str) -> None:
    error = refused(text)
    assert error.code == "USE-FIL-010"
    assert error.what.startswith(f"bench.yaml:{place}: ")


def test_an_escape_beyond_unicode_is_refused() -> None:
    assert refused('a: "\\UFFFFFFFF"\n').code == "USE-FIL-010"
    assert refused('a: "\\U00110000"\n').code == "USE-FIL-010"


def test_each_key_and_value_has_its_place() -> None:
    document = parse("f", b"a:\n  - x: 1\n    y: 5 V\nb: {c: on}\n")
    assert document.positions.values[("a", 0, "y")] == Position(3, 8)
    assert document.positions.keys[("a", 0, "y")] == Position(3, 5)
    assert document.positions.written[("b", "c")] == "on"
    assert document.place(("a", 0, "z")) == "f:2:5"
    assert document.place(("b",), on_key=True) == "f:4:1"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80) | st.text(alphabet="ab:-[]{}#&*!|>'\"%@?, \n\\xu0", max_size=80).map(str.encode))
def test_any_bytes_give_data_or_a_file_error(content: bytes) -> None:
    try:
        parse("f", content)
    except FileError as error:
        refused = error
    else:
        return
    assert refused.code.startswith("USE-FIL-")
    assert refused.problems

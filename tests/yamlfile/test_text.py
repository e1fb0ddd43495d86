from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pytest_conformance.yamlfile import FileError, parse, read
from pytest_conformance.yamlfile.text import LARGEST


def refused(content: bytes) -> FileError:
    with pytest.raises(FileError) as caught:
        parse("bench.yaml", content)
    return caught.value


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xef\xbb\xbfa: 1\n", "byte-order mark"),
        ("a: 1\n".encode("utf-16"), "UTF-16"),
        ("a: 1\n".encode("utf-16-le"), "UTF-16"),
        ("a: 1\n".encode("utf-32"), "UTF-32"),
        (b"a: caf\xe9\n", "0xe9 is not UTF-8"),
    ],
)
def test_G09_only_plain_utf8_is_read(content: bytes, says: str) -> None:
    error = refused(content)
    assert error.code == "USE-FIL-003"
    assert says in error.what


def test_G09_the_place_of_a_wrong_byte_is_told() -> None:
    assert refused("ä: 1\nü: ".encode() + b"\xff").what.startswith("bench.yaml:2:4: ")


def test_G09_a_tab_is_refused_with_its_place() -> None:
    error = refused(b"a: 1\nb:\t2\n")
    assert error.code == "USE-FIL-005"
    assert error.what.startswith("bench.yaml:2:3: a tab")


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\u202e", "RIGHT-TO-LEFT OVERRIDE"),
        ("\u2066", "LEFT-TO-RIGHT ISOLATE"),
        ("\u200b", "ZERO WIDTH SPACE"),
        ("\u200d", "ZERO WIDTH JOINER"),
        ("\u00a0", "NO-BREAK SPACE"),
        ("\u00ad", "SOFT HYPHEN"),
        ("\u3164", "HANGUL FILLER"),
        ("\ufeff", "ZERO WIDTH NO-BREAK SPACE"),
        ("\ue000", "U+E000"),
        ("\U000e0041", "TAG LATIN CAPITAL LETTER A"),
        ("\x1b", "U+001B"),
        ("\x85", "U+0085"),
        ("\u2028", "LINE SEPARATOR"),
    ],
)
def test_G09_characters_that_nobody_sees_are_refused(character: str, name: str) -> None:
    error = refused(f"# fine\nmodel: a{character}b\n".encode())
    assert error.code == "USE-FIL-004"
    assert error.what.startswith("bench.yaml:2:9: ")
    assert name in error.what


@pytest.mark.parametrize("escape", ["\\u202e", "\\u200b", "\\x1b[31m", "\\0", "\\ud800", "\\e"])
def test_G09_unseen_characters_are_refused_as_escapes_too(escape: str) -> None:
    error = refused(f'a: 1\nb: "x{escape}"\n'.encode())
    assert error.code == "USE-FIL-004"
    assert error.what.startswith("bench.yaml:2:4: ")


def test_visible_text_of_any_language_and_escaped_tabs_and_newlines_are_read() -> None:
    assert parse("f", 'a: 人脸识别，µ °C\nb: "x\\ty\\n"\n'.encode()).data == {"a": "人脸识别，µ °C", "b": "x\ty\n"}


def test_G09_files_with_carriage_returns_have_the_same_data_and_places() -> None:
    unix, windows = parse("f", b"a: 1\nb:\n  - 2\n"), parse("f", b"a: 1\r\nb:\r\n  - 2\r\n")
    assert windows.data == unix.data
    assert windows.positions == unix.positions


def test_G02_a_file_above_the_size_cap_is_not_read_further(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as stream:
        stream.truncate(100 * LARGEST)
    with pytest.raises(FileError) as caught:
        read(path)
    assert caught.value.code == "USE-FIL-002"


@pytest.mark.parametrize("make", ["missing", "folder"])
def test_what_is_no_file_is_refused(tmp_path: Path, make: str) -> None:
    path = tmp_path / "x.yaml"
    if make == "folder":
        path.mkdir()
    with pytest.raises(FileError) as caught:
        read(path)
    assert caught.value.code == "USE-FIL-001"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: 1\n")
    path.chmod(0)
    with pytest.raises(FileError) as caught:
        read(path)
    assert caught.value.code == "USE-FIL-001"

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pytest_conformance.yamlfile import FileError, load, read
from pytest_conformance.yamlfile.model import Part, Text


class Word(Part):
    word: Text


def test_G13_the_digest_and_the_data_are_those_of_the_bytes_that_were_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"a: 1\r\n")
    document = read(path)
    path.write_bytes(b"a: 2\n")
    assert document.digest == hashlib.sha256(b"a: 1\r\n").hexdigest()
    assert document.data == {"a": 1}
    assert read(path).digest != document.digest


def test_messages_name_a_file_below_the_working_folder_by_its_short_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "benches").mkdir()
    path = tmp_path / "benches" / "x.yaml"
    path.write_text("word: 1.10\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError, match=r"USE-FIL-014: benches/x\.yaml:1:7: "):
        load(path, Word)


def test_a_file_elsewhere_is_named_in_full(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("word: 1.10\n")
    with pytest.raises(FileError) as caught:
        load(path, Word)
    assert caught.value.what.startswith(f"{path}:1:7: ")

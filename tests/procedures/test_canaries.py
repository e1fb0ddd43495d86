"""What was planted is recognised wherever it turns up, and only that."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_conformance.drivers.roles import CloudObject
from pytest_conformance.procedures.canaries import Canaries
from pytest_conformance.procedures.inspection import clear_content
from pytest_conformance.resources import shipped

PICTURES = Path(str(shipped("fixtures") / "subjects" / "pictures"))
NAME = "Guest-7f3a90-del"


@pytest.fixture
def canaries() -> Canaries:
    planted = Canaries()
    planted.add({"name": NAME, "S1": (PICTURES / "S1.jpg").read_bytes()})
    return planted


def test_text_becomes_a_string_and_bytes_a_face(canaries: Canaries) -> None:
    assert canaries.strings == {"name": NAME}
    assert list(canaries.faces) == ["S1"]


@pytest.mark.parametrize(
    "blob",
    [
        NAME.encode(),
        b"\xff" * 500 + b'{"user":"' + NAME.encode() + b'"}' + b"\xff" * 500,
        NAME.encode("utf-16-le"),
        base64.b64encode(b"user=" + NAME.encode() + b"; more text behind it"),
        zlib.compress(b"some text before " + NAME.encode() + b" and some behind it" * 3),
    ],
    ids=["plain", "in flash", "utf-16", "base64", "zlib"],
)
def test_a_name_is_found_in_each_disguise(canaries: Canaries, blob: bytes) -> None:
    assert canaries.found_in(blob) == ("name",)


def test_a_face_is_found_in_the_picture_that_carries_it(canaries: Canaries) -> None:
    assert canaries.found_in(b"\xff" * 3000 + (PICTURES / "S1.jpg").read_bytes() + b"\xff" * 3000) == ("S1",)


@pytest.mark.parametrize("blob", [b"", b"\xff" * 4096, b"Guest-7f3a90", bytes(range(256)) * 20])
def test_what_is_not_there_is_not_found(canaries: Canaries, blob: bytes) -> None:
    assert canaries.found_in(blob) == ()


def test_the_cloud_is_searched_for_what_came_since(canaries: Canaries) -> None:
    def item(at: int, body: bytes) -> CloudObject:
        made: Any = SimpleNamespace(at=at, body=body)
        return made  # type: ignore[no-any-return]

    rows = [item(10, NAME.encode()), item(20, b"nothing here"), item(30, NAME.encode())]
    assert canaries.in_cloud(rows, 0) == ("name",)
    assert canaries.in_cloud(rows, 30) == ("name",)
    assert canaries.in_cloud(rows, 31) == ()


def test_clear_content_counts_pictures_and_names_faces(canaries: Canaries) -> None:
    picture = (PICTURES / "S1.jpg").read_bytes()
    assert clear_content(b"\xff" * 900 + picture + b"\xff" * 900, canaries)[:2] == (1, ("S1",))
    assert clear_content(b"\xff" * 9000, canaries) == (0, (), 0)

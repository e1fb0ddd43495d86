"""Recovered bytes lie on the disk, once each, and come back as they were."""

from __future__ import annotations

import random
import tempfile
from typing import Any

import pytest

from pytest_conformance.analysis.traffic import shelf as module
from pytest_conformance.analysis.traffic.columns import Samples, Trace
from pytest_conformance.analysis.traffic.shelf import Content, Shelf


def test_what_does_not_fit_into_the_room_lies_in_a_file_and_comes_back() -> None:
    shelf = Shelf(room=100)
    first, second, third = (Content(bytes([n]) * 80) for n in range(3))
    kept = [shelf.keep(each) for each in (first, second, third)]
    assert kept[0] is first
    assert all(each is not given for each, given in zip(kept[1:], (second, third), strict=True))
    assert [each._data for each in kept[1:]] == [b"", b""]
    assert [each.read() for each in kept] == [b"\0" * 80, b"\1" * 80, b"\2" * 80]
    assert [(each.size, each.sha256) for each in kept] == [(80, each.sha256) for each in (first, second, third)]


def test_equal_contents_are_kept_once() -> None:
    shelf = Shelf(room=0)
    one = shelf.keep(Content(b"a" * 1000))
    assert shelf.keep(Content(b"a" * 1000)) is one
    assert shelf._end == 1000


def test_a_content_outlives_its_shelf() -> None:
    kept = Shelf(room=0).keep(Content(b"left behind"))
    assert kept.read() == b"left behind"


def test_a_full_disk_costs_memory_and_no_object(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    content = Content(b"b" * 100)
    assert Shelf(room=0).keep(content) is content


def test_bytes_that_do_not_come_back_are_never_taken_for_the_object() -> None:
    kept = Shelf(room=0).keep(Content(b"c" * 100))
    kept._file.truncate(50)  # type: ignore[attr-defined]
    with pytest.raises(OSError, match="100 bytes cannot be read back: got 50"):
        kept.read()


def test_an_inspection_whose_objects_are_on_the_disk_gives_them_byte_for_byte(
    wire: Any, look: Any, face_jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = b"POST /a HTTP/1.1\r\nHost: c.example\r\nContent-Length: %d\r\n\r\n" % len(face_jpeg)
    wire.tcp([(True, head + face_jpeg), (True, head + face_jpeg)])
    at_hand = look(wire)
    monkeypatch.setattr(Shelf.__init__, "__defaults__", (0,))
    found = look(wire)
    assert [each.data for each in found.faces()] == [face_jpeg] * 2
    assert {type(each.content) for each in found.faces()} == {module._Shelved}
    assert {type(each.content) for each in at_hand.faces()} == {Content}
    assert found.to_json() == at_hand.to_json()


def test_a_trace_names_the_packets_of_a_stretch() -> None:
    rnd = random.Random(5)
    segments, at = [], 0
    for number in range(200):
        length = rnd.randrange(1, 50)
        segments.append((at, length, 0, number + 1, number / 10))
        at += length
    trace = Trace(segments)
    for _ in range(200):
        start = rnd.randrange(at - 1)
        end = rnd.randrange(start + 1, at + 1)
        expected = [s for s in segments if s[0] < end and s[0] + s[1] > start]
        assert trace.frames([(start, end)]) == ([s[3] for s in expected], expected[0][4], expected[-1][4])


def test_samples_are_pairs() -> None:
    pairs = [(0.5, 10), (1.5, 1 << 40)]
    samples = Samples(pairs)
    assert (list(samples), len(samples), samples[1], list(samples[1:])) == (pairs, 2, pairs[1], pairs[1:])
    assert samples == Samples(pairs)
    assert samples != Samples(pairs[:1])
    assert not Samples()

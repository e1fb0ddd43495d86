"""Rows beyond the first lie on the disk: in order, changeable, equal to a list, and never lost."""

from __future__ import annotations

import tempfile
from typing import Any

import pytest

from pytest_conformance.analysis.traffic import inspection, rows
from pytest_conformance.analysis.traffic.columns import Samples
from pytest_conformance.analysis.traffic.rows import BLOCK, Rows
from pytest_conformance.analysis.traffic.shelf import Content, Shelf

COUNT = 3 * BLOCK + 5


def numbers(first: int = 10) -> Rows[list[int]]:
    return Rows(Shelf(room=0), ([each] for each in range(COUNT)), first=first)


def test_rows_come_back_in_order_by_number_and_by_slice() -> None:
    many = numbers()
    assert many == [[each] for each in range(COUNT)]
    assert [many[0], many[10], many[-1], many[BLOCK]] == [[0], [10], [COUNT - 1], [BLOCK]]
    assert many[8:12] == [[8], [9], [10], [11]]
    assert many != [[each] for each in range(COUNT - 1)]
    for beyond in (COUNT, -COUNT - 1):
        with pytest.raises(IndexError):
            many[beyond]


def test_only_the_first_rows_and_the_last_block_are_in_memory() -> None:
    many = numbers()
    assert (len(many._first), len(many._last), many._held) == (10, COUNT - 10 - 2 * BLOCK, {})


@pytest.mark.parametrize("index", [3, 10, 11 + BLOCK, COUNT - 1])
def test_a_row_that_is_put_back_stays_changed_when_others_are_read(index: int) -> None:
    many = numbers()
    row = many[index]
    row.append(-1)
    many.put(index, row)
    wanted = [[each] for each in range(COUNT)]
    wanted[index] = [index, -1]
    assert [list(many), list(many)] == [wanted, wanted]


def test_rows_that_are_put_back_in_turns_all_stay_changed() -> None:
    many = numbers(0)
    for index in (0, BLOCK, 1, COUNT - 1, BLOCK + 1):
        many.put(index, [-index])
    many.extend([[1000]] * BLOCK)
    many.put(2 * BLOCK, [7])
    changed = {0: [0], BLOCK: [-BLOCK], 1: [-1], COUNT - 1: [1 - COUNT], BLOCK + 1: [-BLOCK - 1], 2 * BLOCK: [7]}
    assert list(many)[:COUNT] == [changed.get(each, [each]) for each in range(COUNT)]
    with pytest.raises(IndexError):
        many.put(len(many), [0])


def test_contents_stay_on_the_shelf_and_are_only_named() -> None:
    shelf = Shelf(room=0)
    kept = shelf.keep(Content(bytes(100_000)))
    many = Rows(shelf, [(kept, Samples([(1.0, 2)]))] * (2 * BLOCK), first=0)
    assert shelf._end < 110_000
    assert many[0][0] is kept
    assert many[1] == (kept, Samples([(1.0, 2)]))


def test_a_full_disk_costs_memory_and_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    many = numbers()
    many.put(20, [-20])
    assert list(many) == [[each] if each != 20 else [-20] for each in range(COUNT)]


def test_an_inspection_whose_rows_are_on_the_disk_says_the_same(
    wire: Any, look: Any, face_jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = len(face_jpeg) // 2
    pieces = (face_jpeg[:half], face_jpeg[half:])
    for number, piece in enumerate(pieces):  # a face in two parts over two connections: flows are changed afterwards
        head = b"PUT /face/%d HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (number, len(piece))
        wire.tcp([(True, head + piece)], sport=41000 + number)
    at_hand = look(wire)
    monkeypatch.setattr(rows, "BLOCK", 1)
    monkeypatch.setattr(Rows.__init__, "__kwdefaults__", {"first": 0})
    read_back = look(wire)
    assert len(read_back.flows._places) == 2
    assert [each.data for each in read_back.faces()] == [face_jpeg]
    assert read_back.to_json() == at_hand.to_json()
    assert sum(flow.up.hit for flow in read_back.flows) >= len(face_jpeg)


def test_foreign_conversations_are_forgotten_after_a_while(
    wire: Any, look: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables: list[Any] = []

    class Table(inspection.FlowTable):
        def finish(self) -> None:
            tables.append((len(self.halves), self.tally.foreign))
            super().finish()

    monkeypatch.setattr(inspection, "FlowTable", Table)
    monkeypatch.setattr("pytest_conformance.analysis.traffic.flows.FOREIGN", 3)
    for number in range(7):
        wire.tcp([(True, b"not of the device")], sport=4000 + number, mine="192.0.2.1", peer="192.0.2.2")
    look(wire, macs=())
    known, foreign = tables[0]
    assert foreign >= 7
    assert known <= 6

"""A list whose memory does not grow: its first rows at hand, the others in blocks in the shelf's file."""

from __future__ import annotations

import io
import pickle
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar, overload

from pytest_conformance.analysis.traffic.shelf import Content, Shelf

FIRST = 1000
"""Rows that stay in memory, so that ordinary captures never touch the disk."""
BLOCK = 64
"""Rows that are written and read together."""

T = TypeVar("T")


class Rows(Sequence[T]):
    """Rows in the order in which they came; whoever changes a row puts it back. A full disk costs memory, no row.

    Rows are plain data that pickle can write; contents in them stay on the shelf and are only named.
    """

    def __init__(self, shelf: Shelf, rows: Iterable[T] = (), *, first: int = FIRST) -> None:
        self._shelf = shelf
        self._room = first
        self._first: list[T] = []
        self._last: list[T] = []
        self._places = array("q")
        self._sizes = array("q")
        self._held: dict[int, list[T]] = {}
        self._read: tuple[int, list[T]] = (-1, [])
        self._changed = False
        self.extend(rows)

    def append(self, row: T) -> None:
        """Add a row at the end."""
        if len(self._first) < self._room:
            self._first.append(row)
            return
        self._last.append(row)
        if len(self._last) == BLOCK:
            self._places.append(0)
            self._sizes.append(0)
            changed, self._changed = self._changed, False
            self._write(len(self._places) - 1, self._last)
            self._last, self._changed = [], changed

    def extend(self, rows: Iterable[T]) -> None:
        """Add several rows at the end."""
        for row in rows:
            self.append(row)

    def put(self, index: int, row: T) -> None:
        """Replace the row `index`, counted from 0. Raises IndexError."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        if index < len(self._first):
            self._first[index] = row
            return
        block, at = divmod(index - len(self._first), BLOCK)
        self._block(block)[at] = row
        self._changed = self._changed or self._read[0] == block

    def __len__(self) -> int:
        """How many rows."""
        return len(self._first) + len(self._places) * BLOCK + len(self._last)

    def __iter__(self) -> Iterator[T]:
        """Yield the rows in order. Raises OSError when the disk does not give them back."""
        yield from self._first
        for block in range(len(self._places)):
            yield from self._block(block)
        yield from self._last

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> T | list[T]:
        """Return one row, or some of them. Raises IndexError, and OSError when the disk does not give them back."""
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        wanted = index + len(self) if index < 0 else index
        if not 0 <= wanted < len(self):
            raise IndexError(index)
        if wanted < len(self._first):
            return self._first[wanted]
        block, at = divmod(wanted - len(self._first), BLOCK)
        return self._block(block)[at]

    def __eq__(self, other: object) -> bool:
        """Compare row by row with any list, tuple or other rows."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show them as a list."""
        return repr(list(self))

    def _block(self, block: int) -> list[T]:
        if block == len(self._places):
            return self._last
        if block in self._held:
            return self._held[block]
        if self._read[0] != block:
            if self._changed:
                self._write(*self._read)
            written = io.BytesIO(self._shelf.fetch(self._places[block], self._sizes[block]))
            self._read = (block, _Unpickler(written, self._shelf).load())
        return self._read[1]

    def _write(self, block: int, rows: list[T]) -> None:
        out = io.BytesIO()
        _Pickler(out, pickle.HIGHEST_PROTOCOL).dump(rows)
        data = out.getvalue()
        try:
            self._places[block], self._sizes[block] = self._shelf.store(data), len(data)
        except OSError:
            self._held[block] = rows
            return
        finally:
            self._changed = False


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> str | None:
        return obj.sha256 if isinstance(obj, Content) else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, shelf: Shelf) -> None:
        super().__init__(file)
        self._shelf = shelf

    def persistent_load(self, pid: Any) -> Content:
        return self._shelf.kept(pid)

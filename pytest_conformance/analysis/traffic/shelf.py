"""Recovered bytes outside the memory: each content once, the first few megabytes at hand, the rest in a temporary file.

The file has no name and goes away with the last content that lies in it.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from typing import IO

ROOM = 8 << 20
"""Bytes that one shelf keeps in memory."""


class Content:
    """The bytes of one object, in memory or in a shelf's file. Equal contents are equal objects."""

    __slots__ = ("_data", "_sha256", "size")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._sha256 = ""
        self.size = len(data)

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes, in hex."""
        if not self._sha256:
            self._sha256 = hashlib.sha256(self._data).hexdigest()
        return self._sha256

    def read(self) -> bytes:
        """Return the bytes. Raises OSError when the disk does not give them back."""
        return self._data

    def __eq__(self, other: object) -> bool:
        """Compare by digest."""
        return isinstance(other, Content) and other.sha256 == self.sha256

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self.sha256)


class _Shelved(Content):
    """A content in a file; only its digest and its place are in memory."""

    __slots__ = ("_at", "_file")

    def __init__(self, of: Content, file: IO[bytes], at: int) -> None:
        super().__init__(b"")
        self.size, self._file, self._at = of.size, file, at
        self._sha256 = of.sha256

    def read(self) -> bytes:
        return _fetched(self._file, self._at, self.size, "a recovered object")


def _fetched(file: IO[bytes], at: int, size: int, what: str) -> bytes:
    data = os.pread(file.fileno(), size, at)
    if len(data) != size:
        raise OSError(f"{what} of {size} bytes cannot be read back: got {len(data)}")
    return data


class Shelf:
    """Keeps the contents of one inspection. A full disk costs memory, never an object."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._kept: dict[str, Content] = {}
        self._file: IO[bytes] | None = None
        self._end = 0

    def keep(self, content: Content) -> Content:
        """Return what stands for `content` from now on: an equal one that is kept already, or itself."""
        known = self._kept.get(content.sha256)
        if known is None:
            known = self._kept[content.sha256] = self._put(content)
        return known

    def kept(self, sha256: str) -> Content:
        """Return the content of this digest, which was given to `keep` before. Raises KeyError."""
        return self._kept[sha256]

    def store(self, data: bytes) -> int:
        """Write bytes into the file and return their place in it. Raises OSError when the disk is full."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # lives as long as its contents
        at, done = self._end, 0
        while done < len(data):
            done += os.pwrite(self._file.fileno(), memoryview(data)[done:], at + done)
        self._end += len(data)
        return at

    def fetch(self, at: int, size: int) -> bytes:
        """Return what `store` wrote. Raises OSError when the disk does not give it back."""
        assert self._file is not None
        return _fetched(self._file, at, size, "what is known of a capture")

    def _put(self, content: Content) -> Content:
        if content.size <= self._room:
            self._room -= content.size
            return content
        try:
            at = self.store(content.read())
        except OSError:
            return content
        assert self._file is not None
        return _Shelved(content, self._file, at)

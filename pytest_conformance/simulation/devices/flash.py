"""The storage chip of a simulated device: bytes that survive a power cut, and the log of records that lies on them."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

SIZE = 256 * 1024
ERASED = 0xFF
_HEAD = struct.Struct(">2sBBII")
_MAGIC = b"\xa5\x5a"
_LIVE, _DELETED = 0x01, 0x00


class FlashFullError(Exception):
    """There is no room for the record, even after the deleted ones were squeezed out."""


@dataclass(frozen=True)
class _Record:
    offset: int
    start: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.length


class Flash:
    """A chip with named records, appended one after the other; a deleted record is overwritten where it lies.

    Layout of a record: `A5 5A`, state (1 live, 0 deleted), length of the name, length of the data (4 bytes), CRC 32
    of the data (4 bytes), name, data; big endian. `memory` is what a chip reader sees; where the live records lie is
    kept beside it, as a file system keeps it, since a sensor asks many times a second.
    """

    def __init__(self, size: int = SIZE) -> None:
        self.memory = bytearray([ERASED]) * size
        self._live: dict[str, _Record] = {}
        self._free = 0

    def names(self) -> list[str]:
        """Return the names of the live records, oldest first."""
        return list(self._live)

    def read(self, name: str) -> bytes | None:
        """Return the data of `name`, or None when there is no such record or its bytes are damaged."""
        record = self._live.get(name)
        if record is None:
            return None
        data = bytes(self.memory[record.start : record.end])
        crc = _HEAD.unpack_from(self.memory, record.offset)[4]
        return data if zlib.crc32(data) == crc else None

    def write(self, name: str, data: bytes) -> None:
        """Append `data` under `name`, then overwrite what was there before. Raises FlashFullError, ValueError."""
        label = name.encode()
        if not 1 <= len(label) <= 200:
            raise ValueError(f"a record's name has 1 to 200 bytes, not {len(label)}")
        need = _HEAD.size + len(label) + len(data)
        if self._free + need > len(self.memory):
            self._squeeze()
        offset = self._free
        if offset + need > len(self.memory):
            raise FlashFullError(f"no room for {need} bytes")
        old = self._live.pop(name, None)
        head = _HEAD.pack(_MAGIC, _LIVE, len(label), len(data), zlib.crc32(data))
        self.memory[offset : offset + need] = head + label + data
        start = offset + _HEAD.size + len(label)
        self._live[name] = _Record(offset, start, len(data))
        self._free = offset + need
        if old is not None:
            self._bury(old, overwrite=True)

    def delete(self, name: str, *, overwrite: bool = True) -> bool:
        """Delete `name`; its bytes are overwritten with zeros unless `overwrite` is False. False: not there."""
        record = self._live.pop(name, None)
        if record is None:
            return False
        self._bury(record, overwrite=overwrite)
        return True

    def erase(self) -> None:
        """Erase the whole chip."""
        self.memory[:] = bytes([ERASED]) * len(self.memory)
        self._live.clear()
        self._free = 0

    def dump(self, offset: int = 0, length: int | None = None) -> bytes:
        """Return raw bytes. ValueError outside the chip."""
        length = len(self.memory) - offset if length is None else length
        if offset < 0 or length < 0 or offset + length > len(self.memory):
            raise ValueError(f"{offset} + {length} is outside 0 to {len(self.memory)}")
        return bytes(self.memory[offset : offset + length])

    def _bury(self, record: _Record, *, overwrite: bool) -> None:
        self.memory[record.offset + 2] = _DELETED
        if overwrite:
            self.memory[record.offset + 8 : record.offset + _HEAD.size] = bytes(4)
            begin = record.offset + _HEAD.size
            self.memory[begin : record.end] = bytes(record.end - begin)

    def _squeeze(self) -> None:
        """Write the live records anew from the start; nothing else stays on the chip."""
        live = [(name, bytes(self.memory[each.start : each.end])) for name, each in self._live.items()]
        self.erase()
        for name, data in live:
            self.write(name, data)

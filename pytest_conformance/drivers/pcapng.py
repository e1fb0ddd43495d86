"""Write pcapng (IETF draft-ietf-opsawg-pcapng): one section, one Ethernet interface, nanoseconds. No reader here."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_SECTION, _INTERFACE, _STATISTICS, _PACKET = 0x0A0D0D0A, 1, 5, 6
_ETHERNET = 1
_NANOSECONDS = b"\x09"
_END, _COMMENT = 0, 1
_APPLICATION, _NAME, _RESOLUTION, _START, _FINISH, _RECEIVED, _DROPPED = 4, 2, 9, 2, 3, 4, 5


class PcapngWriter:
    """Appends packets to a new file; every packet is handed to the operating system at once.

    Raises OSError when the file cannot be made or written.
    """

    def __init__(self, path: Path, interface: str, application: str, started_ns: int) -> None:
        self._file: BinaryIO = path.open("wb", buffering=0)
        self._started = started_ns
        self.packets = 0
        section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _options((_APPLICATION, application.encode()))
        options = _options((_NAME, interface.encode()), (_RESOLUTION, _NANOSECONDS))
        self._file.write(_block(_SECTION, section))
        self._file.write(_block(_INTERFACE, struct.pack("<HHI", _ETHERNET, 0, 0) + options))

    def packet(self, frame: bytes, at_ns: int, comment: str = "") -> None:
        """Append one whole Ethernet frame, seen at `at_ns` (wall clock, nanoseconds since 1970)."""
        head = struct.pack("<IIIII", 0, at_ns >> 32, at_ns & 0xFFFFFFFF, len(frame), len(frame))
        options = _options((_COMMENT, comment.encode())) if comment else b""
        self._file.write(_block(_PACKET, head + _padded(frame) + options))
        self.packets += 1

    def close(self, ended_ns: int, dropped: int = 0) -> None:
        """Append the interface statistics and close the file; safe to call twice."""
        if self._file.closed:
            return
        statistics = _options(
            (_START, _stamp(self._started)),
            (_FINISH, _stamp(ended_ns)),
            (_RECEIVED, struct.pack("<Q", self.packets + dropped)),
            (_DROPPED, struct.pack("<Q", dropped)),
        )
        self._file.write(_block(_STATISTICS, struct.pack("<I", 0) + _stamp(ended_ns) + statistics))
        self._file.close()


def _stamp(at_ns: int) -> bytes:
    return struct.pack("<II", at_ns >> 32, at_ns & 0xFFFFFFFF)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def _options(*pairs: tuple[int, bytes]) -> bytes:
    packed = b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in pairs)
    return packed + struct.pack("<HH", _END, 0)


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)

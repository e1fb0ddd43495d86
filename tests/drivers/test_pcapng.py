from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pytest_conformance.drivers.pcapng import PcapngWriter

START = 1_700_000_000_123_456_789


def blocks(path: Path) -> list[tuple[int, bytes]]:
    """Return kind and body of each block; the lengths before and after a body must agree."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        assert struct.unpack_from("<I", data, at + size - 4)[0] == size
        assert size % 4 == 0
        found.append((kind, data[at + 8 : at + size - 4]))
        at += size
    return found


def options(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at < len(data):
        code, size = struct.unpack_from("<HH", data, at)
        if code == 0:
            assert at + 4 == len(data)
            return found
        found[code] = data[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4
    raise AssertionError("options without an end")


def test_a_file_is_section_interface_packets_statistics(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    writer = PcapngWriter(path, "relay", "the writer", START)
    writer.packet(b"\x01" * 61, START + 1, "a comment")
    writer.packet(b"\x02" * 60, START + 2)
    writer.close(START + 3, dropped=4)
    writer.close(START + 9)
    section, interface, first, second, statistics = blocks(path)
    assert [kind for kind, _ in (section, interface, first, second, statistics)] == [0x0A0D0D0A, 1, 6, 6, 5]
    assert section[1][:8] == struct.pack("<IHH", 0x1A2B3C4D, 1, 0)
    assert struct.unpack_from("<H", interface[1])[0] == 1
    assert options(interface[1][8:]) == {2: b"relay", 9: b"\x09"}
    _, high, low, captured, original = struct.unpack_from("<IIIII", first[1])
    assert (high << 32 | low, captured, original) == (START + 1, 61, 61)
    assert first[1][20:81] == b"\x01" * 61
    assert options(first[1][84:]) == {1: b"a comment"}
    counted = options(statistics[1][12:])
    assert struct.unpack("<Q", counted[4])[0] == 6
    assert struct.unpack("<Q", counted[5])[0] == 4


def test_every_packet_is_in_the_file_before_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    writer = PcapngWriter(path, "relay", "the writer", START)
    writer.packet(b"found" * 20, START)
    assert b"found" * 20 in path.read_bytes()
    writer.close(START)


def test_a_file_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        PcapngWriter(tmp_path / "absent" / "x.pcapng", "relay", "the writer", START)

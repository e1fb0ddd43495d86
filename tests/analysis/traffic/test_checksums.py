"""The checksums of a whole direction at once say what the checksum of each packet says."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest

from pytest_conformance.analysis.traffic import checksums
from pytest_conformance.analysis.traffic.halves import RawSegment


def _packed(wire: Any, header: int) -> tuple[bytes, list[RawSegment]]:
    buffer, segments = b"", []
    for number, (time, frame) in enumerate(wire.frames, 1):
        start = len(buffer) + 14 + (20 if frame[12:14] == b"\x08\x00" else 40) + header
        buffer += frame
        if len(buffer) > start:
            segments.append((0, len(buffer) - start, start, number, time))
    return buffer, segments


@pytest.mark.parametrize(("mine", "peer"), [("10.77.0.50", "203.0.113.10"), ("fd00:77::50", "2001:db8::9")])
def test_damaged_segments_are_those_that_do_not_add_up(wire: Any, rnd: random.Random, mine: str, peer: str) -> None:
    wire.tcp([(True, rnd.randbytes(40_000))], mss=601, mine=mine, peer=peer)
    wire.frames = [(t, f) for t, f in wire.frames if len(f) > 100]
    wanted = set(rnd.sample(range(1, len(wire.frames) + 1), 9))
    for number in wanted:
        time, frame = wire.frames[number - 1]
        at = rnd.randrange(len(frame) - 500, len(frame))
        wire.frames[number - 1] = (time, frame[:at] + bytes([frame[at] ^ 1 << rnd.randrange(8)]) + frame[at + 1 :])
    buffer, segments = _packed(wire, 20)
    source, destination = frame_addresses(wire.frames[0][1])
    ports = struct.pack(">HH", 41000, 80)
    found = checksums.wrong_segments(buffer, segments, source, destination, ports)
    assert {segment[3] for segment in found} == wanted
    one_by_one = [s for s in segments if not checksums.segment_valid(buffer, s, source, destination, ports)]
    assert found == one_by_one


def frame_addresses(frame: bytes) -> tuple[bytes, bytes]:
    """Source and destination of the IP packet in an Ethernet frame."""
    return (frame[26:30], frame[30:34]) if frame[12:14] == b"\x08\x00" else (frame[22:38], frame[38:54])


def test_damaged_datagrams_are_found_and_those_without_checksum_are_not(wire: Any, rnd: random.Random) -> None:
    for size in (1, 2, 3, 700, 1400):
        wire.udp(rnd.randbytes(size), 7000)
    source, destination = frame_addresses(wire.frames[0][1])
    buffer, segments = _packed(wire, 8)
    assert checksums.wrong_datagrams(buffer, segments, source, destination) == []
    filled = bytearray(buffer)
    for segment in segments:
        at = int(segment[2])
        pseudo = source + destination + struct.pack(">BBH", 0, 17, segment[1] + 8)
        total = checksums.ones_sum(pseudo + bytes(filled[at - 8 : at + segment[1]]))
        filled[at - 2 : at] = struct.pack(">H", 0xFFFF - total)
    assert checksums.wrong_datagrams(bytes(filled), segments, source, destination) == []
    filled[int(segments[3][2]) + 5] ^= 4
    found = checksums.wrong_datagrams(bytes(filled), segments, source, destination)
    assert [segment[3] for segment in found] == [4]

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

import pytest

from pytest_conformance.drivers.capture_frames import FrameFactory, Station, TcpConversation

DEVICE = Station("02:d0:07:00:00:01", "10.77.0.50", 40000)
CLOUD = Station("02:d0:07:00:00:fe", "203.0.113.10", 443)
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


@dataclass(frozen=True)
class Segment:
    up: bool
    flags: int
    sequence: int
    acknowledged: int
    payload: bytes


def ones(data: bytes) -> int:
    """Return the internet checksum over `data` that holds its own checksum: 0xFFFF when that is right."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def content(frame: bytes, protocol: int) -> tuple[str, bytes]:
    """Return the sender and what follows the IP header, with every length and checksum checked."""
    assert frame[12:14] == b"\x08\x00"
    header, body = frame[14:34], frame[34:]
    assert ones(header) == 0xFFFF
    assert struct.unpack(">H", header[2:4])[0] == len(frame) - 14
    assert header[9] == protocol
    if protocol != 1:
        assert ones(header[12:20] + struct.pack(">HH", protocol, len(body)) + body) == 0xFFFF
    return socket.inet_ntoa(header[12:16]), body


def segment(frame: bytes) -> Segment:
    source, body = content(frame, 6)
    sequence, acknowledged, offset, flags = struct.unpack(">IIBB", body[4:14])
    return Segment(source == DEVICE.address, flags, sequence, acknowledged, body[(offset >> 4) * 4 :])


def conversation(initial: tuple[int, int] = (1000, 5000)) -> tuple[TcpConversation, list[bytes]]:
    frames: list[bytes] = []
    return TcpConversation(FrameFactory(), DEVICE, CLOUD, initial, frames.append), frames


def test_a_whole_conversation_is_numbered_and_acknowledged() -> None:
    talk, frames = conversation()
    talk.opened()
    talk.data("up", b"hello")
    talk.data("down", b"world!")
    talk.finished("up")
    talk.finished("up")
    talk.finished("down")
    talk.data("up", b"too late")
    seen = [segment(frame) for frame in frames]
    assert [(one.up, one.flags, one.sequence, one.acknowledged) for one in seen] == [
        (True, SYN, 1000, 0),
        (False, SYN | ACK, 5000, 1001),
        (True, ACK, 1001, 5001),
        (True, PSH | ACK, 1001, 5001),
        (False, ACK, 5001, 1006),
        (False, PSH | ACK, 5001, 1006),
        (True, ACK, 1006, 5007),
        (True, FIN | ACK, 1006, 5007),
        (False, ACK, 5007, 1007),
        (False, FIN | ACK, 5007, 1007),
        (True, ACK, 1007, 5008),
    ]
    assert b"".join(one.payload for one in seen) == b"helloworld!"


def test_long_data_is_cut_into_segments_across_the_end_of_the_sequence_space() -> None:
    talk, frames = conversation((0xFFFFFF00, 0))
    talk.opened()
    payload = bytes(range(256)) * 200
    talk.data("up", payload)
    seen = [segment(frame) for frame in frames[3:]]
    upward = [one for one in seen if one.up]
    first = upward[0].sequence
    assert max(len(one.payload) for one in upward) == 1460
    rebuilt = bytearray(len(payload))
    for one in upward:
        at = (one.sequence - first) % 2**32
        rebuilt[at : at + len(one.payload)] = one.payload
    assert bytes(rebuilt) == payload
    assert max((one.acknowledged - first) % 2**32 for one in seen if not one.up) == len(payload)


def test_unacknowledged_bytes_stay_below_the_window() -> None:
    talk, frames = conversation()
    talk.opened()
    talk.data("up", bytes(200_000))
    outstanding = 0
    for one in map(segment, frames[3:]):
        outstanding = outstanding + len(one.payload) if one.up else 0
        assert outstanding < 64240


def test_a_refusal_is_a_reset_that_acknowledges_the_syn() -> None:
    talk, frames = conversation()
    talk.refused()
    assert segment(frames[1]) == Segment(False, RST | ACK, 0, 1001, b"")
    assert len(frames) == 2


def test_an_unreachable_host_is_told_by_the_router_about_the_syn() -> None:
    talk, frames = conversation()
    talk.unreachable(Station("02:d0:07:00:00:fe", "10.77.0.1", 0))
    source, body = content(frames[1], 1)
    assert source == "10.77.0.1"
    assert ones(body) == 0xFFFF
    assert body[:2] == bytes([3, 1])
    assert body[8:] == frames[0][14 : 14 + 28]


def test_nothing_follows_a_reset() -> None:
    talk, frames = conversation()
    talk.opened()
    talk.reset("down")
    talk.data("up", b"x")
    talk.finished("up")
    talk.reset("up")
    assert len(frames) == 4
    assert segment(frames[3]).flags & RST


@pytest.mark.parametrize("payload", [b"", b"odd", b"even" * 300])
def test_datagrams_carry_their_payload_with_right_checksums(payload: bytes) -> None:
    source, body = content(FrameFactory().udp(DEVICE, CLOUD, payload), 17)
    assert source == DEVICE.address
    assert struct.unpack(">HHH", body[:6]) == (40000, 443, 8 + len(payload))
    assert body[8:] == payload


def test_each_sender_counts_its_packets() -> None:
    factory = FrameFactory()
    frames = [factory.udp(DEVICE, CLOUD, b""), factory.udp(CLOUD, DEVICE, b""), factory.udp(DEVICE, CLOUD, b"")]
    assert [struct.unpack(">H", frame[18:20])[0] for frame in frames] == [1, 1, 2]

"""Damaged captures: no exception, no endless work, and nothing that failed passes because of damage.

`benchmarks/mutations.py` compares the time with that of the undamaged fixtures.
"""

from __future__ import annotations

import base64
import json
import os
import random
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_conformance.analysis.traffic import Context, inspect
from pytest_conformance.errors import UsageError

FOLDER = Path(__file__).parent / "data" / "examples"
EXAMPLES = ("upload", "consent")
MUTATIONS = int(os.environ.get("CONFORMANCE_MUTATIONS", "20"))
"""Mutations per fixture; 250 gives the thousand of the long profile."""
HANGS = 10.0
"""Seconds of processor time that no capture of this size takes unless the work does not end."""
FACE = "face-information-not-sent-to-internet"


def _records(pcap: bytes) -> list[bytes]:
    out, at = [], 24
    while at + 16 <= len(pcap):
        size = struct.unpack_from("<I", pcap, at + 8)[0]
        out.append(pcap[at : at + 16 + size])
        at += 16 + size
    return out


def mutate(pcap: bytes, rnd: random.Random) -> bytes:
    """Flip bits, cut, reorder, duplicate or drop packets."""
    kind = rnd.randrange(6)
    if kind == 0:
        data = bytearray(pcap)
        for _ in range(rnd.randrange(1, 30)):
            data[rnd.randrange(24, len(data))] ^= 1 << rnd.randrange(8)
        return bytes(data)
    if kind == 1:
        return pcap[: rnd.randrange(24, len(pcap))]
    records = _records(pcap)
    if kind == 2:
        for _ in range(rnd.randrange(1, 10)):
            i, j = rnd.randrange(len(records)), rnd.randrange(len(records))
            records[i], records[j] = records[j], records[i]
    elif kind == 3:
        for _ in range(rnd.randrange(1, 10)):
            records.insert(rnd.randrange(len(records)), rnd.choice(records))
    elif kind == 4:
        for _ in range(rnd.randrange(1, 4)):
            del records[rnd.randrange(len(records))]
    else:
        i = rnd.randrange(len(records))
        body = bytearray(records[i])
        for _ in range(rnd.randrange(1, 40)):
            body[rnd.randrange(16, len(body))] = rnd.randrange(256)
        records[i] = bytes(body)
    return pcap[:24] + b"".join(records)


def fixtures(wire_class: Any, jpeg: bytes) -> dict[str, bytes]:
    """Return the undamaged captures by name; each carries the enrolled face."""
    out = {name: (FOLDER / f"{name}.pcap").read_bytes() for name in EXAMPLES}
    wire = wire_class()
    text = base64.b64encode(jpeg)
    body = b'{"id":1,"d":"' + text + b'"}'
    topic = struct.pack(">H", 3) + b"a/b" + body
    size = len(topic)
    head = b"\x30" + bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14])
    wire.tcp([(True, b"\x10\x11\0\4MQTT\4\2\0\x3c\0\5dev01" + head + topic), (False, b"\x20\2\0\0")], port=1883)
    out["mqtt"] = wire.pcap()
    wire = wire_class()
    mask = bytes(b ^ b"\1\2\3\4"[i & 3] for i, b in enumerate(jpeg))
    wire.tcp(
        [
            (True, b"GET / HTTP/1.1\r\nHost: c\r\nUpgrade: websocket\r\n\r\n"),
            (False, b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n"),
            (True, b"\x82\xfe" + struct.pack(">H", len(jpeg)) + b"\1\2\3\4" + mask),
        ]
    )
    out["websocket"] = wire.pcap()
    return out


def test_seeded_mutations_raise_nothing_and_never_turn_fail_to_pass(wire: Any, context: Any, face_jpeg: bytes) -> None:
    rnd = random.Random(20)
    example = Context.from_json(FOLDER / "upload.context.json")
    for name, pcap in fixtures(type(wire), face_jpeg).items():
        given_ = example if name in EXAMPLES else context
        assert inspect([pcap], given_).checks[FACE].verdict.value == "FAIL", name
        for number in range(MUTATIONS):
            mutated = mutate(pcap, rnd)
            started = time.process_time()
            try:
                inspection = inspect([mutated], given_)
            except UsageError:
                continue
            verdict = inspection.checks[FACE].verdict.value
            assert verdict != "PASS", (name, number, inspection.checks[FACE])
            json.dumps(inspection.to_json())
            assert time.process_time() - started < HANGS, (name, number)


def test_a_capture_with_no_packets_is_inconclusive(look: Any, wire: Any) -> None:
    inspection = look(wire)
    assert inspection.checks[FACE].reason == "empty-capture"
    assert inspection.checks["capture-complete"].verdict.value == "INCONCLUSIVE"


def test_a_capture_of_another_device_is_inconclusive(look: Any, wire: Any) -> None:
    wire.udp(b"x" * 100, 7000, mine="10.77.0.99")
    wire.frames = [(t, f.replace(bytes.fromhex("020000000050"), bytes.fromhex("020000000099"))) for t, f in wire.frames]
    assert look(wire).checks[FACE].reason == "device-not-seen"


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"hello world, this is no capture"])
def test_a_file_that_is_no_capture_is_refused_with_its_code(look: Any, content: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        look(content)
    assert caught.value.code == "USE-CAP-001"


def _post(jpeg: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: c.example\r\nContent-Length: %d\r\n\r\n" % len(jpeg) + jpeg


@pytest.mark.parametrize("start", [0xFFFFFFFF - 3000, 0xFFFFFFFE, 0x7FFFFFF0])
def test_sequence_numbers_wrap(look: Any, wire: Any, face_jpeg: bytes, start: int) -> None:
    wire.tcp([(True, _post(face_jpeg))], start=start)
    assert [o.data for o in look(wire).faces()] == [face_jpeg]


def test_a_reused_four_tuple_is_a_new_stream(look: Any, wire: Any, face_jpeg: bytes) -> None:
    wire.tcp([(True, _post(face_jpeg))], start=5000)
    wire.tcp([(True, _post(face_jpeg[:-2] + b"\xff\xd9"))], start=700)
    assert len(look(wire).faces()) == 2


def test_wrong_checksums_of_an_offloading_sender_are_ignored(look: Any, wire: Any, face_jpeg: bytes) -> None:
    wire.tcp([(True, _post(face_jpeg))])
    frames = []
    for time_, frame in wire.frames:
        pseudo = frame[26:34] + struct.pack(">HH", 6, len(frame) - 34)
        total = sum(struct.unpack(">6H", pseudo))
        left = struct.pack(">H", (total & 0xFFFF) + (total >> 16))
        frames.append((time_, frame[:50] + left + frame[52:]))
    wire.frames = frames
    inspection = look(wire)
    assert [o.data for o in inspection.faces()] == [face_jpeg]
    assert inspection.captures[0].damaged == 0


def test_a_good_copy_wins_over_a_bad_one_whenever_it_comes(look: Any, wire: Any, face_jpeg: bytes) -> None:
    original, count = type(wire).segment, iter(range(10_000))

    def twice(payload: bytes, seq: int, ack: int, flags: int, **k: Any) -> None:
        if payload and next(count) == 2:
            original(wire, bytes(len(payload)), seq, ack, flags, **{**k, "bad": True})
        original(wire, payload, seq, ack, flags, **k)

    wire.segment = twice
    wire.tcp([(True, _post(face_jpeg))])
    inspection = look(wire)
    assert [o.data for o in inspection.faces()] == [face_jpeg]
    assert "tcp-overlap-differs" in inspection.flows[0].flags


def test_a_lost_segment_is_a_gap_and_not_a_pass(look: Any, wire: Any) -> None:
    body = json.dumps({"log": "front door opened " * 400}).encode()
    wire.tcp([(True, _post(body))], lose=lambda n: n == 2)
    inspection = look(wire)
    assert inspection.flows[0].up.gap == 1400
    assert (inspection.checks[FACE].verdict.value, inspection.checks[FACE].reason) == ("INCONCLUSIVE", "stream-gap")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=400), port=st.sampled_from([53, 443, 1883, 5683, 554, 80, 5004, 123, 67]), tcp=st.booleans()
)
def test_any_payload_on_any_port_is_survived_and_accounted(
    wire: Any, context: Any, data: bytes, port: int, tcp: bool
) -> None:
    fresh = type(wire)()
    if tcp:
        fresh.tcp([(True, data), (False, data[::-1])], port=port)
    else:
        fresh.udp(data, port)
        fresh.udp(data[::-1], port, up=False)
    for flow in inspect([fresh.pcap()], context).flows:
        assert flow.up.understood + flow.up.hit + flow.up.opaque + flow.up.gap == flow.up.total


HEADS = [
    b"\x16\x03\x01\x00\x40\x01\x00\x00\x3c\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x10\x20\0\4MQTT\5",
    b"GET / HTTP/1.1\r\n",
    b"\xc0\0\0\0\1\x08",
    b"\x44\x02\0\1",
    b'{"a":',
    b"\x1f\x8b\x08",
    b"PK\3\4",
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"RTSP/1.0 200 OK\r\n",
    b"\x0a\x05",
    b"\xa1\x61",
    b"bplist00",
    b"\x30\x20",
    b"\x05\x01\x00",
    b"--b\r\n\r\n",
    b"RIFF\x10\0\0\0WEBPVP8 ",
    b"RIFF\x10\0\0\0WAVEfmt ",
]


@settings(max_examples=80, deadline=None)
@given(data=st.binary(max_size=300), head=st.sampled_from(HEADS))
def test_every_parser_survives_random_bytes_behind_its_magic(head: bytes, data: bytes) -> None:
    from pytest_conformance.analysis.traffic.conversation import Conversation, Item, Side, Sink
    from pytest_conformance.analysis.traffic.examiner import Examiner
    from pytest_conformance.analysis.traffic.protocols import stream
    from pytest_conformance.analysis.traffic.ranges import RangeMap

    examiner = Examiner(Context())
    body = head + data
    account = examiner.examine(Item(body, RangeMap.identity(len(body)), ("x",), True))
    assert account.understood + account.hit + account.opaque == account.total
    sides = [Side(body, RangeMap.identity(len(body)), up, [], [(0, len(body))]) for up in (True, False)]
    stream(Conversation(sides[0], sides[1], ("tcp",), Sink(examiner.examine, {})))

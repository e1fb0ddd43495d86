"""The flow pass counts without reading; long connections are handed on in parts; neither lets anything pass."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pytest_conformance.analysis.traffic import Event, counting, flows, flowwork, inspect

FACE = "face-information-not-sent-to-internet"


def _post(body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: c.example\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def test_it_counts_as_the_content_pass_does_and_reads_nothing(wire: Any, context: Any, face_jpeg: bytes) -> None:
    wire.tcp([(True, _post(face_jpeg)), (False, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")])
    wire.tcp([(True, _post(b"x" * 9000))], sport=41001, lose=lambda n: n == 3)
    wire.udp(b"\x99" * 700, 7000)
    read, counted = (inspect([wire.pcap()], context, content=content) for content in (True, False))
    assert [(f.volume_up, f.volume_down) for f in counted.flows] == [(f.volume_up, f.volume_down) for f in read.flows]
    assert [f.up.gap for f in counted.flows] == [f.up.gap for f in read.flows]
    assert read.faces()
    assert counted.objects == ()
    assert counted.accounting().reasons[counting.UNREAD] > 0
    assert counted.checks[FACE].verdict.value == "INCONCLUSIVE"
    sums = [sum(size for rows in each.timeline(10).values() for _, size in rows) for each in (counted, read)]
    assert sums[0] == sums[1] > 9000


def test_retransmissions_count_for_nothing(wire: Any, context: Any, rnd: random.Random) -> None:
    wire.tcp([(True, _post(rnd.randbytes(30_000)))])
    frames = [frame for frame in wire.frames for _ in range(rnd.choice((1, 1, 2)))]
    order = list(range(3, len(frames) - 2))
    for at in range(0, len(order) - 4, 4):
        part = order[at : at + 4]
        rnd.shuffle(part)
        order[at : at + 4] = part
    wire.frames = frames[:3] + [frames[i] for i in order] + frames[-2:]
    read, counted = (inspect([wire.pcap()], context, content=content) for content in (True, False))
    assert counted.flows[0].volume_up == read.flows[0].volume_up
    assert sum(size for _, size in counted.flows[0].samples) == counted.flows[0].volume_up


def test_names_are_known_without_reading(wire: Any, context: Any) -> None:
    import ssl

    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(ssl.SSLWantReadError):
        client.wrap_bio(down, up, server_hostname="cloud.example").do_handshake()
    wire.tcp([(True, up.read())], port=443)
    flow = inspect([wire.pcap()], context, content=False).flows[0]
    assert (flow.endpoint.host, flow.endpoint.name_source, flow.endpoint.plaintext) == ("cloud.example", "sni", False)


def test_volume_is_judged_in_a_flow_pass(wire: Any, context: Any) -> None:
    import dataclasses

    start, events = wire.time, []
    wire.udp(b"\x99" * 20, 7000)
    for block in range(12):
        hot = (block * 7 + 3) % 5
        for slot in range(5):
            time = start + 5 + block * 75 + slot * 15
            events.append(Event(time, "experiment_event" if slot == hot else "experiment_sham", str(block)))
            wire.time = time + 1
            for _ in range(8 if slot == hot else 1):
                wire.udp(bytes(1200), 7000)
    given = dataclasses.replace(context, events=tuple(events))
    check = inspect([wire.pcap()], given, content=False).checks["upload-volume-independent-of-enrolment"]
    assert check.verdict.value == "FAIL"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> int:
    """Cut flows after 40,000 bytes instead of 48 MB."""
    from pytest_conformance.analysis.traffic import datagramflows

    monkeypatch.setattr(flows, "LONG", 40_000)
    monkeypatch.setattr(datagramflows, "LONG", 40_000)
    return 40_000


def test_a_long_connection_comes_in_parts_that_know_their_peer(
    wire: Any, look: Any, face_jpeg: bytes, short: int
) -> None:
    text = b'{"state": "idle", "door": "closed"} ' * 40
    turns = [(True, _post(text)) for _ in range(60)] + [(True, _post(face_jpeg))]
    wire.tcp(turns)
    found = look(wire)
    assert len(found.flows) >= 2
    assert {flow.endpoint.host for flow in found.flows} == {"c.example"}
    assert sum(flow.volume_up for flow in found.flows) == sum(len(data) for _, data in turns)
    assert [each.data for each in found.faces()] == [face_jpeg]


def test_a_long_connection_never_passes(wire: Any, look: Any, short: int) -> None:
    text = b'{"state": "idle", "door": "closed"} ' * 40
    wire.tcp([(True, _post(text)) for _ in range(60)])
    found = look(wire)
    assert found.accounting().opaque < 1000
    assert found.checks[FACE].verdict.value == "INCONCLUSIVE"
    assert found.accounting().covert >= flowwork.CUT


def test_long_datagram_flows_come_in_parts_too(wire: Any, look: Any, rnd: random.Random, short: int) -> None:
    for _ in range(100):
        wire.udp(rnd.randbytes(1200), 7000)
    found = look(wire)
    assert len(found.flows) >= 3
    assert sum(flow.volume_up for flow in found.flows) == 120_000
    assert found.checks[FACE].verdict.value == "INCONCLUSIVE"


def test_samples_of_a_long_flow_are_gathered_by_hundredths_of_a_second() -> None:
    samples = [(index * 0.001, 10) for index in range(20_000)]
    out = flowwork.binned(samples)
    assert len(out) < 2_100
    assert sum(size for _, size in out) == 200_000
    assert list(out[:64]) == samples[:64]

"""Datagram protocols: CoAP blocks, RTP/JPEG, DNS names, ICMP payload, pieces, fragments, tunnels of packets."""

from __future__ import annotations

import base64
import gzip
import json
import random
import struct
from typing import Any

import pytest


def _faces(inspection: Any) -> list[bytes]:
    return [o.data for o in inspection.faces("internet")]


def _coap(code: int, ident: int, token: bytes, options: list[tuple[int, bytes]], payload: bytes) -> bytes:
    out, last = bytes([0x40 | len(token), code]) + struct.pack(">H", ident) + token, 0
    for number, value in options:
        delta, last = number - last, number
        if delta < 13:
            out += bytes([delta << 4 | len(value)]) + value
        else:
            out += bytes([13 << 4 | len(value), delta - 13]) + value
    return out + (b"\xff" + payload if payload else b"")


def _block(number: int, more: bool, szx: int) -> bytes:
    value = number << 4 | (8 if more else 0) | szx
    return value.to_bytes((value.bit_length() + 7) // 8 or 1, "big") if value else b""


def _blocks(jpeg: bytes, size: int = 512, szx: int = 5) -> list[bytes]:
    parts = [jpeg[i : i + size] for i in range(0, len(jpeg), size)]
    return [
        _coap(3, 100 + n, b"tk", [(11, b"face"), (27, _block(n, n < len(parts) - 1, szx))], part)
        for n, part in enumerate(parts)
    ]


def test_coap_blocks_out_of_order_and_repeated(wire: Any, look: Any, face_jpeg: bytes, rnd: random.Random) -> None:
    messages = _blocks(face_jpeg)
    shuffled = messages[:1] + rnd.sample(messages[1:], len(messages) - 1)
    for message in [*shuffled[:5], shuffled[3], *shuffled[5:]]:
        wire.udp(message, 5683)
    inspection = look(wire)
    assert _faces(inspection) == [face_jpeg]
    assert "blockwise" in inspection.faces()[0].layers


def test_a_missing_coap_block_is_never_a_pass(wire: Any, look: Any, face_jpeg: bytes) -> None:
    for n, message in enumerate(_blocks(face_jpeg)):
        if n != 4:
            wire.udp(message, 5683)
    assert look(wire).checks["face-information-not-sent-to-internet"].verdict.value != "PASS"


def _rtp(kind: int, marker: bool, sequence: int, timestamp: int, payload: bytes) -> bytes:
    return struct.pack(">BBHII", 0x80, (128 if marker else 0) | kind, sequence & 0xFFFF, timestamp, 0x1234) + payload


def _rtp_jpeg(face: bytes, in_band: bool) -> tuple[list[bytes], int]:
    """Encode the face as RFC 2435 packets: baseline 4:2:0 with the standard tables, as OpenCV writes them."""
    import cv2
    import numpy as np

    image: Any = cv2.resize(cv2.imdecode(np.frombuffer(face, np.uint8), cv2.IMREAD_COLOR), (240, 240))
    jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 75])[1].tobytes()
    tables, at = [], 2
    while jpeg[at + 1] != 0xDA:
        length = jpeg[at + 2] << 8 | jpeg[at + 3]
        if jpeg[at + 1] == 0xDB:
            body = jpeg[at + 4 : at + 2 + length]
            tables += [body[i + 1 : i + 65] for i in range(0, len(body), 65)]
        at += 2 + length
    scan = jpeg[at + 2 + (jpeg[at + 2] << 8 | jpeg[at + 3]) : -2]
    packets, offset = [], 0
    while offset < len(scan):
        part = scan[offset : offset + 1200]
        head = b"\0" + offset.to_bytes(3, "big") + bytes([1, 255 if in_band else 75, 30, 30])
        if in_band and offset == 0:
            head += b"\0\0" + struct.pack(">H", 128) + b"".join(tables[:2])
        packets.append(head + part)
        offset += len(part)
    return packets, len(scan)


@pytest.mark.parametrize("in_band", [True, False])
def test_rtp_jpeg_gets_its_header_back(wire: Any, look: Any, face: bytes, in_band: bool) -> None:
    sequence = 65530
    for frame in range(3):
        packets, _ = _rtp_jpeg(face, in_band)
        order = list(range(len(packets)))
        for n in order:
            wire.udp(_rtp(26, n == len(packets) - 1, sequence + n, 9000 * frame, packets[n]), 5004)
        sequence += len(packets)
    found = look(wire).faces("internet")
    assert len(found) == 3
    assert all("rtp:jpeg" in o.layers for o in found)
    assert (found[0].width, found[0].height) == (240, 240)


def test_rtsp_interleaved_jpeg(wire: Any, look: Any, face: bytes) -> None:
    packets, _ = _rtp_jpeg(face, True)
    frames = b"".join(
        b"$\0" + struct.pack(">H", len(p) + 12) + _rtp(96, n == len(packets) - 1, n, 5, p)
        for n, p in enumerate(packets)
    )
    sdp = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 JPEG/90000\r\n"
    wire.tcp(
        [
            (False, b"DESCRIBE rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
            (True, b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: %d\r\n\r\n" % len(sdp) + sdp),
            (False, b"PLAY rtsp://x/ RTSP/1.0\r\nCSeq: 2\r\n\r\n"),
            (True, b"RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n" + frames),
        ],
        port=554,
    )
    found = look(wire).faces("internet")
    assert len(found) == 1
    assert "rtsp" in found[0].layers


def _query(name: str, kind: int = 1, ident: int = 7) -> bytes:
    labels = b"".join(bytes([len(p)]) + p.encode("latin-1") for p in name.split("."))
    return struct.pack(">HHHHHH", ident, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)


@pytest.mark.parametrize("code", ["base32", "hex", "base64url"])
def test_dns_tunnel_is_flagged_and_its_object_recovered(wire: Any, look: Any, face_jpeg: bytes, code: str) -> None:
    if code == "hex":
        text = face_jpeg.hex()
    elif code == "base32":
        text = base64.b32encode(face_jpeg).decode().rstrip("=").lower()
    else:
        text = base64.urlsafe_b64encode(face_jpeg).decode().rstrip("=")
    chunks = [text[i : i + 120] for i in range(0, len(text), 120)]
    for n, chunk in enumerate(chunks):
        name = f"{chunk[:60]}.{chunk[60:]}.exfil.example" if chunk[60:] else f"{chunk}.exfil.example"
        wire.udp(_query(name, ident=n), 53, peer="10.77.0.1")
    inspection = look(wire)
    assert inspection.checks["no-dns-tunnel"].verdict.value == "FAIL"
    assert _faces(inspection) == [face_jpeg]
    assert inspection.faces()[0].endpoint.host == "exfil.example"
    assert inspection.checks["face-information-not-sent-to-internet"].verdict.value == "FAIL"


def test_ordinary_names_are_no_tunnel(wire: Any, look: Any) -> None:
    for n, name in enumerate(("api.vendor.example", "time.vendor.example", "www.shop.example", "a.b.cdn.example")):
        wire.udp(_query(name, ident=n), 53, peer="10.77.0.1")
    assert look(wire).checks["no-dns-tunnel"].verdict.value == "PASS"


@pytest.mark.parametrize("name", ["\x00\x1b[31m.evil.example", "<script>.evil.example", "a" * 63 + ".evil.example"])
def test_a_hostile_dns_name_does_no_harm(wire: Any, look: Any, name: str) -> None:
    wire.udp(_query(name), 53, peer="10.77.0.1")
    text = json.dumps(look(wire).to_json())
    assert "\x1b" not in text


def test_dns_compression_loop_ends(wire: Any, look: Any) -> None:
    wire.udp(struct.pack(">HHHHHH", 1, 0x0100, 1, 0, 0, 0) + b"\xc0\x0c" + b"\0\1\0\1", 53)
    assert look(wire).flows[0].up.total == 18


def test_icmp_payload_is_examined(wire: Any, look: Any, face_jpeg: bytes) -> None:
    wire.ip("10.77.0.50", "203.0.113.10", 1, b"\x08\0\0\0\0\1\0\1" + face_jpeg)
    assert _faces(look(wire)) == [face_jpeg]


def test_ordinary_ping_is_understood(wire: Any, look: Any) -> None:
    wire.ip("10.77.0.50", "203.0.113.10", 1, b"\x08\0\0\0\0\1\0\1" + bytes(8) + bytes(range(16, 64)))
    assert look(wire).flows[0].up.opaque == 0


def test_private_datagrams_with_a_counter_are_joined(
    wire: Any, look: Any, face_jpeg: bytes, rnd: random.Random
) -> None:
    pieces = [face_jpeg[i : i + 900] for i in range(0, len(face_jpeg), 900)]
    order = list(range(len(pieces)))
    rnd.shuffle(order)
    for n in order:
        wire.udp(b"\xab\xcd" + struct.pack("<H", n) + pieces[n], 7000)
    assert face_jpeg in _faces(look(wire))


def test_pieces_in_separate_json_posts_are_joined(wire: Any, look: Any, face_jpeg: bytes) -> None:
    text = base64.b64encode(face_jpeg).decode()
    pieces = [text[i : i + 1000] for i in range(0, len(text), 1000)]
    for n in (*range(1, len(pieces)), 0):
        body = json.dumps({"seq": n, "part": pieces[n]}).encode()
        head = b"POST /chunk HTTP/1.1\r\nHost: c.example\r\nContent-Length: %d\r\n\r\n" % len(body)
        wire.tcp([(True, head + body)], sport=42000 + n)
    inspection = look(wire)
    assert face_jpeg in _faces(inspection)
    assert len(inspection.faces()[-1].frames) >= len(pieces)


def test_content_ranges_over_connections_are_joined(wire: Any, look: Any, face_jpeg: bytes) -> None:
    size = len(face_jpeg)
    for n, at in enumerate((6000, 0, 3000)):
        part = face_jpeg[at : at + 3000]
        head = b"PUT /f HTTP/1.1\r\nHost: c.example\r\nContent-Range: bytes %d-%d/%d\r\nContent-Length: %d\r\n\r\n" % (
            at,
            at + len(part) - 1,
            size,
            len(part),
        )
        wire.tcp([(True, head + part)], sport=42000 + n)
    assert face_jpeg in _faces(look(wire))


@pytest.mark.parametrize("order", ["forward", "backward"])
def test_ipv4_fragments_in_any_order(wire: Any, look: Any, face_jpeg: bytes, order: str) -> None:
    datagram = struct.pack(">HHHH", 40000, 7000, 8 + len(face_jpeg), 0) + face_jpeg
    pieces = [(at, datagram[at : at + 1480]) for at in range(0, len(datagram), 1480)]
    for at, piece in pieces if order == "forward" else pieces[::-1]:
        more = at + len(piece) < len(datagram)
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(piece), 77, (0x2000 if more else 0) | at // 8, 64, 17, 0)
        wire.frame(
            bytes(6)
            + bytes.fromhex("020000000050")
            + b"\x08\0"
            + head
            + bytes((10, 77, 0, 50, 203, 0, 113, 10))
            + piece
        )
    assert _faces(look(wire)) == [face_jpeg]


def test_incomplete_fragments_count_as_opaque(wire: Any, look: Any, face_jpeg: bytes) -> None:
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + 1480, 77, 0x2000, 64, 17, 0)
    body = struct.pack(">HHHH", 40000, 7000, 3000, 0) + face_jpeg[:1472]
    wire.frame(
        bytes(6) + bytes.fromhex("020000000050") + b"\x08\0" + head + bytes((10, 77, 0, 50, 203, 0, 113, 10)) + body
    )
    wire.udp(_query("a.example"), 53, peer="10.77.0.1")
    check = look(wire).checks["face-information-not-sent-to-internet"]
    assert (check.verdict.value, check.reason) == ("INCONCLUSIVE", "ip-fragments-lost")


@pytest.mark.parametrize("tunnel", ["vlan", "qinq", "gre", "6in4", "vxlan", "mpls", "pppoe"])
def test_packets_inside_tunnels_are_read(wire: Any, look: Any, face_jpeg: bytes, tunnel: str) -> None:
    body = b"POST / HTTP/1.1\r\nHost: c.example\r\nContent-Length: %d\r\n\r\n" % len(face_jpeg) + face_jpeg
    kwargs = {"mine": "fd00:77::50", "peer": "2001:db8::10"} if tunnel == "6in4" else {}
    wire.tcp([(True, body)], **kwargs)
    inner, wire.frames = wire.frames, []
    for _, frame in inner:
        ether, kind, packet = frame[:12], frame[12:14], frame[14:]
        if tunnel == "vlan":
            wire.frame(ether + b"\x81\0\0\x05" + kind + packet)
        elif tunnel == "qinq":
            wire.frame(ether + b"\x88\xa8\0\x05\x81\0\0\x06" + kind + packet)
        elif tunnel == "mpls":
            wire.frame(ether + b"\x88\x47\0\0\x10\x40\0\0\x21\x40" + packet)
        elif tunnel == "pppoe":
            wire.frame(ether + b"\x88\x64\x11\0\0\1" + struct.pack(">H", len(packet) + 2) + b"\0\x21" + packet)
        elif tunnel == "gre":
            wire.ip("10.77.0.2", "203.0.113.99", 47, b"\0\0" + kind + packet)
        elif tunnel == "6in4":
            wire.ip("10.77.0.2", "203.0.113.99", 41, packet)
        else:
            wire.udp(b"\x08\0\0\0\0\0\x2a\0" + frame, 4789, mine="10.77.0.2", peer="203.0.113.99")
    assert _faces(look(wire)) == [face_jpeg]


def test_a_batch_compressed_twice_in_udp(wire: Any, look: Any, face_jpeg: bytes) -> None:
    wire.udp(gzip.compress(json.dumps([{"i": base64.b64encode(face_jpeg).decode()}]).encode(), mtime=0), 7000)
    assert _faces(look(wire)) == [face_jpeg]


def test_duplicates_of_two_taps_are_removed(wire: Any, look: Any) -> None:
    wire.udp(b"\x99" * 300, 7000)
    wire.frames.append((wire.frames[0][0] + 0.002, wire.frames[0][1]))
    inspection = look(wire)
    assert inspection.captures[0].tally.duplicates == 1
    assert inspection.flows[0].volume_up == 300

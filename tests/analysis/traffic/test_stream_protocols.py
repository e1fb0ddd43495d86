"""A face that goes up over each stream protocol is recovered byte for byte, with the protocol in its layers."""

from __future__ import annotations

import base64
import gzip
import json
import os
import struct
import zlib
from typing import Any

import pytest


def _http(body: bytes, *headers: bytes, length: bool = True) -> bytes:
    lines = [b"POST /v1/face HTTP/1.1", b"Host: cloud.example", *headers]
    if length:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _chunked(body: bytes, size: int) -> bytes:
    out = b"".join(
        b"%x;ext=1\r\n" % len(body[i : i + size]) + body[i : i + size] + b"\r\n" for i in range(0, len(body), size)
    )
    return out + b"0\r\nTrailer: x\r\n\r\n"


def _varlen(n: int) -> bytes:
    out = b""
    while True:
        n, digit = divmod(n, 128)
        out += bytes([digit | (128 if n else 0)])
        if not n:
            return out


def _publish(topic: bytes, payload: bytes, v5: bool = False) -> bytes:
    body = struct.pack(">H", len(topic)) + topic + (b"\0" if v5 else b"") + payload
    return b"\x30" + _varlen(len(body)) + body


def _connect(version: int) -> bytes:
    body = b"\0\4MQTT" + bytes([version]) + b"\2\0\x3c" + (b"\0" if version == 5 else b"") + b"\0\5dev01"
    return b"\x10" + _varlen(len(body)) + body


def _frame(payload: bytes, opcode: int = 2, fin: bool = True, mask: bytes = b"\x11\x22\x33\x44", rsv: int = 0) -> bytes:
    first = (0x80 if fin else 0) | rsv | opcode
    n = len(payload)
    size = (
        bytes([128 | n]) if n < 126 else b"\xfe" + struct.pack(">H", n) if n < 65536 else b"\xff" + struct.pack(">Q", n)
    )
    return bytes([first]) + size + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(payload))


_UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: cloud.example\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: eA==\r\n\r\n"
)
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def _expect(inspection: Any, jpeg: bytes, *layers: str) -> Any:
    assert [o.data for o in inspection.faces("internet")] == [jpeg], [
        (o.kind, o.format, len(o.data), o.layers) for o in inspection.objects
    ]
    found = inspection.faces("internet")[0]
    for layer in layers:
        assert any(layer == each or each.startswith(layer) for each in found.layers), found.layers
    assert inspection.checks["face-information-not-sent-to-internet"].verdict.value == "FAIL"
    for flow in inspection.flows:
        assert flow.up.understood + flow.up.hit + flow.up.opaque + flow.up.gap == flow.up.total
    return found


@pytest.mark.parametrize("mss", [1400, 7, 536])
def test_http_post(wire: Any, look: Any, face_jpeg: bytes, mss: int) -> None:
    wire.tcp([(True, _http(face_jpeg, b"Content-Type: image/jpeg")), (False, _OK)], mss=mss)
    _expect(look(wire), face_jpeg, "http/1.1", "jpeg")


def test_http_chunked_gzip_deflate_in_reverse_order(wire: Any, look: Any, face_jpeg: bytes) -> None:
    body = zlib.compress(gzip.compress(face_jpeg, mtime=0))
    head = (b"Transfer-Encoding: chunked", b"Content-Encoding: gzip, deflate")
    wire.tcp([(True, _http(_chunked(body, 777), *head, length=False)), (False, _OK)])
    _expect(look(wire), face_jpeg, "chunked", "deflate", "gzip")


def test_http_pipelined_after_100_continue(wire: Any, look: Any, face_jpeg: bytes) -> None:
    first = b"GET /a HTTP/1.1\r\nHost: cloud.example\r\n\r\n"
    wire.tcp(
        [
            (True, first + _http(face_jpeg, b"Expect: 100-continue")),
            (False, _OK + b"HTTP/1.1 100 Continue\r\n\r\n" + _OK),
        ]
    )
    _expect(look(wire), face_jpeg)


def test_http_multipart_part(wire: Any, look: Any, face_jpeg: bytes) -> None:
    body = b'--b7\r\nContent-Disposition: form-data; name="face"; filename="a"\r\n\r\n' + face_jpeg + b"\r\n--b7--\r\n"
    wire.tcp([(True, _http(body, b"Content-Type: multipart/form-data; boundary=b7")), (False, _OK)])
    _expect(look(wire), face_jpeg, "multipart:face")


def test_http_body_without_end_is_still_read(wire: Any, look: Any, face_jpeg: bytes) -> None:
    cut = _http(face_jpeg)[:-1]
    wire.tcp([(True, cut)], close=False)
    found = look(wire).objects
    assert found[0].data == face_jpeg[:-1]
    assert found[0].match is not None


def test_http_header_and_query_values_are_searched(wire: Any, look: Any) -> None:
    from pytest_conformance.analysis.traffic import Canary

    request = b"GET /a?u=dGhlLXRva2Vu HTTP/1.1\r\nHost: c.example\r\nX-Name: " + b"Zoe-k3j4h5g6f7d8" + b"\r\n\r\n"
    wire.tcp([(True, request), (False, _OK)])
    inspection = look(wire, canary=Canary(strings={"user": "Zoe-k3j4h5g6f7d8", "other": "the-token"}))
    assert {o.match.canary for o in inspection.objects if o.match} == {"user", "other"}


def test_connect_tunnel_is_followed(wire: Any, look: Any, face_jpeg: bytes) -> None:
    wire.tcp(
        [
            (True, b"CONNECT cloud.example:80 HTTP/1.1\r\nHost: cloud.example:80\r\n\r\n"),
            (False, b"HTTP/1.1 200 Connection established\r\n\r\n"),
            (True, _http(face_jpeg)),
            (False, _OK),
        ],
        port=3128,
    )
    _expect(look(wire), face_jpeg)


def test_socks_tunnel_is_followed(wire: Any, look: Any, face_jpeg: bytes) -> None:
    wire.tcp(
        [
            (True, b"\x05\x01\x00"),
            (False, b"\x05\x00"),
            (True, b"\x05\x01\x00\x03\x0dcloud.example\x00\x50"),
            (False, b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"),
            (True, _http(face_jpeg)),
            (False, _OK),
        ],
        port=1080,
    )
    found = _expect(look(wire), face_jpeg, "socks5")
    assert found.endpoint.host == "cloud.example"


@pytest.mark.parametrize("version", [3, 4, 5])
def test_mqtt_publish(wire: Any, look: Any, face_jpeg: bytes, version: int) -> None:
    wire.tcp(
        [(True, _connect(version) + _publish(b"dev/face", face_jpeg, version == 5)), (False, b"\x20\x02\x00\x00")],
        port=1883,
    )
    _expect(look(wire), face_jpeg, "mqtt:dev/face")


def test_mqtt_in_mid_stream(wire: Any, look: Any, face_jpeg: bytes) -> None:
    wire.tcp([(True, _publish(b"a/b", b"{}") + b"\xc0\x00" + _publish(b"dev/face", face_jpeg))], port=1883)
    _expect(look(wire), face_jpeg, "mqtt:dev/face")


def test_mqtt_will_message(wire: Any, look: Any, face_jpeg: bytes) -> None:
    body = b"\0\4MQTT\x04\x06\0\x3c\0\5dev01\0\4will" + struct.pack(">H", len(face_jpeg)) + face_jpeg
    wire.tcp([(True, b"\x10" + _varlen(len(body)) + body)], port=1883)
    _expect(look(wire), face_jpeg, "mqtt:will-payload")


def test_base64_in_mqtt_json(wire: Any, look: Any, face_jpeg: bytes) -> None:
    payload = json.dumps({"id": 4, "blob": {"d": base64.b64encode(face_jpeg).decode()}}).encode()
    wire.tcp([(True, _connect(4) + _publish(b"t", payload))], port=1883)
    _expect(look(wire), face_jpeg, "json:$.blob.d", "base64")


def test_websocket_fragments_with_a_ping_between(wire: Any, look: Any, face_jpeg: bytes) -> None:
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    half = len(face_jpeg) // 2
    frames = _frame(face_jpeg[:half], fin=False) + _frame(b"hi", 9) + _frame(face_jpeg[half:], 0)
    wire.tcp([(True, _UPGRADE), (False, answer), (True, frames)])
    _expect(look(wire), face_jpeg, "websocket")


@pytest.mark.parametrize("takeover", [True, False])
def test_websocket_permessage_deflate(wire: Any, look: Any, face_jpeg: bytes, takeover: bool) -> None:
    extension = b"permessage-deflate" + (b"" if takeover else b"; client_no_context_takeover")
    answer = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: "
        + extension
        + b"\r\n\r\n"
    )
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    frames = b""
    for message in (b'{"hello": "world world world"}', face_jpeg):
        packed = (machine.compress(message) + machine.flush(zlib.Z_SYNC_FLUSH))[:-4]
        frames += _frame(packed, rsv=0x40)
        if not takeover:
            machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    wire.tcp([(True, _UPGRADE), (False, answer), (True, frames)])
    _expect(look(wire), face_jpeg, "permessage-deflate")


def _h2(face_jpeg: bytes, grpc: bool = False, padded: bool = True) -> bytes:
    from hpack import Encoder

    def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
        return len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + body

    names = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/up"),
        (":authority", "cloud.example"),
        ("x-pad", "a" * 50),
    ]
    if grpc:
        names.append(("content-type", "application/grpc"))
        face_jpeg = b"\0" + len(face_jpeg).to_bytes(4, "big") + face_jpeg
    head = Encoder().encode(names)
    out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"")
    out += frame(1, 0, 1, head[:10]) + frame(9, 4, 1, head[10:])
    for at in range(0, len(face_jpeg), 3000):
        piece = face_jpeg[at : at + 3000]
        out += frame(0, 8, 1, b"\x05" + piece + bytes(5)) if padded else frame(0, 0, 1, piece)
        out += frame(6, 0, 0, bytes(8))
    return out + frame(0, 1, 1, b"")


@pytest.mark.parametrize("grpc", [False, True])
def test_http2_prior_knowledge(wire: Any, look: Any, face_jpeg: bytes, grpc: bool) -> None:
    wire.tcp([(True, _h2(face_jpeg, grpc)), (False, b"\0\0\0\4\0\0\0\0\0")], port=8080)
    found = _expect(look(wire), face_jpeg, "http/2", *(["grpc"] if grpc else []))
    assert found.endpoint.host == "cloud.example"


def test_http2_body_is_had_although_the_start_is_missing(wire: Any, look: Any, face_jpeg: bytes) -> None:
    wire.tcp([(True, _h2(face_jpeg, padded=False)[24 + 9 + 9 + 10 :])], port=8080)
    inspection = look(wire)
    assert any(o.match for o in inspection.objects) or inspection.accounting().opaque > 5000


def test_coap_over_tcp(wire: Any, look: Any, face_jpeg: bytes) -> None:
    csm = b"\x00\xe1"
    options = b"\xb2up\xff"
    length = len(options) + len(face_jpeg)
    message = b"\xe0" + struct.pack(">H", length - 269) + b"\x02" + options + face_jpeg
    wire.tcp([(True, csm + message), (False, csm)], port=5683)
    _expect(look(wire), face_jpeg, "coap")


def test_smtp_attachment(wire: Any, look: Any, face_jpeg: bytes) -> None:
    coded = base64.encodebytes(face_jpeg).replace(b"\n", b"\r\n")
    mail = (
        b"From: a@b\r\nContent-Type: multipart/mixed; boundary=xx\r\n\r\n--xx\r\nContent-Type: image/jpeg\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + coded + b"\r\n--xx--\r\n"
    )
    wire.tcp(
        [
            (False, b"220 mail ready\r\n"),
            (True, b"EHLO dev\r\n"),
            (False, b"250 ok\r\n"),
            (True, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + mail + b".\r\nQUIT\r\n"),
        ],
        port=25,
    )
    _expect(look(wire), face_jpeg, "smtp")


def test_ftp_data_connection(wire: Any, look: Any, face_jpeg: bytes) -> None:
    wire.tcp([(False, b"220 ftp\r\n"), (True, b"USER a\r\nSTOR f.jpg\r\n")], port=21)
    wire.tcp([(True, face_jpeg)], port=20001, sport=41002)
    _expect(look(wire), face_jpeg)


def test_private_records_are_tiled(wire: Any, look: Any, face_jpeg: bytes) -> None:
    records = b"".join(
        b"\xa5\x5a\x01" + struct.pack("<H", len(face_jpeg[i : i + 500])) + b"\x00" + face_jpeg[i : i + 500]
        for i in range(0, len(face_jpeg), 500)
    )
    wire.tcp([(True, records)], port=9000)
    _expect(look(wire), face_jpeg, "records:")


def test_escaped_frames_are_undone(wire: Any, look: Any, face_jpeg: bytes) -> None:
    body = b""
    for at in range(0, len(face_jpeg), 400):
        piece = face_jpeg[at : at + 400].replace(b"\x7d", b"\x7d\x5d").replace(b"\x7e", b"\x7d\x5e")
        body += b"\x7e" + piece + b"\x7e"
    wire.tcp([(True, body)], port=9000)
    _expect(look(wire), face_jpeg, "hdlc")


def test_opaque_private_bytes_never_pass(wire: Any, look: Any) -> None:
    wire.tcp([(True, os.urandom(4000))], port=9000)
    check = look(wire).checks["face-information-not-sent-to-internet"]
    assert check.verdict.value == "INCONCLUSIVE"
    assert check.reason == "opaque-bytes"

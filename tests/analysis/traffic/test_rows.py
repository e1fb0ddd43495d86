"""The rarer rows of the design: each protocol and decoder that has no test of its own elsewhere."""

from __future__ import annotations

import base64
import pickle
import random
import struct
import zlib
from typing import Any

import pytest

FACE = "face-information-not-sent-to-internet"


def _faces(inspection: Any) -> list[bytes]:
    return [each.data for each in inspection.faces("internet")]


def _post(body: bytes) -> bytes:
    return b"POST /x HTTP/1.1\r\nHost: c.example\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _sn(kind: int, body: bytes) -> bytes:
    size = len(body) + 2
    return bytes([size, kind]) + body if size < 256 else b"\x01" + struct.pack(">H", size + 2) + bytes([kind]) + body


def test_mqtt_sn_publishes_are_joined(wire: Any, look: Any, face_jpeg: bytes) -> None:
    wire.udp(_sn(4, b"\x04\x01\x00\x3cdev01"), 1884)
    for number, at in enumerate(range(0, len(face_jpeg), 700)):
        piece = face_jpeg[at : at + 700]
        wire.udp(_sn(12, b"\x20\x00\x07" + struct.pack(">H", number + 1) + piece), 1884)
    found = look(wire)
    assert _faces(found) == [face_jpeg]
    assert any(layer.startswith("mqtt-sn") for layer in found.faces()[0].layers)
    assert found.flows[0].endpoint.proto == "mqtt-sn"


def test_tftp_upload_is_joined(wire: Any, look: Any, face_jpeg: bytes) -> None:
    wire.udp(b"\0\2face.bin\0octet\0", 69, sport=2000)
    blocks = [face_jpeg[i : i + 512] for i in range(0, len(face_jpeg), 512)]
    for number, block in enumerate(blocks, 1):
        wire.udp(b"\0\4" + struct.pack(">H", number - 1), 3456, up=False, sport=2000)
        wire.udp(b"\0\3" + struct.pack(">H", number) + block, 3456, sport=2000)
        if number == 4:
            wire.udp(b"\0\3" + struct.pack(">H", number) + block, 3456, sport=2000)
    found = look(wire)
    assert _faces(found) == [face_jpeg]
    assert "tftp" in found.faces()[0].layers


def test_coap_q_block(wire: Any, look: Any, face_jpeg: bytes, rnd: random.Random) -> None:
    parts = [face_jpeg[i : i + 512] for i in range(0, len(face_jpeg), 512)]
    messages = []
    for number, part in enumerate(parts):
        value = number << 4 | (8 if number < len(parts) - 1 else 0) | 5
        raw = value.to_bytes((value.bit_length() + 7) // 8, "big") if value else b""
        head = b"\x51\x03" + struct.pack(">H", 900 + number) + b"t" + b"\xb4face" + bytes([0x80 | len(raw)]) + raw
        messages.append(head + b"\xff" + part)
    for message in [messages[0], *rnd.sample(messages[1:], len(messages) - 1)]:
        wire.udp(message, 5683)
    assert _faces(look(wire)) == [face_jpeg]


@pytest.mark.parametrize("kind", ["hex", "base32hex", "base64url"])
def test_names_in_every_code(wire: Any, look: Any, face_jpeg: bytes, kind: str) -> None:
    small = _thumbnail(face_jpeg)
    text = {
        "hex": lambda: small.hex().encode(),
        "base32hex": lambda: base64.b32hexencode(small).rstrip(b"=").lower(),
        "base64url": lambda: base64.urlsafe_b64encode(small).rstrip(b"="),
    }[kind]()
    for number, at in enumerate(range(0, len(text), 120)):
        part = text[at : at + 120]
        labels = [part[i : i + 60] for i in range(0, len(part), 60)] + [b"t", b"example"]
        name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
        wire.udp(struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + name + b"\0\x10\0\1", 53, peer="203.0.113.53")
    found = look(wire)
    assert small in _faces(found)
    assert found.checks["no-dns-tunnel"].verdict.value == "FAIL"


def _thumbnail(face_jpeg: bytes) -> bytes:
    import cv2
    import numpy as np

    picture: Any = cv2.imdecode(np.frombuffer(face_jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    small = cv2.resize(picture, (48, 48), interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 60])[1].tobytes())


def test_sip_message_body(wire: Any, look: Any, face_jpeg: bytes) -> None:
    head = b"MESSAGE sip:a@b SIP/2.0\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(face_jpeg)
    wire.tcp([(True, head + face_jpeg), (False, b"SIP/2.0 200 OK\r\n\r\n")], port=5060)
    assert _faces(look(wire)) == [face_jpeg]


def test_modbus_write_registers(wire: Any, look: Any, face_jpeg: bytes) -> None:
    out = b""
    for number, at in enumerate(range(0, len(face_jpeg), 246)):
        piece = face_jpeg[at : at + 246]
        body = b"\x01\x10" + struct.pack(">HHB", number * 123, (len(piece) + 1) // 2, len(piece)) + piece
        out += struct.pack(">HHH", number, 0, len(body)) + body
    wire.tcp([(True, out)], port=502)
    assert _faces(look(wire)) == [face_jpeg]


def test_smb_write_is_read(wire: Any, look: Any, face_jpeg: bytes) -> None:
    head = b"\xfeSMB\x40\0" + bytes(6) + b"\x09\0" + bytes(50)
    fixed = struct.pack("<HHIQ", 49, 112, len(face_jpeg), 0) + bytes(32)
    message = head + fixed + face_jpeg
    wire.tcp([(True, b"\0" + len(message).to_bytes(3, "big") + message)], port=445)
    assert _faces(look(wire)) == [face_jpeg]


def test_extra_bytes_behind_ntp_count(wire: Any, look: Any) -> None:
    for number in range(30):
        wire.udp(b"\x23" + bytes(47) + random.Random(number).randbytes(68), 123)
    check = look(wire).checks[FACE]
    assert (check.verdict.value, check.reason) == ("INCONCLUSIVE", "covert-allowance")


def test_ssdp_header_with_a_name_is_searched(wire: Any, look: Any) -> None:
    from pytest_conformance.analysis.traffic import Canary

    wire.udp(b"NOTIFY * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nX-User: Zoe-k3j4h5g6f7d8\r\n\r\n", 1900)
    found = look(wire, canary=Canary(strings={"user": "Zoe-k3j4h5g6f7d8"}))
    assert [each.match.canary for each in found.objects] == ["user"]


def _thrift(data: bytes) -> bytes:
    def varint(n: int) -> bytes:
        out = b""
        while n > 127:
            out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n])

    body = b"\x82\x21\x01\x04save" + b"\x16\x0e" + b"\x18" + varint(len(data)) + data
    return body + b"\x1c\x15\x08\x18\x05dev01\x00" + b"\x00"


def _java(data: bytes) -> bytes:
    array = b"\xac\xed\0\x05ur\0\x02[B\xac\xf3\x17\xf8\x06\x08\x54\xe0\x02\0\0xp"
    return array + struct.pack(">I", len(data)) + data


def _raw_deflate(data: bytes) -> bytes:
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return machine.compress(b'{"a": "' + b"x" * 400 + b'"}' + data) + machine.flush()


def _snappy(data: bytes) -> bytes:
    """A snappy block with a copy in it: sixteen bytes, then the same again."""
    whole = data[:16] * 2 + data
    size = len(whole)
    head = b""
    while size > 127:
        head, size = head + bytes([size & 127 | 128]), size >> 7
    literal = b"\xf4" + struct.pack("<H", len(data) - 1) + data
    return head + bytes([size]) + bytes([15 << 2]) + data[:16] + bytes([15 << 2 | 2]) + b"\x10\0" + literal


def _lz4(data: bytes) -> bytes:
    """An LZ4 frame with one compressed block: eight literals, a match on them, the rest as literals."""
    extra = len(data) - 15
    tail = b"\xf0" + b"\xff" * (extra // 255) + bytes([extra % 255]) + data
    block = bytes([8 << 4 | 4]) + b"ABCDEFGH" + b"\x08\0" + tail
    return b"\x04\x22\x4d\x18\x60\x40\x82" + struct.pack("<I", len(block)) + block + bytes(4)


def _brotli(data: bytes) -> bytes:
    return bytes(pytest.importorskip("brotli").compress(b'{"device": "a", "state": "idle"}' + data))


DECODERS = {
    "thrift": _thrift,
    "java": _java,
    "pickle": lambda d: pickle.dumps({"id": 7, "img": d}, protocol=4),
    "raw-deflate": _raw_deflate,
    "deflate-after-magic": lambda d: b"LOCK" + _raw_deflate(d),
    "snappy-copies": _snappy,
    "lz4-compressed": _lz4,
    "brotli-undeclared": _brotli,
    "cbor-in-base64": lambda d: base64.b64encode(b"\xa1cimg\x59" + struct.pack(">H", len(d)) + d),
    "xor-reversed": lambda d: bytes(b ^ 0x21 for b in d),
    "base64-cut": lambda d: base64.b64encode(b"123" + d)[1:],
}


@pytest.mark.parametrize("name", DECODERS)
def test_decoders(wire: Any, look: Any, face_jpeg: bytes, name: str) -> None:
    wire.tcp([(True, _post(DECODERS[name](face_jpeg)))])
    found = look(wire)
    assert face_jpeg in _faces(found), (
        [(o.kind, len(o.data), o.layers) for o in found.objects],
        found.accounting().reasons,
    )


@pytest.mark.parametrize("cipher", ["rc4", "chacha20-zero", "chacha20-iv-first", "xxtea", "md5-of-serial"])
def test_keys_known_to_the_bench(wire: Any, look: Any, context: Any, face_jpeg: bytes, cipher: str) -> None:
    import dataclasses
    import hashlib

    from cryptography.hazmat.primitives import padding
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key, identifiers = bytes(range(16)), {}
    if cipher == "rc4":
        sent = _rc4(key, face_jpeg)
    elif cipher.startswith("chacha20"):
        key, nonce = bytes(range(32)), b"" if cipher.endswith("zero") else b"twelve bytes"
        sent = nonce + Cipher(algorithms.ChaCha20(key, bytes(4) + nonce.ljust(12, b"\0")), None).encryptor().update(
            face_jpeg
        )
    elif cipher == "xxtea":
        sent = _xxtea(face_jpeg, key)
    else:
        identifiers = {"serial": "SN-20260117-0042"}
        key = hashlib.md5(b"SN-20260117-0042").digest()
        pad = padding.PKCS7(128).padder()
        coder = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
        sent = coder.update(pad.update(face_jpeg) + pad.finalize()) + coder.finalize()
        key = b""
    canary = dataclasses.replace(context.canary, keys={"psk": key} if key else {}, identifiers=identifiers)
    wire.tcp([(True, _post(sent))])
    assert face_jpeg in _faces(look(wire, canary=canary))


def _rc4(key: bytes, data: bytes) -> bytes:
    box, j = list(range(256)), 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) & 255
        box[i], box[j] = box[j], box[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) & 255
        j = (j + box[i]) & 255
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) & 255])
    return bytes(out)


def _xxtea(data: bytes, key: bytes) -> bytes:
    """Encrypt with corrected block TEA; the length stands in the last word, as the common libraries do it."""
    words = [*struct.unpack(f"<{(len(data) + 3) // 4}I", data + bytes(-len(data) % 4)), len(data)]
    k = struct.unpack("<4I", key)
    n, total, z = len(words), 0, words[-1]
    for _ in range(6 + 52 // n):
        total = (total + 0x9E3779B9) & 0xFFFFFFFF
        e = total >> 2 & 3
        for p in range(n):
            y = words[(p + 1) % n]
            mixed = ((z >> 5 ^ y << 2) + (y >> 3 ^ z << 4)) ^ ((total ^ y) + (k[p & 3 ^ e] ^ z))
            z = words[p] = (words[p] + mixed) & 0xFFFFFFFF
    return struct.pack(f"<{n}I", *words)

"""Each decoder and each disguise gives the face back byte for byte; what cannot be undone is opaque."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import os
import plistlib
import quopri
import struct
import tarfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import pytest

Encode = Callable[[bytes], bytes]


def _zip(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("readme.txt", "hello")
        archive.writestr("f.bin", data)
    return out.getvalue()


def _tar(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("f.bin")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _raw_deflate(data: bytes) -> bytes:
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return machine.compress(data) + machine.flush()


def _brotli(data: bytes) -> bytes:
    return bytes(pytest.importorskip("brotli").compress(data))


def _zstd(data: bytes) -> bytes:
    return bytes(pytest.importorskip("zstandard").ZstdCompressor().compress(data))


def _cbor(data: bytes) -> bytes:
    return bytes(pytest.importorskip("cbor2").dumps({"id": 7, "meta": {"a": [1, 2, 3]}, "img": data}))


def _lz4_stored(data: bytes) -> bytes:
    out = b"\x04\x22\x4d\x18\x60\x40\x82"
    for at in range(0, len(data), 60000):
        part = data[at : at + 60000]
        out += struct.pack("<I", len(part) | 0x80000000) + part
    return out + bytes(4)


def _snappy_literal(data: bytes) -> bytes:
    n, head = len(data), b""
    while True:
        head += bytes([n & 127 | (128 if n > 127 else 0)])
        n >>= 7
        if not n:
            break
    return head + b"\xf4" + struct.pack("<H", len(data) - 1) + data


def _msgpack(data: bytes) -> bytes:
    return b"\x82\xa2id\x07\xa3img\xc5" + struct.pack(">H", len(data)) + data


def _bson(data: bytes) -> bytes:
    body = b"\x10id\0" + struct.pack("<i", 5) + b"\x05img\0" + struct.pack("<I", len(data)) + b"\0" + data + b"\0"
    return struct.pack("<I", len(body) + 4) + body


def _varint(n: int) -> bytes:
    out = b""
    while True:
        out += bytes([n & 127 | (128 if n > 127 else 0)])
        n >>= 7
        if not n:
            return out


def _protobuf(data: bytes) -> bytes:
    inner = b"\x08\x07\x12" + _varint(len(data)) + data
    return b"\x0a\x05dev01\x12" + _varint(len(inner)) + inner + b"\x18\x01"


def _der(data: bytes) -> bytes:
    octets = b"\x04\x82" + struct.pack(">H", len(data)) + data
    body = b"\x02\x01\x05\x0c\x05dev01" + octets
    return b"\x30\x82" + struct.pack(">H", len(body)) + body


def _xor(key: bytes) -> Encode:
    return lambda data: bytes(b ^ key[i % len(key)] for i, b in enumerate(data))


def _bits(data: bytes) -> bytes:
    return bytes(int(f"{b:08b}"[::-1], 2) for b in data)


def _counter(data: bytes) -> bytes:
    return bytes(b ^ (0x35 + i) & 255 for i, b in enumerate(data))


def _swap(width: int) -> Encode:
    def go(data: bytes) -> bytes:
        data = data + bytes(-len(data) % width)
        return b"".join(data[i : i + width][::-1] for i in range(0, len(data), width))

    return go


def _php(data: bytes) -> bytes:
    return b'a:2:{s:2:"id";i:7;s:3:"img";s:%d:"' % len(data) + data + b'";}'


EXACT: dict[str, Encode] = {
    "gzip": lambda d: gzip.compress(d, mtime=0),
    "gzip-members": lambda d: gzip.compress(d[:3000], mtime=0) + gzip.compress(d[3000:], mtime=0),
    "zlib": zlib.compress,
    "deflate-after-header": lambda d: b"HDR1\0\0\0\x01" + zlib.compress(d),
    "gzip-after-header": lambda d: b"HDR1\0\0\0\x01\x02" + gzip.compress(d, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": _zstd,
    "lz4": _lz4_stored,
    "snappy": _snappy_literal,
    "base64": base64.b64encode,
    "base64-no-padding": lambda d: base64.b64encode(d).rstrip(b"="),
    "base64url": base64.urlsafe_b64encode,
    "base64-lines": base64.encodebytes,
    "base64-percent": lambda d: b"image=" + urllib.parse.quote_from_bytes(base64.b64encode(d), safe="").encode(),
    "base64-json-escaped": lambda d: b'{"i":"' + base64.b64encode(d).replace(b"/", b"\\/") + b'"}',
    "base64-twice": lambda d: base64.b64encode(base64.b64encode(d)),
    "base32": base64.b32encode,
    "base32hex": base64.b32hexencode,
    "hex": lambda d: d.hex().encode(),
    "HEX": lambda d: d.hex().upper().encode(),
    "quoted-printable": lambda d: quopri.encodestring(d, quotetabs=True),
    "percent": lambda d: urllib.parse.quote_from_bytes(d, safe="").encode(),
    "c-escapes": lambda d: b'data = "' + "".join(f"\\x{b:02x}" for b in d).encode() + b'"',
    "json-numbers": lambda d: json.dumps({"img": list(d)}).encode(),
    "json-unicode": lambda d: json.dumps({"img": d.decode("latin-1")}).encode(),
    "data-uri": lambda d: b"<img src='data:image/jpeg;base64," + base64.b64encode(d) + b"'>",
    "xml-base64": lambda d: b"<?xml version='1.0'?><a><img>" + base64.b64encode(d) + b"</img></a>",
    "cbor": _cbor,
    "msgpack": _msgpack,
    "bson": _bson,
    "plist": lambda d: plistlib.dumps({"img": d, "id": 7}),
    "plist-binary": lambda d: plistlib.dumps({"img": d, "id": 7}, fmt=plistlib.FMT_BINARY),
    "protobuf": _protobuf,
    "asn1": _der,
    "zip": _zip,
    "tar": _tar,
    "php": _php,
    "xor-one": _xor(b"\x5a"),
    "not": _xor(b"\xff"),
    "add": lambda d: bytes((b + 77) & 255 for b in d),
    "nibbles": lambda d: bytes((b & 15) << 4 | b >> 4 for b in d),
    "bit-reversal": _bits,
    "byte-reversal": lambda d: d[::-1],
    "xor-four": _xor(b"\x13\x37\xc0\xde"),
    "xor-eight": _xor(b"lockkey!"),
    "xor-counter": _counter,
    "xor-behind-header": lambda d: b"\x01\x02\x03\x04\x05\x06\x07" + _xor(b"\x77\x12\x99")(d),
    "nested": lambda d: gzip.compress(
        json.dumps({"a": {"b": base64.b64encode(zlib.compress(d)).decode()}}).encode(), mtime=0
    ),
}

PADDED: dict[str, Encode] = {"swap16": _swap(2), "swap32": _swap(4)}

LONG_KEYS: dict[str, Encode] = {
    "xor-16": _xor(bytes(range(7, 23))),
    "xor-32": _xor(bytes((i * 37 + 11) & 255 for i in range(32))),
}


def _up(wire: Any, look: Any, body: bytes, *headers: bytes) -> Any:
    lines = [b"POST /x HTTP/1.1", b"Host: cloud.example", *headers, b"Content-Length: %d" % len(body)]
    wire.tcp([(True, b"\r\n".join(lines) + b"\r\n\r\n" + body)])
    return look(wire)


@pytest.mark.parametrize("name", EXACT)
def test_face_is_recovered_byte_for_byte(wire: Any, look: Any, face_jpeg: bytes, name: str) -> None:
    inspection = _up(wire, look, EXACT[name](face_jpeg))
    assert face_jpeg in [o.data for o in inspection.faces("internet")], [
        (o.kind, len(o.data), o.layers, o.match) for o in inspection.objects
    ] + [f.up.reasons for f in inspection.flows]


@pytest.mark.parametrize("name", PADDED)
def test_reordered_bytes_are_put_back(wire: Any, look: Any, face_jpeg: bytes, name: str) -> None:
    assert face_jpeg in [o.data for o in _up(wire, look, PADDED[name](face_jpeg)).faces("internet")]


@pytest.mark.parametrize("name", LONG_KEYS)
def test_long_repeating_keys_are_undone_or_the_bytes_stay_opaque(
    wire: Any, look: Any, face_jpeg: bytes, name: str
) -> None:
    inspection = _up(wire, look, LONG_KEYS[name](face_jpeg))
    if face_jpeg not in [o.data for o in inspection.faces("internet")]:
        assert inspection.checks["face-information-not-sent-to-internet"].verdict.value == "INCONCLUSIVE"


def test_brotli_where_it_is_declared(wire: Any, look: Any, face_jpeg: bytes) -> None:
    assert _up(wire, look, _brotli(face_jpeg), b"Content-Encoding: br").faces("internet")[0].data == face_jpeg


@pytest.mark.parametrize("cipher", ["cbc", "gcm", "ctr", "ecb"])
def test_key_known_to_the_bench_opens_aes(wire: Any, look: Any, context: Any, face_jpeg: bytes, cipher: str) -> None:
    import dataclasses
    import hashlib

    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key = hashlib.md5(b"SN-0042-A").digest()
    padded = face_jpeg + bytes([16 - len(face_jpeg) % 16]) * (16 - len(face_jpeg) % 16)
    iv = bytes(range(16))
    if cipher == "gcm":
        body = iv[:12] + AESGCM(key).encrypt(iv[:12], face_jpeg, None)
    elif cipher == "ctr":
        body = iv + Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor().update(face_jpeg)
    elif cipher == "ecb":
        body = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(padded)
    else:
        body = iv + Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor().update(padded)
    canary = dataclasses.replace(context.canary, identifiers={"serial": "SN-0042-A"})
    wire.tcp([(True, b"POST /x HTTP/1.1\r\nHost: c.example\r\nContent-Length: %d\r\n\r\n" % len(body) + body)])
    found = look(wire, canary=canary).faces("internet")
    assert [o.data for o in found] == [face_jpeg]


def test_random_bytes_are_opaque_and_not_a_finding(wire: Any, look: Any) -> None:
    inspection = _up(wire, look, os.urandom(30000))
    assert not inspection.objects
    assert inspection.flows[0].up.opaque >= 29900
    assert inspection.checks["face-information-not-sent-to-internet"].reason == "opaque-bytes"


def test_plain_telemetry_is_understood(wire: Any, look: Any) -> None:
    body = json.dumps(
        {"battery": 83, "state": "locked", "temperatures": [20.5, 21.0], "note": "front door closed"}
    ).encode()
    check = _up(wire, look, body).checks["face-information-not-sent-to-internet"]
    assert check.verdict.value == "PASS", check


def test_decompression_bomb_is_bounded_and_inconclusive(wire: Any, look: Any) -> None:
    bomb = gzip.compress(bytes(40 << 20), 9, mtime=0)
    inspection = _up(wire, look, bomb)
    assert inspection.checks["face-information-not-sent-to-internet"].verdict.value == "INCONCLUSIVE"


def test_nesting_without_end_is_bounded(wire: Any, look: Any) -> None:
    data = os.urandom(400)
    for _ in range(30):
        data = gzip.compress(data, mtime=0)
    inspection = _up(wire, look, data)
    assert inspection.checks["face-information-not-sent-to-internet"].verdict.value == "INCONCLUSIVE"
    assert inspection.captures[0].budget_spent


@pytest.mark.parametrize("module", ["brotli", "zstandard"])
def test_a_missing_decoder_makes_bytes_opaque_with_its_reason(
    wire: Any, look: Any, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    import importlib.util

    body = _brotli(b"x" * 5000 + os.urandom(500)) if module == "brotli" else _zstd(b"y" * 5000 + os.urandom(500))
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == module else real(name, *a))
    headers = (b"Content-Encoding: br",) if module == "brotli" else ()
    inspection = _up(wire, look, body, *headers)
    assert inspection.flows[0].up.reasons.get(f"decoder-missing:{module}")
    check = inspection.checks["face-information-not-sent-to-internet"]
    assert (check.verdict.value, check.reason) == ("INCONCLUSIVE", f"decoder-missing:{module}")


TEMPLATE_FORMS = ("<f4", ">f4", "<f2", ">f2", "int8", "uint8", "json", "bf16", "protobuf")


def _template_bytes(values: tuple[float, ...], form: str) -> bytes:
    import numpy as np

    array = np.asarray(values)
    scaled = np.round(array / np.abs(array).max() * 127)
    if form == "int8":
        return bytes(scaled.astype(np.int8).tobytes())
    if form == "uint8":
        return bytes((scaled + 128).astype(np.uint8).tobytes())
    if form == "json":
        return json.dumps({"v": [round(float(v), 5) for v in array]}).encode()
    if form == "bf16":
        return bytes((array.astype(np.float32).view(np.uint32) >> 16).astype("<u2").tobytes())
    if form == "protobuf":
        raw = array.astype("<f4").tobytes()
        return b"\x08\x01\x12" + _varint(len(raw)) + raw
    return bytes(array.astype(form).tobytes())


@pytest.mark.parametrize("form", TEMPLATE_FORMS)
@pytest.mark.parametrize("header", [b"", b"\x01\x02\x03"])
def test_template_is_recognised_in_every_number_format(
    wire: Any, look: Any, template: tuple[float, ...], form: str, header: bytes
) -> None:
    if header and form in ("json", "protobuf"):
        header = b""
    inspection = _up(wire, look, header + _template_bytes(template, form))
    found = inspection.faces("internet")
    assert [o.kind for o in found] == ["template"], inspection.flows[0].up
    assert found[0].distance is not None
    assert found[0].distance < 0.05


def test_another_template_is_not_the_canary(wire: Any, look: Any) -> None:
    import numpy as np

    other = np.random.default_rng(3).normal(size=512)
    other /= np.linalg.norm(other)
    inspection = _up(wire, look, other.astype("<f4").tobytes())
    assert not inspection.faces("internet")
    check = inspection.checks["face-information-not-sent-to-internet"]
    assert (check.verdict.value, check.reason) == ("INCONCLUSIVE", "template-shaped")

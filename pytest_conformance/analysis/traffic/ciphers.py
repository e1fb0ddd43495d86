"""Trial decryption with keys that the bench knows: AES, ChaCha20, RC4 and XXTEA by the common recipes."""

from __future__ import annotations

import contextlib
import hashlib
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.examiner import Examiner

_MOST_KEYS = 64


def known_keys(examiner: Examiner) -> Iterator[tuple[str, bytes]]:
    """Yield (name, 16- or 32-byte key): keys given to the bench, and those derived from identifiers."""
    count = 0
    canary = examiner.context.canary
    for name, raw in examiner.keys.items():
        for label, key in _derived(name, raw):
            yield label, key
            count += 1
    for name, text in canary.identifiers.items():
        bare = text.replace(":", "").replace("-", "")
        for variant in dict.fromkeys((text, text.lower(), text.upper(), bare, bare.lower(), bare.upper())):
            for label, key in _derived(name, variant.encode()):
                if count < _MOST_KEYS:
                    yield label, key
                    count += 1


def _derived(name: str, raw: bytes) -> Iterator[tuple[str, bytes]]:
    if len(raw) in (16, 24, 32):
        yield name, raw
    elif len(raw) < 16:
        yield f"{name}+zeros", raw.ljust(16, b"\0")
    yield f"md5({name})", hashlib.md5(raw, usedforsecurity=False).digest()
    digest = hashlib.sha256(raw).digest()
    yield f"sha256({name})", digest
    yield f"sha256({name})[:16]", digest[:16]


def _unpad(plain: bytes) -> bytes | None:
    """Remove PKCS#7 padding; None when it is wrong."""
    if not plain or not 1 <= plain[-1] <= 16 or plain[-plain[-1] :] != bytes([plain[-1]]) * plain[-1]:
        return None
    return plain[: -plain[-1]]


def attempts(data: bytes, key: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield (cipher, plain bytes) whose padding or tag is right; ciphers without either are yielded as they are."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

    aes = algorithms.AES(key) if len(key) in (16, 24, 32) else None
    if aes is None:
        return
    if len(data) % 16 == 0 and len(data) >= 32:
        for name, iv, body in (("aes-cbc-iv-first", data[:16], data[16:]), ("aes-cbc-zero-iv", bytes(16), data)):
            found = _unpad(Cipher(aes, modes.CBC(iv)).decryptor().update(body))
            if found:
                yield name, found
        found = _unpad(Cipher(aes, modes.ECB()).decryptor().update(data))
        if found:
            yield "aes-ecb", found
    if len(data) > 28:
        with contextlib.suppress(InvalidTag):
            yield "aes-gcm", AESGCM(key).decrypt(data[:12], data[12:], None)
        if len(key) == 32:
            with contextlib.suppress(InvalidTag):
                yield "chacha20", ChaCha20Poly1305(key).decrypt(data[:12], data[12:], None)
    for name, nonce, body in (("aes-ctr-iv-first", data[:16], data[16:]), ("aes-ctr-zero", bytes(16), data)):
        if len(nonce) == 16 and body:
            yield name, Cipher(aes, modes.CTR(nonce)).decryptor().update(body)
    if len(key) == 32:
        for name, nonce, body in (
            ("chacha20-zero", bytes(16), data),
            ("chacha20-iv-first", bytes(4) + data[:12], data[12:]),
            ("chacha20-iv-first+1", b"\1\0\0\0" + data[:12], data[12:]),
        ):
            if len(nonce) == 16 and body:
                yield name, Cipher(algorithms.ChaCha20(key, nonce), None).decryptor().update(body)
    yield "rc4", _rc4(data, key)
    small = _xxtea(data, key[:16])
    if small is not None:
        yield "xxtea", small


def _rc4(data: bytes, key: bytes) -> bytes:
    from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
    from cryptography.hazmat.primitives.ciphers import Cipher

    return Cipher(ARC4(key), None).decryptor().update(data)


def _xxtea(data: bytes, key: bytes) -> bytes | None:
    """Undo XXTEA; None when the length does not fit or is too long for a plain loop (64 KB)."""
    if len(data) % 4 or not 8 <= len(data) <= 65536:
        return None
    v = list(struct.unpack(f"<{len(data) // 4}I", data))
    k = struct.unpack("<4I", key)
    n, mask = len(v), 0xFFFFFFFF
    rounds = 6 + 52 // n
    total = rounds * 0x9E3779B9 & mask
    y = v[0]
    while total:
        e = total >> 2 & 3
        for p in range(n - 1, -1, -1):
            z = v[p - 1] if p else v[n - 1]
            mixed = ((z >> 5 ^ y << 2) + (y >> 3 ^ z << 4)) ^ ((total ^ y) + (k[p & 3 ^ e] ^ z))
            v[p] = y = (v[p] - (mixed & mask)) & mask
        total = (total - 0x9E3779B9) & mask
    plain = struct.pack(f"<{n}I", *v)
    size = v[-1]
    return plain[:size] if n * 4 - 8 <= size <= n * 4 - 4 else plain

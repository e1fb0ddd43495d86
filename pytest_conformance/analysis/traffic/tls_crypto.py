"""Undo TLS record protection with secrets of a key log: 1.3, 1.2, 1.1 and 1.0."""

from __future__ import annotations

import hashlib
import hmac
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

from pytest_conformance.analysis.traffic.tls_suites import Suite


def expand_label(secret: bytes, label: str, length: int, digest: str, context: bytes = b"") -> bytes:
    """HKDF-Expand-Label of RFC 8446, section 7.1."""
    full = b"tls13 " + label.encode()
    info = struct.pack(">HB", length, len(full)) + full + bytes([len(context)]) + context
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.digest(secret, block + info + bytes([counter]), digest)
        out, counter = out + block, counter + 1
    return out[:length]


def prf(secret: bytes, label: bytes, seed: bytes, length: int, digest: str) -> bytes:
    """The PRF of RFC 5246, section 5."""
    seed = label + seed
    out, a = b"", seed
    while len(out) < length:
        a = hmac.digest(secret, a, digest)
        out += hmac.digest(secret, a + seed, digest)
    return out[:length]


def prf_old(secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """The MD5 and SHA-1 PRF of RFC 2246, section 5."""
    half = (len(secret) + 1) // 2
    one = prf(secret[:half], label, seed, length, "md5")
    two = prf(secret[-half:], label, seed, length, "sha1")
    return bytes(a ^ b for a, b in zip(one, two, strict=True))


def _aead(suite: Suite, key: bytes) -> AESGCM | AESCCM | ChaCha20Poly1305:
    if suite.mode == "gcm":
        return AESGCM(key)
    if suite.mode == "chacha":
        return ChaCha20Poly1305(key)
    return AESCCM(key, tag_length=8 if suite.mode == "ccm8" else 16)


class Opener13:
    """Opens TLS 1.3 records of one direction under one traffic secret."""

    def __init__(self, suite: Suite, secret: bytes) -> None:
        self.suite, self.secret, self.sequence = suite, secret, 0
        self._aead = _aead(suite, expand_label(secret, "key", suite.key, suite.digest))
        self._iv = int.from_bytes(expand_label(secret, "iv", 12, suite.digest), "big")

    def open(self, header: bytes, body: bytes, ahead: int = 0) -> tuple[int, bytes] | None:
        """Return (inner content type, plaintext), or None when it does not authenticate."""
        for step in range(ahead + 1):
            nonce = (self._iv ^ (self.sequence + step)).to_bytes(12, "big")
            try:
                plain = self._aead.decrypt(nonce, body, header)
            except InvalidTag:
                continue
            self.sequence += step + 1
            stripped = plain.rstrip(b"\0")
            return (stripped[-1], stripped[:-1]) if stripped else (0, b"")
        return None

    def updated(self) -> Opener13:
        """Return the opener after a KeyUpdate."""
        size = hashlib.new(self.suite.digest).digest_size
        return Opener13(self.suite, expand_label(self.secret, "traffic upd", size, self.suite.digest))


class Opener12:
    """Opens records of one direction of TLS 1.0 to 1.2."""

    def __init__(self, suite: Suite, version: int, key: bytes, iv: bytes, mac: bytes, etm: bool) -> None:
        self.suite, self.version, self._key, self._iv, self._mac = suite, version, key, iv, mac
        self._etm = etm
        self.sequence = 0
        self._aead = _aead(suite, key) if suite.mode in ("gcm", "ccm", "ccm8", "chacha") else None
        self._stream = None
        if suite.mode == "rc4":
            from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4

            self._stream = Cipher(ARC4(key), None).decryptor()

    def open(self, kind: int, header_version: bytes, body: bytes, ahead: int = 0) -> bytes | None:
        """Return the plaintext of a record body, or None when it does not authenticate."""
        for step in range(ahead + 1):
            plain = self._open(kind, header_version, body, self.sequence + step)
            if plain is not None:
                self.sequence += step + 1
                return plain
        return None

    def _open(self, kind: int, version: bytes, body: bytes, sequence: int) -> bytes | None:
        head = struct.pack(">QB", sequence, kind) + version
        if self._aead is not None:
            return self._open_aead(head, body, sequence)
        if self.suite.mode == "cbc":
            return self._open_cbc(head, body)
        plain = self._stream.update(body) if self._stream is not None else body
        size = len(self._mac)
        return plain[: len(plain) - size] if len(plain) >= size else None

    def _open_aead(self, head: bytes, body: bytes, sequence: int) -> bytes | None:
        assert self._aead is not None
        tag = 8 if self.suite.mode == "ccm8" else 16
        if self.suite.mode == "chacha":
            nonce = (int.from_bytes(self._iv, "big") ^ sequence).to_bytes(12, "big")
        else:
            nonce, body = self._iv + body[:8], body[8:]
        if len(body) < tag or len(nonce) != 12:
            return None
        try:
            return self._aead.decrypt(nonce, body, head + struct.pack(">H", len(body) - tag))
        except InvalidTag:
            return None

    def _open_cbc(self, head: bytes, body: bytes) -> bytes | None:
        size = len(self._mac)
        if self._etm:
            body, tag = body[:-size], body[-size:]
            if not hmac.compare_digest(
                hmac.digest(self._mac, head + struct.pack(">H", len(body)) + body, self.suite.mac), tag
            ):
                return None
        if self.version >= 0x0302:
            iv, body = body[:16], body[16:]
        else:
            iv, self._iv = self._iv, body[-16:]
        if len(iv) != 16 or not body or len(body) % 16:
            return None
        decryptor = Cipher(algorithms.AES(self._key), modes.CBC(iv)).decryptor()
        plain = decryptor.update(body) + decryptor.finalize()
        plain = plain[: len(plain) - plain[-1] - 1]
        if self._etm:
            return plain
        plain, tag = plain[:-size], plain[-size:]
        expected = hmac.digest(self._mac, head + struct.pack(">H", len(plain)) + plain, self.suite.mac)
        return plain if hmac.compare_digest(expected, tag) else None


def openers12(
    suite: Suite, version: int, master: bytes, client: bytes, server: bytes, etm: bool
) -> tuple[Opener12, Opener12]:
    """Derive both directions of a TLS 1.0 to 1.2 connection from its master secret (RFC 5246, section 6.3)."""
    mac = hashlib.new(suite.mac).digest_size if suite.mac else 0
    iv = {"gcm": 4, "ccm": 4, "ccm8": 4, "chacha": 12, "cbc": 16 if version < 0x0302 else 0}.get(suite.mode, 0)
    need = 2 * (mac + suite.key + iv)
    seed = server + client
    if version >= 0x0303:
        block = prf(master, b"key expansion", seed, need, suite.digest)
    else:
        block = prf_old(master, b"key expansion", seed, need)
    cut = [mac, mac, suite.key, suite.key, iv, iv]
    parts, at = [], 0
    for length in cut:
        parts.append(block[at : at + length])
        at += length
    return (
        Opener12(suite, version, parts[2], parts[4], parts[0], etm),
        Opener12(suite, version, parts[3], parts[5], parts[1], etm),
    )

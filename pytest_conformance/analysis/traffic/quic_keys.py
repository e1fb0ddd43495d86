"""QUIC packet protection (RFC 9001): initial keys, header protection, payload."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

from pytest_conformance.analysis.traffic.tls_crypto import expand_label
from pytest_conformance.analysis.traffic.tls_suites import SUITES, Suite

V1, V2 = 1, 0x6B3343CF
_SALTS = {
    V1: bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"),
    V2: bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"),
}
_SALT_29 = bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899")
_SALT_23 = bytes.fromhex("c3eef712c72ebb5a11a7d2432bb46365bef9f502")


def salt(version: int) -> bytes | None:
    """Return the initial salt of a version; None for versions that are not QUIC of the IETF."""
    if version in _SALTS:
        return _SALTS[version]
    if 0xFF00001D <= version <= 0xFF000022:
        return _SALT_29
    if 0xFF000017 <= version <= 0xFF00001C:
        return _SALT_23
    return None


class Keys:
    """Keys of one direction at one level; `open` removes header protection and decrypts."""

    def __init__(self, suite: Suite, secret: bytes, version: int, hp: object = None) -> None:
        prefix = "quicv2 " if version == V2 else "quic "
        self.suite, self.secret, self.version, self._prefix = suite, secret, version, prefix
        key = expand_label(secret, prefix + "key", suite.key, suite.digest)
        self._iv = int.from_bytes(expand_label(secret, prefix + "iv", 12, suite.digest), "big")
        self._hp: bytes = hp if isinstance(hp, bytes) else expand_label(secret, prefix + "hp", suite.key, suite.digest)
        self._aead: AESGCM | AESCCM | ChaCha20Poly1305
        if suite.mode == "chacha":
            self._aead = ChaCha20Poly1305(key)
        elif suite.mode == "gcm":
            self._aead = AESGCM(key)
        else:
            self._aead = AESCCM(key)
        self.largest = -1

    def updated(self) -> Keys:
        """Return the keys of the next key phase; header protection stays."""
        size = hashlib.new(self.suite.digest).digest_size
        secret = expand_label(self.secret, self._prefix + "ku", size, self.suite.digest)
        following = Keys(self.suite, secret, self.version, self._hp)
        following.largest = self.largest
        return following

    def _mask(self, sample: bytes) -> bytes:
        if self.suite.mode == "chacha":
            encryptor = Cipher(algorithms.ChaCha20(self._hp, sample), None).encryptor()
            return encryptor.update(bytes(5))
        return Cipher(algorithms.AES(self._hp), modes.ECB()).encryptor().update(sample)[:5]

    def open(self, packet: bytes, number_at: int) -> tuple[int, bytes, int] | None:
        """Return (first byte, plaintext, packet number) of a packet; None when it does not authenticate."""
        sample = packet[number_at + 4 : number_at + 20]
        if len(sample) < 16:
            return None
        mask = self._mask(sample)
        first = packet[0] ^ (mask[0] & (0x0F if packet[0] & 0x80 else 0x1F))
        width = (first & 3) + 1
        raw = bytes(a ^ b for a, b in zip(packet[number_at : number_at + width], mask[1:], strict=False))
        number = self._full(int.from_bytes(raw, "big"), width * 8)
        head = bytes([first]) + packet[1:number_at] + raw
        try:
            plain = self._aead.decrypt((self._iv ^ number).to_bytes(12, "big"), packet[number_at + width :], head)
        except InvalidTag:
            return None
        self.largest = max(self.largest, number)
        return first, plain, number

    def _full(self, truncated: int, bits: int) -> int:
        """Recover the packet number (RFC 9000, appendix A.3)."""
        expected = self.largest + 1
        window = 1 << bits
        candidate = (expected & ~(window - 1)) | truncated
        if candidate <= expected - window // 2 and candidate + window < 1 << 62:
            return candidate + window
        if candidate > expected + window // 2 and candidate >= window:
            return candidate - window
        return candidate


def initial_keys(version: int, destination: bytes) -> tuple[Keys, Keys] | None:
    """Derive (client, server) Initial keys from the first destination connection id."""
    value = salt(version)
    if value is None:
        return None
    secret = hmac.digest(value, destination, "sha256")
    suite = SUITES[0x1301]
    return (
        Keys(suite, expand_label(secret, "client in", 32, "sha256"), version),
        Keys(suite, expand_label(secret, "server in", 32, "sha256"), version),
    )

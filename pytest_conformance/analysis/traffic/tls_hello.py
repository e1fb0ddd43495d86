"""TLS handshake messages that can be read: hellos, certificates, alerts. No records, no keys."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field

VERSIONS = {
    0x0200: "SSL 2.0",
    0x0300: "SSL 3.0",
    0x0301: "TLS 1.0",
    0x0302: "TLS 1.1",
    0x0303: "TLS 1.2",
    0x0304: "TLS 1.3",
    0xFEFF: "DTLS 1.0",
    0xFEFD: "DTLS 1.2",
    0xFEFC: "DTLS 1.3",
}
_HELLO_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


@dataclass
class ClientHello:
    """What a client offers."""

    random: bytes
    version: int
    ciphers: list[int] = field(default_factory=list)
    extensions: list[int] = field(default_factory=list)
    sni: str = ""
    alpn: list[str] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    formats: list[int] = field(default_factory=list)
    ech: bool = False
    session: bytes = b""

    @property
    def fingerprint(self) -> str:
        """JA3-like digest over version, ciphers, extensions, groups, formats; GREASE left out."""
        lists = (self.ciphers, self.extensions, self.groups, self.formats)
        text = ",".join([str(self.version)] + ["-".join(str(v) for v in one if v & 0x0F0F != 0x0A0A) for one in lists])
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass
class ServerHello:
    """What a server chose."""

    random: bytes
    version: int
    cipher: int
    alpn: str = ""
    encrypt_then_mac: bool = False
    retry: bool = False


class _Cursor:
    """Bounds-checked reading; past the end raises IndexError."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise IndexError
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def block(self, width: int) -> bytes:
        return self.take(self.number(width))

    @property
    def left(self) -> int:
        return len(self.data) - self.at


def _words(data: bytes) -> list[int]:
    return [v for (v,) in struct.iter_unpack(">H", data[: len(data) // 2 * 2])]


def _extensions(cursor: _Cursor) -> list[tuple[int, bytes]]:
    out: list[tuple[int, bytes]] = []
    if cursor.left >= 2:
        inner = _Cursor(cursor.block(2))
        while inner.left >= 4:
            out.append((inner.number(2), inner.block(2)))
    return out


def _alpn(data: bytes) -> list[str]:
    inner = _Cursor(_Cursor(data).block(2))
    names = []
    while inner.left:
        names.append(inner.block(1).decode("latin-1"))
    return names


def client_hello(body: bytes) -> ClientHello | None:
    """Parse a ClientHello body (without its 4-byte handshake header); None when it does not parse."""
    cursor = _Cursor(body)
    try:
        hello = ClientHello(version=cursor.number(2), random=cursor.take(32))
        hello.session = cursor.block(1)
        hello.ciphers = _words(cursor.block(2))
        cursor.block(1)
        for kind, data in _extensions(cursor):
            hello.extensions.append(kind)
            if kind == 0 and len(data) > 5:
                hello.sni = data[5 : 5 + int.from_bytes(data[3:5], "big")].decode("latin-1")
            elif kind == 16:
                hello.alpn = _alpn(data)
            elif kind == 43:
                hello.versions = _words(data[1:])
            elif kind == 10:
                hello.groups = _words(data[2:])
            elif kind == 11:
                hello.formats = list(data[1:])
            elif kind in (0xFE0D, 0xFFCE):
                hello.ech = data[:1] != b"\x01" or kind == 0xFFCE
    except IndexError:
        return None
    return hello


def server_hello(body: bytes) -> ServerHello | None:
    """Parse a ServerHello body; None when it does not parse."""
    cursor = _Cursor(body)
    try:
        version, random = cursor.number(2), cursor.take(32)
        cursor.block(1)
        hello = ServerHello(random, version, cursor.number(2), retry=random == _HELLO_RETRY)
        cursor.take(1)
        for kind, data in _extensions(cursor):
            if kind == 43 and len(data) == 2:
                hello.version = int.from_bytes(data, "big")
            elif kind == 16:
                hello.alpn = (_alpn(data) or [""])[0]
            elif kind == 22:
                hello.encrypt_then_mac = True
    except IndexError:
        return None
    return hello


def encrypted_alpn(body: bytes) -> str:
    """Return the ALPN of an EncryptedExtensions body, or an empty text."""
    try:
        return next(((_alpn(data) or [""])[0] for kind, data in _extensions(_Cursor(body)) if kind == 16), "")
    except IndexError:
        return ""


def certificates(body: bytes, version: int) -> list[bytes]:
    """Return the DER certificates of a Certificate message."""
    cursor = _Cursor(body)
    chain: list[bytes] = []
    try:
        if version == 0x0304:
            cursor.block(1)
        inner = _Cursor(cursor.block(3))
        while inner.left >= 3:
            chain.append(inner.block(3))
            if version == 0x0304:
                inner.block(2)
    except IndexError:
        pass
    return chain


def certificate_names(der: bytes) -> tuple[list[str], str]:
    """Return (subject names, issuer) of a certificate; empty where it does not parse."""
    from cryptography import x509
    from cryptography.x509.oid import ExtensionOID, NameOID

    try:
        certificate = x509.load_der_x509_certificate(der)
        names = [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        issuer = certificate.issuer.rfc4514_string()
        for extension in certificate.extensions:
            if extension.oid == ExtensionOID.SUBJECT_ALTERNATIVE_NAME:
                names.extend(str(n) for n in extension.value.get_values_for_type(x509.DNSName))
    except (ValueError, TypeError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return [], ""
    return list(dict.fromkeys(names)), issuer


def handshake_messages(data: bytes) -> tuple[list[tuple[int, bytes]], int]:
    """Split handshake bytes into (type, body); return them and the number of bytes used."""
    out: list[tuple[int, bytes]] = []
    at = 0
    while at + 4 <= len(data):
        length = int.from_bytes(data[at + 1 : at + 4], "big")
        if at + 4 + length > len(data):
            break
        out.append((data[at], data[at + 4 : at + 4 + length]))
        at += 4 + length
    return out, at

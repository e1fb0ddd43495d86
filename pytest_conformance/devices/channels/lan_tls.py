"""What a TLS service of the device offers: version, cipher, certificate. Judging them is not done here."""

from __future__ import annotations

import hashlib
import socket
import ssl
from dataclasses import dataclass

from pytest_conformance.devices.channels.lan_http import LONGEST, blind, silent
from pytest_conformance.errors import DeviceError


@dataclass(frozen=True)
class Hello:
    """One completed handshake: "TLSv1.3", the cipher suite's name, its secret bits, and the leaf certificate (DER)."""

    version: str
    cipher: str
    bits: int
    certificate: bytes
    fingerprint: str
    """SHA-256 of the certificate, hexadecimal."""


def greet_tls(address: str, port: int) -> Hello:
    """Shake hands. LinkError BEN-LNK-051 when nothing answers, DeviceError DUT-LAN-002 when it speaks no TLS."""
    try:
        with (
            socket.create_connection((address, port), timeout=LONGEST) as link,
            blind().wrap_socket(link, server_hostname=None) as secure,
        ):
            name, _, bits = secure.cipher() or ("", "", 0)
            certificate = secure.getpeercert(binary_form=True) or b""
            return Hello(secure.version() or "", name, int(bits), certificate, hashlib.sha256(certificate).hexdigest())
    except ssl.SSLError as error:
        raise DeviceError(
            "DUT-LAN-002",
            f"no TLS handshake: {error.reason or error}",
            where=f"{address}:{port}",
            expected="a TLS server",
            todo="correct the port in the declaration",
        ) from error
    except OSError as error:
        raise silent(address, port, "a TLS hello", str(error)) from error

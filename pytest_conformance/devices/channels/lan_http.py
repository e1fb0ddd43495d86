"""One HTTP request to the device with caps on size and time, and the two password schemes of HTTP (RFC 7617, 7616)."""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
import secrets
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_conformance.errors import DeviceError, LinkError

LONGEST = 10.0
"""Wall seconds for a whole request, connecting included."""
LARGEST = 4_000_000
"""Bytes of an answer that are kept."""
CHALLENGE = re.compile(r'(\w{1,32})\s{0,8}=\s{0,8}(?:"([^"]{0,1024})"|([^\s,"]{1,1024}))')
HASHES = {"": "md5", "MD5": "md5", "SHA-256": "sha256"}


@dataclass(frozen=True)
class Reply:
    """What the device answered. Header names are in lower case; `seconds` is wall time from connecting to the end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    complete: bool
    """False when the body was cut: too large, too slow, or ended by the device before its announced length."""


def ask_http(
    address: str,
    port: int,
    method: str,
    path: str,
    *,
    auth: tuple[str, str] | None,
    body: bytes,
    headers: Mapping[str, str],
    tls: bool,
) -> Reply:
    """Send one request and, where the device challenges with Digest, the answer to the challenge.

    Raises LinkError BEN-LNK-051 when the port does not accept or stays silent, DeviceError DUT-LAN-001 when what
    answers is no HTTP.
    """
    begun = time.monotonic()
    given = dict(headers)
    if auth is not None:
        token = base64.b64encode(f"{auth[0]}:{auth[1]}".encode()).decode()
        given.setdefault("Authorization", f"Basic {token}")
    reply = _once(address, port, method, path, body, given, tls, begun)
    challenge = reply.headers.get("www-authenticate", "")
    if auth is not None and reply.status == 401 and (answer := digest(challenge, method, path, auth)):
        reply = _once(address, port, method, path, body, {**given, "Authorization": answer}, tls, begun)
    return reply


def digest(challenge: str, method: str, uri: str, auth: tuple[str, str]) -> str | None:
    """Answer a Digest challenge (RFC 7616, qop "auth" or none); None when it is none or cannot be answered."""
    start = challenge.lower().find("digest ")
    if start < 0:
        return None
    asked = {name.lower(): quoted or bare for name, quoted, bare in CHALLENGE.findall(challenge[start + 7 :][:8192])}
    algorithm = asked.get("algorithm", "")
    name = HASHES.get(algorithm.upper())
    qops = [qop.strip() for qop in asked.get("qop", "").split(",") if qop.strip()]
    if name is None or (qops and "auth" not in qops):
        return None

    def hashed(text: str) -> str:
        return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

    user, password = auth
    realm, nonce = asked.get("realm", ""), asked.get("nonce", "")
    secret, target = hashed(f"{user}:{realm}:{password}"), hashed(f"{method}:{uri}")
    fields = {"username": user, "realm": realm, "nonce": nonce, "uri": uri}
    if qops:
        own = secrets.token_hex(8)
        fields["cnonce"] = own
        fields["response"] = hashed(f"{secret}:{nonce}:00000001:{own}:auth:{target}")
    else:
        fields["response"] = hashed(f"{secret}:{nonce}:{target}")
    text = ", ".join(f'{key}="{_quoted(value)}"' for key, value in fields.items())
    if qops:
        text += ", qop=auth, nc=00000001"
    if algorithm:
        text += f", algorithm={algorithm}"
    if "opaque" in asked:
        text += f', opaque="{_quoted(asked["opaque"])}"'
    return f"Digest {text}"


def silent(address: str, port: int, what: str, why: str) -> LinkError:
    """Return the error for a service that does not answer."""
    return LinkError(
        "BEN-LNK-051",
        f"no answer to {what}: {why}",
        where=f"{address}:{port}",
        expected="a service of the device that answers on the local network",
        todo="see that the device is powered and joined, and that its address is right (conformance doctor)",
    )


def _once(
    address: str, port: int, method: str, path: str, body: bytes, headers: Mapping[str, str], tls: bool, begun: float
) -> Reply:
    what = f"{method} {path[:100]}"
    try:
        link = socket.create_connection((address, port), timeout=LONGEST)
    except OSError as error:
        raise silent(address, port, what, str(error)) from error
    connection = http.client.HTTPConnection(address, port, timeout=LONGEST)
    try:
        connection.sock = blind().wrap_socket(link) if tls else link
        connection.request(method, path, body or None, dict(headers))
        answer = connection.getresponse()
        content, complete = _read(answer, begun)
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, content, time.monotonic() - begun, complete)
    except (ConnectionError, TimeoutError, http.client.RemoteDisconnected) as error:
        raise silent(address, port, what, str(error) or type(error).__name__) from error
    except (http.client.HTTPException, ssl.SSLError) as error:
        raise DeviceError(
            "DUT-LAN-001",
            f"what answers {what} is not {'HTTPS' if tls else 'HTTP'}: {type(error).__name__}: {str(error)[:200]!r}",
            where=f"{address}:{port}",
            expected="an HTTP response",
            todo="correct the port in the declaration",
        ) from error
    except OSError as error:
        raise silent(address, port, what, str(error)) from error
    finally:
        connection.close()
        link.close()


def _read(answer: http.client.HTTPResponse, begun: float) -> tuple[bytes, bool]:
    """Read the body up to the caps; a cut body is kept as far as it came."""
    pieces: list[bytes] = []
    size = 0
    while size <= LARGEST and time.monotonic() - begun < LONGEST:
        try:
            piece = answer.read1(65536)
        except (http.client.IncompleteRead, TimeoutError):
            return b"".join(pieces), False
        if not piece:
            missing = answer.length
            return b"".join(pieces), not missing
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)[:LARGEST], False


def blind() -> ssl.SSLContext:
    """Return a TLS client that accepts any certificate and every version: it measures, it does not trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')

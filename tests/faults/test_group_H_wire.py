"""Group H, hostile data on the wire: what a device or another sends is bounded, and obeyed by nobody."""

from __future__ import annotations

import datetime
import random
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from pytest_conformance.analysis.traffic.structures import asn1, bson, cbor, msgpack, plist, protobuf
from pytest_conformance.analysis.traffic.tls_hello import certificate_names
from pytest_conformance.devices.camera import ReferenceCamera
from pytest_conformance.devices.channels import lan_http
from pytest_conformance.devices.channels.lan_tls import greet_tls
from pytest_conformance.errors import DeviceError, LinkError, MethodError

HERE = "127.0.0.1"
OK = b"HTTP/1.1 200 OK\r\n"
PATIENCE = 1.5
DEADLINE = 60.0
"""Seconds for all expressions of a room on all hostile texts."""


class Far:
    """A port that serves each connection with `act`; `taken` counts connections."""

    def __init__(self, act: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server((HERE, 0))
        self._act = act
        self.port = int(self._listener.getsockname()[1])
        self.taken = 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            self.taken += 1
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        with link, suppress(OSError, ssl.SSLError):
            self._act(link)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def far() -> Iterator[Callable[[Callable[[socket.socket], None]], Far]]:
    made: list[Far] = []

    def make(act: Callable[[socket.socket], None]) -> Far:
        made.append(Far(act))
        return made[-1]

    yield make
    for each in made:
        each.close()


def get(port: int) -> lan_http.Reply:
    return lan_http.ask_http(HERE, port, "GET", "/", auth=None, body=b"", headers={}, tls=False)


def flood(link: socket.socket) -> None:
    link.recv(4096)
    link.sendall(OK + b"Content-Length: 10000000000\r\n\r\n")
    while True:
        link.sendall(bytes(1 << 20))


def endless_chunks(link: socket.socket) -> None:
    link.recv(4096)
    link.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        link.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")


def short_body(link: socket.socket) -> None:
    link.recv(4096)
    link.sendall(OK + b"Content-Length: 5000\r\n\r\nfour")


def drip(link: socket.socket) -> None:
    link.recv(4096)
    link.sendall(OK + b"Content-Length: 5000\r\n\r\n")
    while True:
        link.sendall(b".")
        time.sleep(0.05)


@pytest.mark.parametrize("act", [flood, endless_chunks, short_body, drip])
def test_H07_bodies_without_end(far: Any, act: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """10 GB, endless chunks, a wrong length, a drip: cut at a size and a time, kept so far, marked as cut."""
    monkeypatch.setattr(lan_http, "LONGEST", PATIENCE)
    began = time.monotonic()
    reply = get(far(act).port)
    assert time.monotonic() - began < PATIENCE + 3.0
    assert reply.status == 200
    assert not reply.complete
    assert 0 < len(reply.body) <= lan_http.LARGEST + (1 << 20)


def damaged(whole: bytes, seed: int) -> Iterator[bytes]:
    """Cut, lengthened and changed forms of `whole`; each byte once set to each of a few telling values."""
    chance = random.Random(seed)
    for at in range(len(whole)):
        yield whole[:at]
        for value in (0x00, 0x7F, 0x80, 0x84, 0xFF):
            yield whole[:at] + bytes([value]) + whole[at + 1 :]
    for _ in range(200):
        yield bytes(chance.randrange(256) for _ in range(chance.randrange(200)))


NAMES = ["a" * 63 + ".example", "*", "xn--", "<script>.example", "../../etc.example", "a\x00b.example"]


def certificate() -> tuple[bytes, bytes]:
    """A certificate (DER) with hostile names and a weak key, and it with its key as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "\x1b[31mred\r\nHost: x")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in NAMES]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.DER), made.public_bytes(serialization.Encoding.PEM) + secret


def test_H13_certificates_with_hostile_names_weak_keys_and_wrong_lengths(far: Any, tmp_path: Path) -> None:
    """Names come as text, damaged DER as nothing; a weak key is told with its handshake, for the clause to judge."""
    der, pem = certificate()
    names, issuer = certificate_names(der)
    assert names == ["\x1b[31mred\r\nHost: x", *NAMES]
    assert "red" in issuer
    for each in damaged(der, 13):
        found, _ = certificate_names(each)
        assert all(isinstance(name, str) for name in found)

    (tmp_path / "own.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(tmp_path / "own.pem")
    hello = greet_tls(HERE, far(lambda link: context.wrap_socket(link, server_side=True).recv(1)).port)
    assert hello.certificate == der


CBOR = bytes.fromhex("a2 64 66616365 58 20") + bytes(range(32)) + bytes.fromhex("61 6e 19 03e8")
DER = bytes.fromhex("30 25 04 20") + bytes(range(32)) + bytes.fromhex("02 01 05")
PROTOBUF = bytes.fromhex("08 96 01 12 20") + bytes(range(32))


@pytest.mark.parametrize(
    ("read", "whole"), [(cbor, CBOR), (asn1, DER), (protobuf, PROTOBUF), (msgpack, b""), (bson, b""), (plist, b"")]
)
def test_H13_structures_with_wrong_lengths(read: Any, whole: bytes) -> None:
    """CBOR, ASN.1, TLV with each length wrong in turn: taken as a whole or not at all, in bounded time."""
    if whole:
        assert [child.data for child in read(whole) or []] == [bytes(range(32))]
    began = time.process_time()
    for each in damaged(whole or CBOR + DER + PROTOBUF, 31):
        for child in read(each) or []:
            assert 0 <= child.start <= child.end <= len(each)
    assert time.process_time() - began < DEADLINE


def test_H14_a_redirect_is_an_answer_and_nobody_goes_there(far: Any) -> None:
    """A redirect to the bench itself or far away: reported as what was answered; nothing connects to its target."""
    inside = far(lambda link: link.sendall(OK + b"Content-Length: 0\r\n\r\n"))
    for target in (f"http://{HERE}:{inside.port}/admin", "http://far.example/x", "file:///etc/passwd", "//x.example"):

        def act(link: socket.socket, target: str = target) -> None:
            link.recv(4096)
            link.sendall(f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode())

        reply = get(far(act).port)
        assert (reply.status, reply.headers["location"]) == (302, target)
    time.sleep(0.2)
    assert inside.taken == 0


def many_headers(link: socket.socket) -> None:
    link.recv(4096)
    link.sendall(OK + b"".join(b"Set-Cookie: c%d=%s\r\n" % (n, b"x" * 900) for n in range(10_000)) + b"\r\n")


def endless_header(link: socket.socket) -> None:
    link.recv(4096)
    link.sendall(OK + b"X: ")
    while True:
        link.sendall(b"y" * 65536)


@pytest.mark.parametrize("act", [many_headers, endless_header])
def test_H15_headers_without_end(far: Any, act: Any) -> None:
    """10,000 cookies, a header without end: refused as no HTTP after a bounded read."""
    began = time.monotonic()
    with pytest.raises(DeviceError) as refused:
        get(far(act).port)
    assert refused.value.code == "DUT-LAN-001"
    assert len(str(refused.value)) < 1000
    assert time.monotonic() - began < lan_http.LONGEST + 3.0


def test_H15_a_handshake_without_end(far: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A TLS server that drips a record for ever: given up in time, as a service that does not answer."""
    monkeypatch.setattr("pytest_conformance.devices.channels.lan_tls.LONGEST", PATIENCE)

    def act(link: socket.socket) -> None:
        link.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")
        while True:
            link.sendall(b"\x00")
            time.sleep(0.05)

    began = time.monotonic()
    with pytest.raises((LinkError, DeviceError)):
        greet_tls(HERE, far(act).port)
    assert time.monotonic() - began < PATIENCE + 3.0


LABELS = [
    "\x1b[2J\x07\x00",
    "$(reboot)",
    "=cmd|' /C calc'!A0",
    "S/N ; MAC ; pairing password",
    "S/N \x1b[31mA1; MAC zz:zz; pairing password $(id)",
    "S/N " + "A" * 4000,
]


@pytest.mark.parametrize("text", LABELS)
def test_H18_a_label_that_is_none(text: str) -> None:
    """Control characters, commands, formulas on a label: text that does not fit the pattern, so no secret is read."""
    camera = object.__new__(ReferenceCamera)
    camera.access = SimpleNamespace(role=lambda name: SimpleNamespace(read=lambda sample: text))  # type: ignore[assignment]
    with pytest.raises(MethodError) as refused:
        camera.label()
    assert refused.value.code == "MET-LBL-001"
    assert "\x1b" not in str(refused.value)


ROOMS = ("analysis.traffic", "devices", "drivers", "procedures", "record", "reports")
"""Rooms through which text of a device passes; expressions elsewhere read our own and the laboratory's files."""
PROBE = r"""
import importlib, pkgutil, re, sys
package = importlib.import_module(sys.argv[1])
found = [each.name for each in pkgutil.walk_packages(getattr(package, "__path__", []), package.__name__ + ".")]
tried = 0
for name in [package.__name__, *found]:
    for pattern in vars(importlib.import_module(name)).values():
        if not isinstance(pattern, re.Pattern):
            continue
        wide = isinstance(pattern.pattern, str)
        letters = set(pattern.pattern if wide else pattern.pattern.decode("latin-1")) - set("\\[](){}|^$*+?")
        for letter in sorted(letters | set("a0 \t\n<\"'=,;:.-/")):
            for text in (letter * 20_000, ("a" + letter) * 10_000, (letter + " ") * 10_000):
                given = text + "\x01" if wide else (text + "\x01").encode("latin-1", "replace")
                pattern.search(given)
                pattern.fullmatch(given)
        tried += 1
print(tried)
"""


@pytest.mark.parametrize("room", ROOMS)
def test_H21_no_expression_takes_long_on_hostile_text(room: str) -> None:
    """Each expression that device text meets, on 20,000 characters chosen against it, ends well before a deadline."""
    name = f"pytest_conformance.{room}"
    done = subprocess.run([sys.executable, "-c", PROBE, name], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


def test_H21_the_probe_finds_an_expression_that_takes_long(tmp_path: Path) -> None:
    """What the probe is for: an expression that goes back again and again does not end in time."""
    (tmp_path / "slow.py").write_text("import re\nSLOW = re.compile(r'(a+)+$')\n")
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", PROBE, "slow"], cwd=tmp_path, capture_output=True, timeout=3.0)

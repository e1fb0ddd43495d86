from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest

from pytest_conformance.clock import RealClock
from pytest_conformance.drivers.interception import Authority, Impostor, alert_of
from pytest_conformance.drivers.roles import Handshake

HOST = "api.cloud.example"


@pytest.fixture
def impostor() -> Iterator[Impostor]:
    impostor = Impostor(HOST, RealClock())
    yield impostor
    impostor.close()


def secure(impostor: Impostor, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(impostor.address, timeout=5)
    return context.wrap_socket(plain, server_hostname=HOST)


def credulous(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = version
    return context


def wary(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.maximum_version = version
    return context


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_verifies_refuses_with_an_alert(impostor: Impostor, version: ssl.TLSVersion) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        secure(impostor, wary(version))
    assert impostor.handshakes() == (Handshake(HOST, False, "unknown_ca", 0),)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_trusts_anyone_completes_and_its_bytes_are_counted(
    impostor: Impostor, version: ssl.TLSVersion
) -> None:
    with secure(impostor, credulous(version)) as client:
        client.sendall(b"x" * 1234)
    assert impostor.handshakes() == (Handshake(HOST, True, "", 1234),)


def test_a_client_that_completes_and_says_nothing_leaked_nothing(impostor: Impostor) -> None:
    secure(impostor, credulous(ssl.TLSVersion.TLSv1_3)).close()
    assert impostor.handshakes() == (Handshake(HOST, True, "", 0),)


def test_plain_text_is_no_handshake(impostor: Impostor) -> None:
    with socket.create_connection(impostor.address, timeout=5) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert impostor.handshakes() == (Handshake(HOST, False, "no-tls", 18),)


def test_a_client_that_leaves_at_once_completed_nothing(impostor: Impostor) -> None:
    socket.create_connection(impostor.address, timeout=5).close()
    RealClock().wait_for(impostor.handshakes, 5)
    assert impostor.handshakes() == (Handshake(HOST, False, "closed", 0),)


def test_after_closing_nobody_is_answered(impostor: Impostor) -> None:
    place = impostor.address
    impostor.close()
    impostor.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(place, timeout=5)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (TimeoutError(), "timeout"),
        (ConnectionResetError(), "reset"),
        (ssl.SSLEOFError(), "closed"),
        (OSError(), "closed"),
    ],
)
def test_every_ending_has_a_name(error: OSError, name: str) -> None:
    assert alert_of(error) == name


class Refusing:
    """A connection that is refused after its handshake, as clients that pin a key after TLS 1.3 completed do."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)
        self.closed = False

    def settimeout(self, seconds: float) -> None: ...

    def recv(self, size: int) -> bytes:
        if self._pieces:
            return self._pieces.pop(0)
        error = ssl.SSLError(1, "[SSL: TLSV1_ALERT_BAD_CERTIFICATE]")
        error.reason = "TLSV1_ALERT_BAD_CERTIFICATE"
        raise error

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [((), Handshake(HOST, False, "bad_certificate", 0)), ((b"abc",), Handshake(HOST, True, "", 3))],
)
def test_an_alert_before_the_first_byte_is_a_refusal(
    impostor: Impostor, pieces: tuple[bytes, ...], expected: Handshake
) -> None:
    connection = Refusing(*pieces)
    assert impostor._listen_to(connection) == expected  # type: ignore[arg-type]
    assert connection.closed


@pytest.mark.parametrize(
    ("looks_at_the_name", "named", "completes"),
    [(True, HOST, True), (True, "elsewhere.invalid", False), (False, "elsewhere.invalid", True)],
)
def test_a_trusted_certificate_of_another_host_fools_who_does_not_look_at_the_name(
    looks_at_the_name: bool, named: str, completes: bool
) -> None:
    authority = Authority("Bench authority")
    impostor = Impostor(HOST, RealClock(), shown=authority.context(named))
    client = ssl.create_default_context(cadata=authority.pem)
    client.check_hostname = looks_at_the_name
    try:
        if completes:
            secure(impostor, client).close()
        else:
            with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
                secure(impostor, client)
        assert [each.completed for each in impostor.handshakes()] == [completes]
    finally:
        impostor.close()

"""The TLS impostor: answers on loopback (or the bench's network) with a certificate that no device may trust."""

from __future__ import annotations

import contextlib
import datetime
import select
import socket
import ssl
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pytest_conformance.clock import Clock
from pytest_conformance.drivers.roles import Handshake

_HANDSHAKE_WITHIN = 10.0
_IDLE = 1.0
"""Seconds without a byte after which a completed connection is closed."""
_KEPT = 1 << 24
"""Bytes that one connection may send before it is cut."""
_SETTLE_WITHIN = 5.0


class Impostor:
    """Listens and counts what clients of `host` do with a self-signed certificate in its name, or with `shown`.

    Plain TCP clients count too: a handshake that was not completed, alert "no-tls", and the bytes that they sent.
    """

    def __init__(self, host: str, clock: Clock, listen: str = "127.0.0.1", shown: ssl.SSLContext | None = None) -> None:
        self._host = host
        self._clock = clock
        self._context = shown or untrusted_context(host)
        self._lock = threading.Lock()
        self._done: list[Handshake] = []
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server((listen, 0))
        self._thread = threading.Thread(target=self._run, name=f"impostor-{host}", daemon=True)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._listener.getsockname()[:2]
        return str(host), int(port)

    def handshakes(self) -> Sequence[Handshake]:
        """Return what came so far, once conversations that are under way have ended (at most 5 s of wall time)."""
        with self._clock.realtime():
            self._clock.wait_for(self._settled, _SETTLE_WITHIN)
        with self._lock:
            return tuple(self._done)

    def _settled(self) -> bool:
        """Say whether nobody is being answered, and nobody who connected waits to be."""
        with self._lock:
            return not self._open and not _waiting(self._listener)

    def close(self) -> None:
        """Stop listening and drop what is open; safe to call twice."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        while _waiting(self._listener, None):
            with self._lock:
                try:
                    connection, _ = self._listener.accept()
                except OSError:
                    return
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), name="impostor", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        result = self._converse(connection)
        with self._lock:
            self._done.append(result)
            self._open.discard(connection)

    def _converse(self, connection: socket.socket) -> Handshake:
        connection.settimeout(_HANDSHAKE_WITHIN)
        try:
            first = connection.recv(1, socket.MSG_PEEK)
        except OSError as error:
            connection.close()
            return Handshake(self._host, False, alert_of(error), 0)
        if first != b"\x16":
            count, _ = _drain(connection)
            return Handshake(self._host, False, "no-tls" if count else "closed", count)
        try:
            secure = self._context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False)
        except OSError as error:
            connection.close()
            return Handshake(self._host, False, alert_of(error), 0)
        return self._listen_to(secure)

    def _listen_to(self, secure: ssl.SSLSocket) -> Handshake:
        """Count application bytes; an alert before the first byte is a refusal after the handshake (TLS 1.3)."""
        count, alert = _drain(secure)
        refused = count == 0 and alert not in ("", "closed")
        return Handshake(self._host, not refused, alert if refused else "", count)


def _waiting(listener: socket.socket, within: float | None = 0.0) -> bool:
    """Say whether a client waits to be accepted, within so many seconds (None: wait for one). False once closed."""
    try:
        return bool(select.select([listener], [], [], within)[0])
    except (OSError, ValueError):
        return False


def _drain(connection: socket.socket) -> tuple[int, str]:
    """Read until the other side ends or falls silent, and close; return the bytes and the TLS alert that ended them."""
    connection.settimeout(_IDLE)
    count, alert = 0, ""
    try:
        while count < _KEPT and (data := connection.recv(65536)):
            count += len(data)
    except ssl.SSLError as error:
        alert = alert_of(error)
    except OSError:
        pass
    connection.close()
    return count, alert


def alert_of(error: OSError) -> str:
    """Name how a handshake ended: the TLS alert in lower case ("unknown_ca"), "closed", "reset" or "timeout"."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionResetError):
        return "reset"
    if isinstance(error, ssl.SSLEOFError) or not isinstance(error, ssl.SSLError):
        return "closed"
    reason = error.reason or ""
    name = reason.rpartition("ALERT_")[2] or reason
    return name.lower() or "closed"


def untrusted_context(host: str) -> ssl.SSLContext:
    """Return a server context with a fresh self-signed certificate for `host`."""
    return Authority(host).own_context()


class Authority:
    """A certificate authority made anew: a device may be told to trust it, and then be shown what it signed."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        basic = x509.BasicConstraints(ca=True, path_length=0)
        self._certificate = _certificate(name, self._name, self._key.public_key(), basic, self._key)

    @property
    def pem(self) -> str:
        """The certificate of the authority, PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def own_context(self) -> ssl.SSLContext:
        """Return a server context that shows the certificate of the authority itself."""
        return _context(self._key, self._certificate)

    def context(self, host: str) -> ssl.SSLContext:
        """Return a server context with a fresh certificate for `host` that the authority signed."""
        key = ec.generate_private_key(ec.SECP256R1())
        basic = x509.BasicConstraints(ca=False, path_length=None)
        return _context(key, _certificate(host, self._name, key.public_key(), basic, self._key))


def _named(host: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])


def _certificate(
    host: str,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    basic: x509.BasicConstraints,
    signer: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_named(host))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(basic, critical=True)
        .sign(signer, hashes.SHA256())
    )


def _context(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> ssl.SSLContext:
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "impostor.pem")
        path.touch(mode=0o600)
        path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
        context.load_cert_chain(path)
    return context

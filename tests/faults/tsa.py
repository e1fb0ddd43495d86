"""A time-stamp authority on loopback: openssl's, behind HTTP, with ways to misbehave."""

from __future__ import annotations

import datetime
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CONFIG = """
[tsa]
default_tsa = own
[own]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256, sha512
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
"""
Misbehaviour = Callable[[bytes], bytes]


class Tsa:
    """An authority with a root of its own. `spoil`, when set, changes each answer; `asked` holds the requests."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.roots = folder / "roots.pem"
        self.spoil: Misbehaviour | None = None
        self.asked: list[bytes] = []
        self._certify()
        (folder / "openssl.cnf").write_text(CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")
        self._server: ThreadingHTTPServer | None = None
        self.url = "http://127.0.0.1:9/"
        """Nobody listens there: an authority out of reach."""

    def start(self) -> None:
        tsa = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                tsa.asked.append(body)
                answer = tsa.answer(body)
                if tsa.spoil is not None:
                    answer = tsa.spoil(answer)
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def answer(self, request: bytes) -> bytes:
        """Return the DER response of `openssl ts -reply` to the DER request."""
        query = self.folder / "query"
        query.write_bytes(request)
        command = ["openssl", "ts", "-reply", "-config", "openssl.cnf", "-section", "own", "-queryfile", "query"]
        keys = ["-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "reply"]
        subprocess.run([*command, *keys], cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "reply").read_bytes()

    def _certify(self) -> None:
        root_key, own_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root_name, own_name = (
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in ("Test Root", "Test TSA")
        )
        root = _builder(root_name, root_name, root_key, ca=True).sign(root_key, hashes.SHA256())
        stamping = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        own = _builder(own_name, root_name, own_key, ca=False).add_extension(stamping, critical=True)
        pem = serialization.Encoding.PEM
        self.roots.write_bytes(root.public_bytes(pem))
        (self.folder / "tsa.pem").write_bytes(own.sign(root_key, hashes.SHA256()).public_bytes(pem))
        (self.folder / "tsa.key").write_bytes(
            own_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )

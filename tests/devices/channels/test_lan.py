"""The local network channel against small real servers on loopback."""

from __future__ import annotations

import asyncio
import base64
import datetime
import errno
import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pytest_conformance.clock import RealClock
from pytest_conformance.devices.channels import lan_http, lan_ports, lan_rtsp
from pytest_conformance.devices.channels.lan import Lan, LanChannel
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.errors import DeviceError, LinkError

USER, PASSWORD = "admin", 'right "horse" \u00fc'
HERE = "127.0.0.1"


@pytest.fixture
def lan() -> Lan:
    return Lan(HERE, RealClock())


class Web(BaseHTTPRequestHandler):
    """What a device's web server does: open page, Basic, Digest, large, cut and endless answers."""

    protocol_version = "HTTP/1.1"
    tries = 0

    def do_GET(self) -> None:
        kind = self.path.partition("?")[0]
        if kind == "/basic":
            self._basic()
        elif kind == "/digest":
            self._digest()
        elif kind == "/large":
            self._reply(200, b"x" * (lan_http.LARGEST + 5))
        elif kind == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True
        elif kind == "/redirect":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.2/")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._reply(200 if kind == "/" else 404, b"hello")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._reply(201, body + self.headers.get("X-Given", "").encode())

    def _basic(self) -> None:
        type(self).tries += 1
        token = self.headers.get("Authorization", "").removeprefix("Basic ")
        if self.tries > 3:
            self._reply(429, b"", ("Retry-After", "60"))
        elif base64.b64decode(token) == f"{USER}:{PASSWORD}".encode():
            self._reply(200, b"in")
        else:
            self._reply(401, b"", ("WWW-Authenticate", 'Basic realm="cam"'))

    def _digest(self) -> None:
        said = self.headers.get("Authorization", "")
        want = (
            "WWW-Authenticate",
            'Digest realm="c, am", qop="auth,auth-int", nonce="n1", algorithm=SHA-256, opaque="o"',
        )
        if not said.startswith("Digest "):
            self._reply(401, b"", want)
            return
        found = {name: quoted or bare for name, quoted, bare in lan_http.CHALLENGE.findall(said)}
        ha1 = hashlib.sha256(f"{USER}:c, am:secret".encode()).hexdigest()
        ha2 = hashlib.sha256(f"GET:{found['uri']}".encode()).hexdigest()
        right = hashlib.sha256(f"{ha1}:n1:{found['nc']}:{found['cnonce']}:{found['qop']}:{ha2}".encode()).hexdigest()
        ok = found["response"] == right and found["opaque"] == "o"
        self._reply(200 if ok else 401, b"in" if ok else b"", want)

    def _reply(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


class Quiet(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None: ...


@pytest.fixture
def web() -> Iterator[int]:
    handler = type("Handler", (Web,), {"tries": 0})
    with Quiet((HERE, 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """Return a function that serves each connection with the given function and returns the port."""
    listeners: list[socket.socket] = []

    def start(act: Callable[[socket.socket], None]) -> int:
        listener = socket.create_server((HERE, 0))
        listeners.append(listener)

        def run() -> None:
            while True:
                try:
                    link, _ = listener.accept()
                except OSError:
                    return
                with link:
                    try:
                        act(link)
                    except OSError:
                        continue

        threading.Thread(target=run, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.close()


def unused(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as link:
        link.bind((HERE, 0))
        return int(link.getsockname()[1])


# --- HTTP ------------------------------------------------------------------------------------------------------------


def test_a_request_returns_status_headers_body_and_time(lan: Lan, web: int) -> None:
    reply = lan.http("GET", "/", port=web)
    assert (reply.status, reply.body, reply.complete) == (200, b"hello", True)
    assert reply.headers["content-length"] == "5"
    assert 0 < reply.seconds < 5


def test_body_and_headers_are_sent(lan: Lan, web: int) -> None:
    assert lan.http("POST", "/x", port=web, body=b"data", headers={"X-Given": "!"}).body == b"data!"


def test_a_redirect_is_an_answer_and_not_followed(lan: Lan, web: int) -> None:
    assert lan.http("GET", "/redirect", port=web).status == 302


def test_basic_credentials_open_and_wrong_ones_do_not(lan: Lan, web: int) -> None:
    assert lan.http("GET", "/basic", port=web).status == 401
    assert lan.http("GET", "/basic", port=web, auth=(USER, "wrong")).status == 401
    assert lan.http("GET", "/basic", port=web, auth=(USER, PASSWORD)).status == 200


def test_a_digest_challenge_is_answered(lan: Lan, web: int) -> None:
    assert lan.http("GET", "/digest?a=1", port=web, auth=(USER, "secret")).status == 200
    assert lan.http("GET", "/digest", port=web, auth=(USER, "wrong")).status == 401
    assert lan.http("GET", "/digest", port=web).status == 401


def test_the_digest_example_of_the_standard_is_computed() -> None:
    challenge = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c"'
    answer = lan_http.digest(challenge, "GET", "/dir/index.html", ("Mufasa", "Circle Of Life"))
    assert answer is not None
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in answer


@pytest.mark.parametrize(
    "challenge", ["", "Basic realm=x", 'Digest nonce="n", algorithm=MD5-sess', 'Digest qop="auth-int"']
)
def test_a_challenge_that_cannot_be_answered_is_not(challenge: str) -> None:
    assert lan_http.digest(challenge, "GET", "/", ("a", "b")) is None


def test_a_hostile_challenge_takes_no_time() -> None:
    begun = time.monotonic()
    lan_http.digest("Digest " + 'a="' * 50_000 + " " * 50_000, "GET", "/", ("a", "b"))
    lan_http.digest("Digest " + "a " * 500_000, "GET", "/", ("a", "b"))
    assert time.monotonic() - begun < 1.0


def test_a_body_beyond_the_cap_is_cut_and_said_so(lan: Lan, web: int) -> None:
    reply = lan.http("GET", "/large", port=web)
    assert len(reply.body) == lan_http.LARGEST
    assert not reply.complete


def test_a_body_that_ends_early_is_kept_and_said_so(lan: Lan, web: int) -> None:
    reply = lan.http("GET", "/cut", port=web)
    assert (reply.body, reply.complete) == (b"half", False)


def test_a_body_that_drips_for_ever_is_cut(lan: Lan, serve, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(lan_http, "LONGEST", 0.5)

    def drip(link: socket.socket) -> None:
        link.recv(1000)
        link.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            link.sendall(b".")
            time.sleep(0.05)

    reply = lan.http("GET", "/", port=serve(drip))
    assert not reply.complete
    assert 0.4 < reply.seconds < 3


def test_a_closed_port_is_a_link_error(lan: Lan) -> None:
    with pytest.raises(LinkError) as caught:
        lan.http("GET", "/", port=unused())
    assert caught.value.code == "BEN-LNK-051"


def test_a_server_that_hangs_up_is_a_link_error(lan: Lan, serve) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(LinkError):
        lan.http("GET", "/", port=serve(lambda link: link.recv(1)))


def test_a_server_that_stays_silent_is_a_link_error(lan: Lan, serve, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(lan_http, "LONGEST", 0.3)
    with pytest.raises(LinkError):
        lan.http("GET", "/", port=serve(lambda link: time.sleep(1)))


def test_what_is_not_http_is_told_as_the_devices_matter(lan: Lan, serve) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DeviceError) as caught:
        lan.http("GET", "/", port=serve(lambda link: link.sendall(b"SSH-2.0-x\r\n") or link.recv(1000)))
    assert caught.value.code == "DUT-LAN-001"


def test_logins_are_timed_one_by_one(lan: Lan, web: int) -> None:
    tries = [(USER, "1"), (USER, "2"), (USER, PASSWORD), (USER, PASSWORD)]
    attempts = lan.login("/basic", tries, port=web)
    assert [attempt.accepted for attempt in attempts] == [False, False, True, False]
    assert [attempt.status for attempt in attempts] == [401, 401, 200, 429]
    assert attempts[-1].retry_after == "60"
    assert [attempt.at for attempt in attempts] == sorted(attempt.at for attempt in attempts)
    assert all(attempt.seconds > 0 for attempt in attempts)


def test_a_login_of_the_devices_own_kind_can_be_given(lan: Lan, web: int) -> None:
    attempts = lan.login(
        "/",
        [("a", "b")],
        send=lambda user, password: lan.http("POST", "/l", port=web, body=f"{user}{password}".encode()),
    )
    assert [attempt.status for attempt in attempts] == [201]


def test_logins_end_where_the_device_stops_to_answer(lan: Lan, serve) -> None:  # type: ignore[no-untyped-def]
    answers = iter([b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"])

    def act(link: socket.socket) -> None:
        link.recv(1000)
        link.sendall(next(answers, b""))

    port = serve(act)
    assert [attempt.status for attempt in lan.login("/", [("a", str(n)) for n in range(5)], port=port)] == [401]
    with pytest.raises(LinkError):
        lan.login("/", [("a", "b")], port=port)


# --- ports -----------------------------------------------------------------------------------------------------------


def test_a_full_scan_finds_the_open_ports_in_time() -> None:
    address = "127.77.0.51"
    listeners = [socket.create_server((address, port)) for port in (1, 554, 8080, 65535)]
    try:
        begun = time.process_time()
        scan = Lan(address, RealClock()).tcp_ports()
        took = time.process_time() - begun
    finally:
        for listener in listeners:
            listener.close()
    assert {1, 554, 8080, 65535} <= set(scan.open)
    assert len(scan.open) + len(scan.own) + scan.refused + scan.silent == 65535
    assert scan.silent == 0
    assert took < 60, "processor time, which grows on a busy machine, but not like waiting for every port"


def test_a_service_of_the_bench_itself_is_not_taken_for_one_of_a_device_on_loopback() -> None:
    with socket.create_server(("0.0.0.0", 0)) as own, socket.create_server(("127.77.0.51", 0)) as device:
        ports = [own.getsockname()[1], device.getsockname()[1]]
        scan = Lan("127.77.0.51", RealClock()).tcp_ports(ports)
    assert (scan.open, scan.own) == ((ports[1],), (ports[0],))


def test_a_closed_port_is_not_open(lan: Lan) -> None:
    scan = lan.tcp_ports([unused()])
    assert (scan.open, scan.refused) == ((), 1)


def test_a_port_that_answers_nothing_is_counted_as_silent(lan: Lan) -> None:
    """A listener whose queue is full drops what comes, as a filtered port does."""
    with socket.socket() as listener:
        listener.bind((HERE, 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fill = [socket.socket() for _ in range(4)]
        for link in fill:
            link.setblocking(False)
            link.connect_ex((HERE, port))
        time.sleep(0.1)
        scan = lan.tcp_ports([port], timeout=0.2)
        for link in fill:
            link.close()
    assert (scan.open, scan.refused, scan.silent) == ((), 0, 1)


def test_a_scan_inside_a_running_event_loop_works(lan: Lan) -> None:
    async def main() -> int:
        return lan.tcp_ports([unused()]).refused

    assert asyncio.run(main()) == 1


def test_a_scan_without_sockets_is_a_bench_error_not_closed_ports(lan: Lan, monkeypatch: pytest.MonkeyPatch) -> None:
    made = lan_ports._new_socket
    left = iter(range(100))

    def scarce(address: str, kind: socket.SocketKind) -> socket.socket:
        if next(left, None) is None:
            raise OSError(errno.EMFILE, "Too many open files")
        return made(address, kind)

    monkeypatch.setattr(lan_ports, "_new_socket", scarce)
    with pytest.raises(LinkError, match="Too many open files") as caught:
        lan.tcp_ports(range(1, 500))
    assert caught.value.code == "BEN-LNK-052"


def test_an_address_without_a_route_is_a_bench_error() -> None:
    with pytest.raises(LinkError) as caught:
        Lan("not an address", RealClock()).tcp_ports([80])
    assert caught.value.code == "BEN-LNK-052"


def test_udp_ports_are_open_closed_or_silent(lan: Lan) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as talks,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute,
    ):
        talks.bind((HERE, 0))
        mute.bind((HERE, 0))

        def answer() -> None:
            _, peer = talks.recvfrom(2048)
            talks.sendto(b"here", peer)

        threading.Thread(target=answer, daemon=True).start()
        open_, silent, closed = talks.getsockname()[1], mute.getsockname()[1], unused(socket.SOCK_DGRAM)
        states = lan.udp_ports([open_, silent, closed], timeout=0.3)
    assert states == {open_: "open", silent: "silent", closed: "closed"}


def test_the_probes_are_what_their_services_understand() -> None:
    from pytest_conformance.devices.channels.lan_ports import UDP_PROBES

    snmp = UDP_PROBES[161]
    assert snmp[1] == len(snmp) - 2
    assert len(UDP_PROBES[123]) == 48
    assert len(UDP_PROBES[53]) == 30
    assert UDP_PROBES[5683].endswith(b"\x04core")


# --- RTSP ------------------------------------------------------------------------------------------------------------

SDP = (
    "v=0\r\nm=audio 0 RTP/AVP 0\r\na=control:track1\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track2\r\n"
)


class Rtsp:
    """A camera: `guard` is "", "basic" or "digest"; `media` what it sends after PLAY."""

    def __init__(self, guard: str = "", media: bytes = b"$\x00\x00\x05hello") -> None:
        self.guard = guard
        self.media = media
        self.asked: list[str] = []

    def __call__(self, link: socket.socket) -> None:
        rest = b""
        while True:
            while b"\r\n\r\n" not in rest:
                piece = link.recv(4096)
                if not piece:
                    return
                rest += piece
            head, _, rest = rest.partition(b"\r\n\r\n")
            self._answer(link, head.decode())

    def _answer(self, link: socket.socket, head: str) -> None:
        method, url, _ = head.split("\r\n")[0].split(" ")
        number = lan_http.re.search(r"CSeq: (\d+)", head)[1]  # type: ignore[index]
        self.asked.append(f"{method} {url.rpartition('/')[2]}")

        def say(status: str, *headers: str, body: str = "") -> None:
            more = [f"Content-Length: {len(body)}"] if body else []
            link.sendall("\r\n".join([f"RTSP/1.0 {status}", f"CSeq: {number}", *headers, *more, "", body]).encode())

        if method != "OPTIONS" and self.guard and not self._let(head, method, url):
            challenge = 'Digest realm="r", nonce="n"' if self.guard == "digest" else 'Basic realm="r"'
            say("401 Unauthorized", f"WWW-Authenticate: {challenge}")
        elif method == "DESCRIBE":
            say("200 OK", "Content-Type: application/sdp", f"Content-Base: {url}/", body=SDP)
        elif method == "SETUP":
            say("200 OK", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 77;timeout=60")
        elif method == "PLAY":
            assert "Session: 77\r" in head + "\r"
            say("200 OK")
            link.sendall(self.media)
        else:
            say("200 OK")

    def _let(self, head: str, method: str, url: str) -> bool:
        if self.guard == "basic":
            return f"Authorization: Basic {base64.b64encode(b'admin:secret').decode()}" in head

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        return f'response="{md5(md5("admin:r:secret") + ":n:" + md5(f"{method}:{url}"))}"' in head


def test_an_open_camera_delivers_media_to_a_stranger(lan: Lan, serve) -> None:  # type: ignore[no-untyped-def]
    camera = Rtsp()
    media = lan.rtsp_describe("/live", port=serve(camera))
    assert (media.options, media.describe, media.setup, media.play) == (200, 200, 200, 200)
    assert media.delivered == 5
    assert media.scheme == ""
    assert "H264" in media.description
    assert "SETUP track2" in camera.asked, "the video track is asked for, not the audio"


@pytest.mark.parametrize("guard", ["basic", "digest"])
def test_a_guarded_camera_refuses_strangers_and_serves_its_owner(lan: Lan, serve, guard: str) -> None:  # type: ignore[no-untyped-def]
    port = serve(Rtsp(guard))
    stranger = lan.rtsp_describe("/live", port=port)
    assert (stranger.describe, stranger.delivered, stranger.scheme) == (401, 0, guard)
    assert lan.rtsp_describe("/live", port=port, auth=("admin", "wrong")).describe == 401
    assert lan.rtsp_describe("/live", port=port, auth=("admin", "secret")).delivered == 5


def test_a_play_without_media_delivers_nothing(lan: Lan, serve, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(lan_rtsp, "PATIENCE", 0.3)
    media = lan.rtsp_describe("/live", port=serve(Rtsp(media=b"")))
    assert (media.play, media.delivered) == (200, 0)


def test_what_is_not_rtsp_is_told_as_the_devices_matter(lan: Lan, serve) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DeviceError) as caught:
        lan.rtsp_describe("/", port=serve(lambda link: link.sendall(b"HTTP/1.1 400 Bad\r\n\r\n") or link.recv(1000)))
    assert caught.value.code == "DUT-LAN-003"


def test_an_endless_header_is_cut(lan: Lan, serve) -> None:  # type: ignore[no-untyped-def]
    def endless(link: socket.socket) -> None:
        while True:
            link.sendall(b"x" * 4096)

    with pytest.raises(DeviceError):
        lan.rtsp_describe("/", port=serve(endless))


def test_a_camera_that_is_not_there_is_a_link_error(lan: Lan) -> None:
    with pytest.raises(LinkError) as caught:
        lan.rtsp_describe("/", port=unused())
    assert caught.value.code == "BEN-LNK-051"


def test_a_hostile_description_takes_no_time() -> None:
    begun = time.monotonic()
    lan_rtsp._track("rtsp://x/", "m=video\n" + "a=x\n" * 60_000)
    lan_rtsp._track("rtsp://x/", "m=video" * 30_000)
    lan_rtsp._track("rtsp://x/", "m=video\n" * 30_000)
    assert time.monotonic() - begun < 1.0


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "camera")])
    now = datetime.datetime(2026, 1, 1)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "camera.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize(
    ("version", "name"), [(ssl.TLSVersion.TLSv1_3, "TLSv1.3"), (ssl.TLSVersion.TLSv1_2, "TLSv1.2")]
)
def test_a_tls_hello_tells_version_cipher_and_certificate(
    lan: Lan,
    serve,  # type: ignore[no-untyped-def]
    certificate: Path,
    version: ssl.TLSVersion,
    name: str,
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.minimum_version = context.maximum_version = version

    def act(link: socket.socket) -> None:
        with context.wrap_socket(link, server_side=True) as secure:
            secure.recv(1)

    hello = lan.tls_hello(serve(act))
    assert hello.version == name
    assert hello.bits >= 128
    pem = ssl.PEM_cert_to_DER_cert("-----BEGIN CERT" + certificate.read_text().partition("-----BEGIN CERT")[2])
    assert hello.certificate == pem
    assert hello.fingerprint == hashlib.sha256(pem).hexdigest()


def test_https_is_asked_without_trusting(lan: Lan, serve, certificate: Path) -> None:  # type: ignore[no-untyped-def]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def act(link: socket.socket) -> None:
        with context.wrap_socket(link, server_side=True) as secure:
            secure.recv(1000)
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    assert lan.http("GET", "/", port=serve(act), tls=True).body == b"ok"


def test_a_port_without_tls_is_told_as_the_devices_matter(lan: Lan, serve) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DeviceError) as caught:
        lan.tls_hello(serve(lambda link: link.sendall(b"220 hello\r\n") or link.recv(1000)))
    assert caught.value.code == "DUT-LAN-002"


def test_a_tls_port_that_is_closed_is_a_link_error(lan: Lan) -> None:
    with pytest.raises(LinkError):
        lan.tls_hello(unused())


def test_the_bench_file_opens_the_channel_by_its_driver(tmp_path: Path) -> None:
    opened = LanChannel.open(LanChannel.Settings(address=HERE), DriverContext("lan", RealClock(), tmp_path))
    assert opened.address == HERE
    opened.close()

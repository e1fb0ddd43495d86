import base64
import contextlib
import hashlib
import re
import socket
import struct
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from pytest_conformance.simulation.rtsp import LogIn, RtspServer, rtp_jpeg

PICTURE = cv2.imencode(".jpg", np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8))[1].tobytes()


class Peer:
    """An RTSP client by hand."""

    def __init__(self, port: int) -> None:
        self.url = f"rtsp://127.0.0.1:{port}/cam"
        self.socket = socket.create_connection(("127.0.0.1", port), 3)
        self.stream = self.socket.makefile("rb")
        self.sequence = 0

    def ask(self, method: str, url: str | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        self.sequence += 1
        lines = [f"{method} {url or self.url} RTSP/1.0", f"CSeq: {self.sequence}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self.answer()

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        while (first := self.stream.read(1)) == b"$":
            self.packet()
        status = int((first + self.stream.readline()).split()[1])
        headers = {}
        while line := self.stream.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self.stream.read(int(headers.get("content-length", "0")))

    def packet(self) -> bytes:
        channel, size = struct.unpack(">BH", self.stream.read(3))
        assert channel == 0
        return self.stream.read(size)


def serve(**options: object) -> tuple[RtspServer, Peer]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = RtspServer(listener, lambda: PICTURE, 0.02, path="/cam", **options)
    server.start()
    return server, Peer(listener.getsockname()[1])


@pytest.fixture
def served() -> Iterator[tuple[RtspServer, Peer]]:
    server, peer = serve()
    yield server, peer
    server.close()
    peer.socket.close()


def rebuild(packets: list[bytes]) -> tuple[bytes, int, int]:
    """Return the scan, width and height that the packets of one picture carry."""
    scan, width, height = b"", 0, 0
    for packet in packets:
        header = packet[12:]
        offset = int.from_bytes(header[1:4], "big")
        width, height = header[6] * 8, header[7] * 8
        body = header[8:]
        if offset == 0:
            size = struct.unpack(">H", body[2:4])[0]
            assert size == 128
            body = body[4 + size :]
        assert offset == len(scan)
        scan += body
    return scan, width, height


def test_rtp_packets_carry_the_whole_scan_in_order_with_a_marker_at_the_end() -> None:
    packets = list(rtp_jpeg(PICTURE, 65534, 9000, 7))
    scan, width, height = rebuild(packets)
    assert (width, height) == (64, 48)
    assert PICTURE.endswith(scan + b"\xff\xd9")
    assert [packet[1] >> 7 for packet in packets] == [0] * (len(packets) - 1) + [1]
    assert struct.unpack(">H", packets[1][2:4])[0] == 65535
    assert struct.unpack(">H", packets[2][2:4])[0] == 0


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"GIF89a", cv2.imencode(".jpg", np.zeros((30, 30, 3)))[1].tobytes()]
)
def test_what_is_no_fitting_jpeg_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"JPEG"):
        list(rtp_jpeg(data, 0, 0, 1))


def test_a_client_describes_sets_up_and_plays_over_one_connection(served: tuple[RtspServer, Peer]) -> None:
    server, peer = served
    status, _, body = peer.ask("DESCRIBE")
    assert status == 200
    assert b"RTP/AVP 26" in body
    status, headers, _ = peer.ask("SETUP", peer.url + "/track1", Transport="RTP/AVP/TCP;unicast;interleaved=0-1")
    assert status == 200
    session = headers["session"].partition(";")[0]
    assert peer.ask("PLAY", Session=session)[0] == 200
    packets: list[bytes] = []
    while not packets or not packets[-1][1] & 0x80:
        assert peer.stream.read(1) == b"$"
        packets.append(peer.packet())
    assert PICTURE.endswith(rebuild(packets)[0] + b"\xff\xd9")
    assert server.sessions == 1
    assert peer.ask("TEARDOWN", Session=session)[0] == 200


def test_wrong_requests_get_the_right_status(served: tuple[RtspServer, Peer]) -> None:
    _, peer = served
    assert peer.ask("DESCRIBE", peer.url + "/other")[0] == 404
    assert peer.ask("RECORD")[0] == 501
    assert peer.ask("PLAY", Session="nonsense")[0] == 454
    assert peer.ask("SETUP", Transport="RTP/AVP;multicast")[0] == 461
    assert peer.ask("SETUP", Transport="RTP/AVP;unicast;client_port=5000-5001")[0] == 461
    assert peer.ask("OPTIONS")[0] == 200


def test_endless_headers_end_the_connection(served: tuple[RtspServer, Peer]) -> None:
    _, peer = served
    peer.socket.sendall(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n")
    with contextlib.suppress(ConnectionError):
        for _ in range(5):
            peer.socket.sendall(b"X-Long: " + b"a" * 4000 + b"\r\n")
        peer.socket.sendall(b"\r\n")
        assert peer.stream.read(1) == b""


@pytest.mark.parametrize("scheme", ["basic", "digest"])
def test_only_who_knows_the_password_may_look(scheme: str) -> None:
    server, peer = serve(log_in=LogIn({"owner": "right"}.get, scheme))
    try:
        status, headers, _ = peer.ask("DESCRIBE")
        assert status == 401
        challenge = headers["www-authenticate"]
        for user, password, wanted in (("owner", "wrong", 401), ("nobody", "right", 401), ("owner", "right", 200)):
            header = credentials(scheme, challenge, user, password, peer.url)
            assert peer.ask("DESCRIBE", Authorization=header)[0] == wanted
        assert server.refused == 2
        assert peer.ask("SETUP", Transport="RTP/AVP/TCP;interleaved=0-1")[0] == 401
    finally:
        server.close()
        peer.socket.close()


def credentials(scheme: str, challenge: str, user: str, password: str, url: str) -> str:
    if scheme == "basic":
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    given = dict(re.findall(r'(\w+)="([^"]*)"', challenge))

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    first = md5(f"{user}:{given['realm']}:{password}")
    response = md5(f"{first}:{given['nonce']}:{md5(f'DESCRIBE:{url}')}")
    return (
        f'Digest username="{user}", realm="{given["realm"]}", nonce="{given["nonce"]}", '
        f'uri="{url}", response="{response}"'
    )


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_opencv_reads_pictures_over_either_transport(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fresh() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("127.0.0.1", 0))
        return made

    picture = cv2.imencode(".jpg", np.full((240, 320, 3), (30, 90, 200), np.uint8))[1].tobytes()
    listener = socket.create_server(("127.0.0.1", 0))
    server = RtspServer(
        listener, lambda: picture, 0.03, path="/cam", fresh_udp=fresh, log_in=LogIn({"owner": "secret"}.get)
    )
    server.start()
    monkeypatch.setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", f"rtsp_transport;{transport}|fflags;nobuffer")
    url = f"rtsp://owner:secret@127.0.0.1:{listener.getsockname()[1]}/cam"
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 5000, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 2000]
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, limits)
    try:
        ok, image = capture.read()
        assert ok
        assert np.abs(image[120, 160].astype(int) - (30, 90, 200)).max() < 8
    finally:
        capture.release()
        server.close()

"""An RTSP 1.0 server that sends JPEG over RTP (RFC 2326, 2435), interleaved or by UDP, with or without log-in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import re
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, Protocol

PAYLOAD = 1400
"""Bytes of a picture in one RTP packet."""
LONGEST_HEADERS = 8192
LONGEST_BODY = 65536
METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER"
_FIELD = re.compile(r'(\w+)="?([^",]*)"?')


class Datagrams(Protocol):
    """What the server needs of a UDP socket."""

    def sendto(self, data: bytes, address: Any, /) -> int: ...
    def getsockname(self) -> Any: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class LogIn:
    """Who may look. `secret` returns the password of a user, or None when there is no such user."""

    secret: Callable[[str], str | None]
    scheme: Literal["basic", "digest"] = "digest"
    realm: str = "camera"
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))

    def challenge(self) -> str:
        """Return the WWW-Authenticate header's value."""
        if self.scheme == "basic":
            return f'Basic realm="{self.realm}"'
        return f'Digest realm="{self.realm}", nonce="{self.nonce}"'

    def user(self, method: str, header: str) -> str | None:
        """Return who `header` (Authorization) proves to be, or None."""
        scheme, _, rest = header.partition(" ")
        if scheme.lower() != self.scheme:
            return None
        return self._basic(rest) if self.scheme == "basic" else self._digest(method, rest)

    def _basic(self, rest: str) -> str | None:
        with suppress(ValueError):
            name, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
            wanted = self.secret(name)
            if wanted is not None and hmac.compare_digest(wanted.encode(), password.encode()):
                return name
        return None

    def _digest(self, method: str, rest: str) -> str | None:
        given = dict(_FIELD.findall(rest))
        name = given.get("username", "")
        wanted = self.secret(name)
        if wanted is None or given.get("nonce") != self.nonce or given.get("realm") != self.realm:
            return None
        first = _md5(f"{name}:{self.realm}:{wanted}")
        second = _md5(f"{method}:{given.get('uri', '')}")
        right = _md5(f"{first}:{self.nonce}:{second}")
        return name if hmac.compare_digest(right, given.get("response", "")) else None


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class RtspServer:
    """Serves pictures that `frame()` returns (baseline JPEG), one each `period` seconds of wall time.

    `listener` is any listening socket; `fresh_udp` makes a bound UDP socket, None refuses UDP. `allowed` is asked
    for each picture: while it returns False the stream pauses (a camera in privacy mode). The server owns `listener`.
    """

    def __init__(
        self,
        listener: socket.socket,
        frame: Callable[[], bytes],
        period: float,
        *,
        path: str = "/",
        log_in: LogIn | None = None,
        fresh_udp: Callable[[], Datagrams] | None = None,
        allowed: Callable[[], bool] = lambda: True,
        name: str = "camera",
    ) -> None:
        self.frame = frame
        self.period = period
        self.path = path
        self.log_in = log_in
        self.fresh_udp = fresh_udp
        self.allowed = allowed
        self.name = name
        self.sessions = 0
        """How many streams were started."""
        self.refused = 0
        """How many requests failed to log in."""
        self._listener = listener
        self._lock = threading.Lock()
        self._peers: set[socket.socket] = set()
        self._closed = False

    def start(self) -> None:
        threading.Thread(target=self._accept, name="rtsp", daemon=True).start()

    def close(self) -> None:
        """Stop at once: the listener and every connection vanish. Safe to call twice."""
        with self._lock:
            self._closed = True
            peers, self._peers = self._peers, set()
        for each in (self._listener, *peers):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._closed:
                    peer.close()
                    return
                self._peers.add(peer)
            threading.Thread(target=self._serve, args=(peer,), name="rtsp peer", daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        conversation = _Conversation(self, peer)
        try:
            conversation.run()
        except (OSError, ValueError):
            pass
        finally:
            conversation.end()
            with self._lock:
                self._peers.discard(peer)
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()


@dataclass(frozen=True)
class _Request:
    method: str
    url: str
    headers: dict[str, str]


class _Conversation:
    """One client's connection: its session, its transport, its stream."""

    def __init__(self, server: RtspServer, peer: socket.socket) -> None:
        self._server = server
        self._peer = peer
        self._peer_host = peer.getpeername()[0]
        self._sending = threading.Lock()
        self._session = secrets.token_hex(4)
        self._send: Callable[[bytes], object] | None = None
        self._udp: list[Datagrams] = []
        self._stop = threading.Event()
        self._playing = threading.Event()
        self._started = False

    def end(self) -> None:
        self._stop.set()
        self._playing.set()
        for each in self._udp:
            each.close()

    def run(self) -> None:
        stream = self._peer.makefile("rb")
        while not self._stop.is_set():
            request = _read_request(stream)
            if request is None:
                return
            self._answer(request)

    def _answer(self, request: _Request) -> None:
        if "cseq" not in request.headers:
            self._reply(request, "400 Bad Request")
            return
        if request.method == "OPTIONS":
            self._reply(request, "200 OK", f"Public: {METHODS}")
            return
        log_in = self._server.log_in
        if log_in is not None and not log_in.user(request.method, request.headers.get("authorization", "")):
            self._server.refused += "authorization" in request.headers
            self._reply(request, "401 Unauthorized", f"WWW-Authenticate: {log_in.challenge()}")
            return
        if not self._fits(request.url):
            self._reply(request, "404 Not Found")
            return
        act = {
            "DESCRIBE": self._describe,
            "SETUP": self._set_up,
            "PLAY": self._play,
            "PAUSE": self._pause,
            "TEARDOWN": self._tear_down,
            "GET_PARAMETER": self._keep_alive,
        }.get(request.method)
        if act is None:
            self._reply(request, "501 Not Implemented", f"Public: {METHODS}")
        elif request.method in ("PLAY", "PAUSE", "TEARDOWN") and self._session_of(request) != self._session:
            self._reply(request, "454 Session Not Found")
        else:
            act(request)

    def _fits(self, url: str) -> bool:
        _, _, rest = url.partition("://")
        path = "/" + rest.partition("/")[2]
        wanted = self._server.path.rstrip("/")
        return path.rstrip("/") in (wanted, wanted + "/track1")

    @staticmethod
    def _session_of(request: _Request) -> str:
        return request.headers.get("session", "").partition(";")[0]

    def _describe(self, request: _Request) -> None:
        body = (
            f"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns={self._server.name}\r\nt=0 0\r\n"
            "m=video 0 RTP/AVP 26\r\nc=IN IP4 0.0.0.0\r\na=control:track1\r\n"
        )
        base = f"Content-Base: {request.url.rstrip('/')}/"
        self._reply(request, "200 OK", "Content-Type: application/sdp", base, body=body)

    def _set_up(self, request: _Request) -> None:
        for offer in request.headers.get("transport", "").split(","):
            transport = self._tcp(offer) if "/TCP" in offer.upper() else self._over_udp(offer)
            if transport is not None:
                self._reply(request, "200 OK", f"Session: {self._session};timeout=60", f"Transport: {transport}")
                return
        self._reply(request, "461 Unsupported Transport")

    def _tcp(self, offer: str) -> str:
        match = re.search(r"interleaved=(\d{1,3})", offer)
        channel = int(match.group(1)) & 0xFF if match else 0

        def send(packet: bytes) -> None:
            with self._sending:
                self._peer.sendall(struct.pack(">cBH", b"$", channel, len(packet)) + packet)

        self._send = send
        return f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}"

    def _over_udp(self, offer: str) -> str | None:
        match = re.search(r"client_port=(\d{1,5})", offer)
        if match is None or self._server.fresh_udp is None or "multicast" in offer:
            return None
        port = int(match.group(1))
        self._udp = [self._server.fresh_udp(), self._server.fresh_udp()]
        pictures = self._udp[0]
        self._send = lambda packet: pictures.sendto(packet, (self._peer_host, port))
        own, control = (each.getsockname()[1] for each in self._udp)
        return f"RTP/AVP;unicast;client_port={port}-{port + 1};server_port={own}-{control}"

    def _play(self, request: _Request) -> None:
        if self._send is None:
            self._reply(request, "455 Method Not Valid in This State")
            return
        self._reply(request, "200 OK", f"Session: {self._session}", "Range: npt=now-")
        self._playing.set()
        if not self._started:
            self._started = True
            self._server.sessions += 1
            threading.Thread(target=self._stream, args=(self._send,), name="rtsp stream", daemon=True).start()

    def _pause(self, request: _Request) -> None:
        self._playing.clear()
        self._reply(request, "200 OK", f"Session: {self._session}")

    def _tear_down(self, request: _Request) -> None:
        self._reply(request, "200 OK")
        self.end()

    def _keep_alive(self, request: _Request) -> None:
        self._reply(request, "200 OK", f"Session: {self._session}")

    def _reply(self, request: _Request, status: str, *headers: str, body: str = "") -> None:
        lines = [f"RTSP/1.0 {status}", f"CSeq: {request.headers.get('cseq', '0')}", *headers]
        if body:
            lines.append(f"Content-Length: {len(body.encode())}")
        with self._sending:
            self._peer.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    def _stream(self, send: Callable[[bytes], object]) -> None:
        """Send one picture each period until the conversation ends."""
        sequence, source = random.randrange(65536), random.getrandbits(32)
        begun = due = time.monotonic()
        while not self._stop.is_set():
            self._playing.wait()
            if not self._stop.is_set() and self._server.allowed():
                stamp = int((time.monotonic() - begun) * 90000)
                try:
                    for packet in rtp_jpeg(self._server.frame(), sequence, stamp, source):
                        send(packet)
                        sequence += 1
                except OSError:
                    return
            due = max(due + self._server.period, time.monotonic() - self._server.period)
            self._stop.wait(max(0.0, due - time.monotonic()))


def _read_request(stream: BinaryIO) -> _Request | None:
    """Read the next request, passing over interleaved RTCP; None at the end. ValueError: not RTSP."""
    while True:
        first = stream.read(1)
        if first == b"$":
            stream.read(struct.unpack(">BH", stream.read(3))[1])
        elif first not in (b"\r", b"\n"):
            break
    if not first:
        return None
    parts = (first + stream.readline(LONGEST_HEADERS)).decode("utf-8", "replace").split()
    if len(parts) != 3 or not parts[2].startswith("RTSP/"):
        raise ValueError("not an RTSP request")
    headers: dict[str, str] = {}
    size = 0
    while line := stream.readline(LONGEST_HEADERS):
        size += len(line)
        text = line.decode("utf-8", "replace").strip()
        if not text:
            break
        if size > LONGEST_HEADERS:
            raise ValueError("the headers are too long")
        name, _, value = text.partition(":")
        headers[name.strip().lower()] = value.strip()
    if length := headers.get("content-length"):
        if int(length) > LONGEST_BODY:
            raise ValueError("the body is too long")
        stream.read(int(length))
    return _Request(parts[0].upper(), parts[1], headers)


def rtp_jpeg(jpeg: bytes, sequence: int, timestamp: int, source: int) -> Iterator[bytes]:
    """Cut one baseline JPEG into RTP packets (RFC 2435); its sides must be multiples of 8, at most 2040.

    Raises ValueError when `jpeg` is not such a picture.
    """
    tables, width, height, kind, scan = _parse(jpeg)
    for offset in range(0, len(scan), PAYLOAD):
        part = scan[offset : offset + PAYLOAD]
        last = offset + PAYLOAD >= len(scan)
        header = struct.pack(">I", offset) + bytes((kind, 255, width // 8, height // 8))
        if offset == 0:
            header += struct.pack(">BBH", 0, 0, len(tables)) + tables
        marker = 0x80 if last else 0
        yield (
            struct.pack(">BBHII", 0x80, 26 | marker, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, source) + header + part
        )
        sequence += 1


def _parse(jpeg: bytes) -> tuple[bytes, int, int, int, bytes]:
    """Return quantisation tables, width, height, RFC 2435 type (0: 4:2:2, 1: 4:2:0) and entropy-coded scan."""
    tables, width, height, kind = b"", 0, 0, 1
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        marker = jpeg[at + 1]
        length = struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        body = jpeg[at + 4 : at + 2 + length]
        if marker == 0xDB:
            tables += b"".join(body[i + 1 : i + 65] for i in range(0, len(body), 65))
        elif marker == 0xC0:
            height, width = struct.unpack(">HH", body[1:5])
            kind = 0 if body[7] == 0x21 else 1
        elif marker == 0xDA:
            if width % 8 or height % 8 or not 8 <= width <= 2040 or not 8 <= height <= 2040:
                raise ValueError(f"{width} x {height} pixels do not fit RTP/JPEG")
            return tables, width, height, kind, jpeg[at + 2 + length : -2]
        at += 2 + length
    raise ValueError("not a baseline JPEG")

"""Ask an RTSP server (RFC 2326) for a stream as far as the first media packet: does it deliver without a password?"""

from __future__ import annotations

import base64
import re
import socket
import time
from dataclasses import dataclass

from pytest_conformance.devices.channels.lan_http import LONGEST, digest, silent
from pytest_conformance.errors import DeviceError

LARGEST = 256_000
"""Bytes of one answer that are read."""
PATIENCE = 3.0
"""Wall seconds in which a playing stream must deliver its first packet."""
STATUS = re.compile(rb"RTSP/1\.[01] (\d{3})(?: |\r\n)")
CONTROL = re.compile(
    r"^m=video[^\r\n]{0,512}\r?\n(?:[^m\r\n][^\r\n]{0,2048}\r?\n){0,64}?a=control:([^\r\n]{1,512})", re.M
)


@dataclass(frozen=True)
class Media:
    """How far a stranger came. Statuses are 0 where that step was not reached.

    `delivered`: bytes of media that came after PLAY; `scheme`: "basic", "digest" or "" as the server asked for.
    """

    options: int
    describe: int
    setup: int
    play: int
    delivered: int
    scheme: str
    description: str


def ask_rtsp(address: str, port: int, path: str, auth: tuple[str, str] | None) -> Media:
    """Walk OPTIONS, DESCRIBE, SETUP (interleaved) and PLAY; stop where the server refuses.

    Raises LinkError BEN-LNK-051 when nothing answers, DeviceError DUT-LAN-003 when what answers is not RTSP.
    """
    try:
        link = socket.create_connection((address, port), timeout=LONGEST)
    except OSError as error:
        raise silent(address, port, f"RTSP for {path}", str(error)) from error
    with link:
        try:
            return _walk(_Talk(link, address, port, path, auth))
        except OSError as error:
            raise silent(address, port, f"RTSP for {path}", str(error) or type(error).__name__) from error


class _Talk:
    """One RTSP connection."""

    def __init__(self, link: socket.socket, address: str, port: int, path: str, auth: tuple[str, str] | None) -> None:
        self._link = link
        self._where = f"{address}:{port}"
        self._auth = auth
        self._number = 0
        self._rest = b""
        self.url = f"rtsp://{address}:{port}/{path.lstrip('/')}"
        self.scheme = ""

    def ask(self, method: str, url: str, *headers: str) -> tuple[int, dict[str, str], bytes]:
        """Send a request; where the server asks for a password and there is one, answer once."""
        status, found, body = self._once(method, url, *headers)
        challenge = found.get("www-authenticate", "")
        if status == 401 and challenge:
            self.scheme = challenge.split()[0].lower()
            if (answer := self._credential(challenge, method, url)) is not None:
                status, found, body = self._once(method, url, f"Authorization: {answer}", *headers)
        return status, found, body

    def media(self) -> int:
        """Return how many bytes of interleaved media come within `PATIENCE`; ends at the first packet."""
        deadline = time.monotonic() + PATIENCE
        self._link.settimeout(PATIENCE)
        while len(self._rest) < 4 or self._rest[:1] != b"$" or len(self._rest) < 4 + self._length():
            if time.monotonic() > deadline or len(self._rest) > LARGEST:
                return 0
            try:
                piece = self._link.recv(65536)
            except TimeoutError:
                return 0
            if not piece:
                return 0
            self._rest += piece
        return self._length()

    def _length(self) -> int:
        return int.from_bytes(self._rest[2:4], "big")

    def _credential(self, challenge: str, method: str, url: str) -> str | None:
        if self._auth is None:
            return None
        if challenge.lower().startswith("basic"):
            return "Basic " + base64.b64encode(":".join(self._auth).encode()).decode()
        return digest(challenge, method, url, self._auth)

    def _once(self, method: str, url: str, *headers: str) -> tuple[int, dict[str, str], bytes]:
        self._number += 1
        text = "\r\n".join([f"{method} {url} RTSP/1.0", f"CSeq: {self._number}", *headers])
        self._link.settimeout(LONGEST)
        self._link.sendall(f"{text}\r\n\r\n".encode())
        head = self._until(b"\r\n\r\n")
        if (status := STATUS.match(head)) is None:
            raise self._stranger(head)
        found: dict[str, str] = {}
        for line in head.decode("latin-1").split("\r\n")[1:]:
            name, _, value = line.partition(":")
            found.setdefault(name.strip().lower(), value.strip())
        length = found.get("content-length", "0")
        body = self._take(min(int(length), LARGEST)) if length.isascii() and length.isdigit() else b""
        return int(status[1]), found, body

    def _until(self, mark: bytes) -> bytes:
        deadline = time.monotonic() + LONGEST
        while mark not in self._rest:
            self._more(deadline)
        head, _, self._rest = self._rest.partition(mark)
        return head + mark

    def _take(self, size: int) -> bytes:
        deadline = time.monotonic() + LONGEST
        while len(self._rest) < size:
            self._more(deadline)
        body, self._rest = self._rest[:size], self._rest[size:]
        return body

    def _more(self, deadline: float) -> None:
        if len(self._rest) > LARGEST:
            raise self._stranger(self._rest)
        if time.monotonic() > deadline:
            raise TimeoutError("the answer does not end")
        piece = self._link.recv(65536)
        if not piece:
            if self._rest:
                raise self._stranger(self._rest)
            raise ConnectionError("the server closed the connection")
        self._rest += piece

    def _stranger(self, said: bytes) -> DeviceError:
        return DeviceError(
            "DUT-LAN-003",
            f"what answers is not RTSP: {said[:80]!r}",
            where=self._where,
            expected="an RTSP response",
            todo="correct the port in the declaration",
        )


def _walk(talk: _Talk) -> Media:
    options, _, _ = talk.ask("OPTIONS", talk.url)
    describe, found, body = talk.ask("DESCRIBE", talk.url, "Accept: application/sdp")
    description = body.decode("utf-8", "replace")
    if describe != 200:
        return Media(options, describe, 0, 0, 0, talk.scheme, description)
    base = found.get("content-base") or found.get("content-location") or talk.url
    setup, found, _ = talk.ask("SETUP", _track(base, description), "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
    session = found.get("session", "").partition(";")[0]
    if setup != 200:
        return Media(options, describe, setup, 0, 0, talk.scheme, description)
    play, _, _ = talk.ask("PLAY", talk.url, f"Session: {session}", "Range: npt=0.000-")
    delivered = talk.media() if play == 200 else 0
    return Media(options, describe, setup, play, delivered, talk.scheme, description)


def _track(base: str, description: str) -> str:
    """Return the address of the first video track (RFC 2326, C.1.1); the whole stream when none is named."""
    found = CONTROL.search(description[:LARGEST])
    if found is None or found[1].strip() == "*":
        return base
    control = found[1].strip()
    return control if control.lower().startswith("rtsp://") else f"{base.rstrip('/')}/{control}"

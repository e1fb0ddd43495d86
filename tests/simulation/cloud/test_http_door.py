from __future__ import annotations

import socket
import threading

import pytest

from pytest_conformance.simulation.cloud import http_door
from pytest_conformance.simulation.cloud.accounts import Accounts
from pytest_conformance.simulation.cloud.hosts import Host, Request, Response

HOST = Host("api.cloud.example", "203.0.113.10")


class Door:
    def __init__(self) -> None:
        self.accounts = Accounts()
        self.requests: list[Request] = []

    def find(self, name: str) -> Host | None:
        return HOST if name == HOST.name else None

    def answer(self, host: Host, request: Request) -> Response:
        self.requests.append(request)
        return Response(200, b"answer", "text/plain")

    def say(self, raw: bytes) -> bytes:
        """Send raw bytes on a fresh connection, end it, and return everything that comes back."""
        near, far = socket.socketpair()
        served = (far, "device", self.find, self.accounts, self.answer)
        thread = threading.Thread(target=http_door.serve_http, args=served)
        thread.start()
        near.settimeout(5)
        near.sendall(raw)
        near.shutdown(socket.SHUT_WR)
        thread.join(5)
        far.close()
        got = b""
        while piece := near.recv(65536):
            got += piece
        near.close()
        return got


def test_requests_on_one_connection_are_answered_in_turn() -> None:
    door = Door()
    token = door.accounts.create("lock1").token
    head = f"Host: {HOST.name}:443\r\nAuthorization: Bearer {token}\r\n".encode()
    got = door.say(
        b"POST /v1/a?x=1 HTTP/1.1\r\n" + head + b"Content-Length: 3\r\n\r\nabcGET /v1/b HTTP/1.1\r\n" + head + b"\r\n"
    )
    assert got.count(b"HTTP/1.1 200") == 2
    first, second = door.requests
    assert (first.path, first.query, first.body, first.sender) == ("/v1/a", "x=1", b"abc", "device")
    assert first.account is not None
    assert first.account.name == "lock1"
    assert (second.method, second.body) == ("GET", b"")


def test_a_chunked_body_is_put_together() -> None:
    door = Door()
    head = f"POST /v1/a HTTP/1.1\r\nHost: {HOST.name}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    door.say(head + b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n")
    assert door.requests[0].body == b"abc0123456789"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Content-Length: 99999999999", b"413"),
        (b"Content-Length: -1", b"400"),
        (b"Content-Length: x", b"400"),
        (b"Content-Length: 10", b"400"),
        (b"Transfer-Encoding: chunked", b"400"),
    ],
)
def test_bad_bodies_are_refused_and_not_taken(headers: bytes, status: bytes) -> None:
    door = Door()
    got = door.say(b"POST /v1/a HTTP/1.1\r\nHost: " + HOST.name.encode() + b"\r\n" + headers + b"\r\n\r\nabc")
    assert got.split(b" ")[1] == status
    assert door.requests == []


def test_an_unknown_host_is_misdirected() -> None:
    assert Door().say(b"GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n").split(b" ")[1] == b"421"

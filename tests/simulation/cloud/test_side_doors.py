from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from pytest_conformance.simulation.cloud.side_doors import serve_coap, serve_private

Noted = list[tuple[str, bytes, str]]


@pytest.fixture
def coap() -> Iterator[tuple[socket.socket, Noted]]:
    """A client's socket connected to a CoAP door, and what it noted."""
    noted: Noted = []
    served = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    served.bind(("127.0.0.1", 0))
    serve_coap(served, lambda *what: noted.append(what))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect(served.getsockname())
        yield client, noted
    served.close()


def put(number: int, block: int, payload: bytes) -> bytes:
    head = bytes([0x42, 0x03, 0, number]) + b"to"
    return head + b"\xb1s" + b"\xd2\x03" + block.to_bytes(2, "big") + b"\xff" + payload


def test_blocks_are_acknowledged_and_the_whole_is_noted(coap: tuple[socket.socket, Noted]) -> None:
    client, noted = coap
    client.send(put(1, 0x0E, b"first "))
    assert client.recv(99)[:6] == b"\x62\x5f\x00\x01to"
    assert noted == []
    client.send(put(2, 0x16, b"last"))
    assert client.recv(99)[:6] == b"\x62\x44\x00\x02to"
    assert noted == [("coap:/s", b"first last", "127.0.0.1")]


def test_what_is_no_coap_gets_no_answer(coap: tuple[socket.socket, Noted]) -> None:
    client, noted = coap
    client.send(b"\xff\xff")
    client.send(put(3, 0x06, b"x"))
    assert client.recv(99)[2:4] == b"\x00\x03"
    assert [body for _, body, _ in noted] == [b"x"]


def test_the_private_protocol_is_read_to_its_end() -> None:
    noted: Noted = []
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, socket.create_connection(listener.getsockname(), 5) as client:
        served, _ = listener.accept()
        thread = threading.Thread(target=serve_private, args=(served, lambda *what: noted.append(what)))
        thread.start()
        client.sendall(b"one")
        client.sendall(b"two")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b"\x06"
        thread.join(5)
        served.close()
    assert noted == [("private:", b"onetwo", "127.0.0.1")]

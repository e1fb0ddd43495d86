from __future__ import annotations

import socket
import threading

import pytest

from pytest_conformance.simulation.network.splice import Listener, Splice


def test_closing_a_listener_wakes_whoever_accepts_and_tells_once() -> None:
    told: list[str] = []
    listener = Listener.adopt(socket.create_server(("127.0.0.1", 0)), lambda: told.append("closed"))
    woken = threading.Event()

    def accept() -> None:
        with pytest.raises(OSError):  # noqa: PT011 - EINVAL or EBADF, as the kernel likes
            listener.accept()
        woken.set()

    thread = threading.Thread(target=accept)
    thread.start()
    listener.close()
    listener.close()
    assert woken.wait(2)
    thread.join()
    assert told == ["closed"]


def test_bytes_and_the_end_of_each_side_pass_a_splice() -> None:
    far = socket.create_server(("127.0.0.1", 0))
    near = socket.create_server(("127.0.0.1", 0))
    splice = Splice(near, lambda: socket.create_connection(far.getsockname()))
    with socket.create_connection(near.getsockname(), timeout=5) as client:
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        served, _ = far.accept()
        with served:
            assert served.recv(100) == b"question"
            assert served.recv(100) == b""
            served.sendall(b"answer after the end of the question")
        assert client.recv(100) == b"answer after the end of the question"
        assert client.recv(100) == b""
    splice.close()
    far.close()


def test_a_connection_that_leads_nowhere_is_reset() -> None:
    def nowhere() -> socket.socket:
        raise ConnectionRefusedError

    near = socket.create_server(("127.0.0.1", 0))
    splice = Splice(near, nowhere)
    with pytest.raises(ConnectionResetError):  # by `create_connection` already, where the reset is quick
        socket.create_connection(near.getsockname(), timeout=5).recv(1)
    splice.close()

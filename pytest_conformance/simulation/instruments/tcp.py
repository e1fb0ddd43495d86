"""Loopback listeners of the simulated instruments: one thread a connection, all of them gone at once on `close()`."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable


class TcpDoor:
    """Listens on a free port of 127.0.0.1 and hands each connection to `converse` in a thread of its own.

    `converse` may let OSError leave it: the peer went away, or the door was closed.
    """

    def __init__(self, name: str, converse: Callable[[socket.socket], None]) -> None:
        self._name = name
        self._converse = converse
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()

    def open(self) -> int:
        """Begin to listen; return the port."""
        listener = socket.create_server(("127.0.0.1", 0))
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), name=f"{self._name} door", daemon=True).start()
        return int(listener.getsockname()[1])

    def close(self) -> None:
        """Close the listener and every connection without a word; safe to call twice."""
        with self._lock:
            listener, self._listener = self._listener, None
            connections, self._connections = self._connections, set()
        for each in (*connections, *([listener] if listener is not None else [])):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                if self._listener is not listener:
                    connection.close()
                    return
                self._connections.add(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), name=f"{self._name} peer", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            self._converse(connection)
        except OSError:
            pass
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()


def receive(connection: socket.socket, count: int) -> bytes:
    """Return exactly `count` bytes; ConnectionError when the peer closes before."""
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise ConnectionError("the peer closed the connection")
        parts += part
    return bytes(parts)

"""Pass a TCP connection on to another place: for diverted hosts, and for the bench's way to the device's services."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable

_CHUNK = 65536


def reset(connection: socket.socket) -> None:
    """Close `connection` so that the other side sees a reset, not an orderly end."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)
    connection.close()


class Listener(socket.socket):
    """A listening socket that tells the network when it is closed, and wakes whoever waits in `accept()`."""

    on_close: Callable[[], None] | None = None

    @classmethod
    def adopt(cls, listening: socket.socket, on_close: Callable[[], None] | None = None) -> Listener:
        """Return `listening` as a Listener; the given object is detached."""
        family, kind, protocol = listening.family, listening.type, listening.proto
        listener = cls(family, kind, protocol, fileno=listening.detach())
        listener.on_close = on_close
        return listener

    def close(self) -> None:
        hook, self.on_close = self.on_close, None
        if self.fileno() >= 0:
            with contextlib.suppress(OSError):
                self.shutdown(socket.SHUT_RDWR)
        super().close()
        if hook is not None:
            hook()


class Splice:
    """Accepts on `listener` and joins each connection with one that `reach()` opens; resets it when that fails."""

    def __init__(self, listener: socket.socket, reach: Callable[[], socket.socket]) -> None:
        self._listener = listener
        self._reach = reach
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._run, name="splice", daemon=True).start()

    def close(self) -> None:
        """Stop listening and reset what is joined."""
        self._listener.close()
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            reset(connection)

    def _run(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(near,), name="splice", daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        try:
            far = self._reach()
        except OSError:
            reset(near)
            return
        for end in (near, far):
            if end.family in (socket.AF_INET, socket.AF_INET6):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open |= {near, far}
        back = threading.Thread(target=_pump, args=(far, near), name="splice", daemon=True)
        back.start()
        _pump(near, far)
        back.join()
        with self._lock:
            self._open -= {near, far}
        near.close()
        far.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    while True:
        try:
            data = source.recv(_CHUNK)
        except OSError:
            reset(sink)
            return
        try:
            if not data:
                sink.shutdown(socket.SHUT_WR)
                return
            sink.sendall(data)
        except OSError:
            reset(source)
            return

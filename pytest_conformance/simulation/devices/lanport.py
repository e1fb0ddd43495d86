"""The device's local interface: HTTPS with the owner's password, and a lock-out against guessing."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from pytest_conformance.simulation.devices.base import Device
from pytest_conformance.simulation.devices.owner import Kept, Owner, Spec
from pytest_conformance.simulation.timeline import SECOND

LONGEST = 16_384
"""Bytes of a request that are read."""
PATIENCE = 5.0
"""Wall seconds that a client is given."""


@dataclass(frozen=True)
class Page:
    """A page behind a password. `content` returns media type and body, or None while there is nothing to give.

    `right` tells whether a password opens it; None: the owner's does.
    """

    content: Callable[[], tuple[str, bytes] | None]
    right: Callable[[str], bool] | None = None


class LanPort(Kept):
    """Asks for the owner's password; after five wrong ones in 5 min answers nobody for 300 s, power cut or not."""

    slot = "lan"
    record = "lan-lockout"
    port: ClassVar[int] = 8443
    also: ClassVar[tuple[int, ...]] = ()
    """Further ports on which something listens, silent and undeclared."""
    tries: ClassVar[int] = 5
    window: ClassVar[float] = 300.0
    seconds: ClassVar[float] = 300.0

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._listeners: list[socket.socket] = []
        self.pages = {"/state": Page(self._state_page)}
        """What is behind passwords, by path; other behaviours add theirs when they start."""

    def start(self) -> None:
        self._serve(self.port, self._answer_tls)
        for port in self.also:
            self._serve(port, self._greet)

    def stop(self) -> None:
        for listener in self._listeners:
            with contextlib.suppress(OSError):
                listener.close()

    # --- who may come in

    @property
    def locked(self) -> bool:
        """True while nobody is answered."""
        return self.world.timeline.now() < int(self.load().get("until", 0))

    def check(self, password: str, right: Callable[[str], bool] | None = None) -> int:
        """Return the HTTP status that `password` gets: 200, 401, or 429 while nobody is answered."""
        if self.locked:
            return 429
        if (right or self.right)(password):
            self.forgive()
            return 200
        self.wrong()
        return 401

    def wrong(self) -> None:
        """Count a wrong password, on this port or another one that asks for the same."""
        now = self.world.timeline.now()
        recent = [at for at in self.load().get("wrong", []) if now - at < self.window * SECOND] + [now]
        self.save({"until": now + int(self.seconds * SECOND)} if len(recent) >= self.tries else {"wrong": recent})

    def forgive(self) -> None:
        """End the count: the right password came."""
        self.save({})

    def right(self, password: str) -> bool:
        return self.device.get(Owner).knows(password)

    # --- the wire

    def _serve(self, port: int, answer: Callable[[socket.socket], None]) -> None:
        try:
            listener = self.world.net.listen(port)
        except OSError as error:
            self.device.log("fault", text=f"port {port}: {error}")
            return
        self._listeners.append(listener)
        threading.Thread(target=self._accept, args=(listener, answer), name=f"lan-{port}", daemon=True).start()

    def _accept(self, listener: socket.socket, answer: Callable[[socket.socket], None]) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.settimeout(PATIENCE)
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def _answer_tls(self, raw: socket.socket) -> None:
        context = self.world.net.authority.server_context(f"{self.device.kind}.local")
        with contextlib.suppress(OSError, ssl.SSLError), context.wrap_socket(raw, server_side=True) as line:
            request = b""
            while b"\r\n\r\n" not in request and len(request) < LONGEST:
                more = line.recv(4096)
                if not more:
                    return
                request += more
            line.sendall(self._reply(request))

    def _greet(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError), raw:
            raw.sendall(b"login: ")
            raw.recv(256)

    def _reply(self, request: bytes) -> bytes:
        path = (request.split(b" ", 2)[1:2] or [b""])[0].decode("latin-1")
        if path == "/":
            return _http(200, "application/json", _json({"model": self.device.get(Spec).spec.model}))
        page = self.pages.get(path)
        with self.device.lock:
            password = _password(request)
            status = 401 if password is None else self.check(password, page.right if page is not None else None)
            if status != 200:
                return _http(status)
            content = page.content() if page is not None else None
        return _http(200, *content) if content is not None else _http(404)

    def _state_page(self) -> tuple[str, bytes]:
        return "application/json", _json({"state": self.device.state})


def _password(request: bytes) -> str | None:
    """Return the password that came with `request`; None when none came, which is no try."""
    for line in request.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"authorization" and value.strip().startswith(b"Basic "):
            with contextlib.suppress(binascii.Error, UnicodeDecodeError):
                return base64.b64decode(value.strip()[6:]).decode().partition(":")[2]
    return None


def _json(content: object) -> bytes:
    return json.dumps(content).encode()


def _http(status: int, media_type: str = "application/json", body: bytes = b"{}") -> bytes:
    reason = {200: "OK", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}[status]
    more = 'WWW-Authenticate: Basic realm="device"\r\n' if status == 401 else ""
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: {media_type}\r\n{more}Content-Length: {len(body)}\r\n"
    return (head + "Connection: close\r\n\r\n").encode() + body

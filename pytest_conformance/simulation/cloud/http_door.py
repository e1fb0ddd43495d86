"""HTTP/1.1 on connections of the simulated internet: parses, bounds, hands over to a host. No decisions here."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import Any

from pytest_conformance.simulation.cloud.accounts import Accounts
from pytest_conformance.simulation.cloud.hosts import Host, Request, Response
from pytest_conformance.simulation.cloud.websocket_door import handshake, read_messages

LARGEST_BODY = 64 << 20
_PATIENCE = 30.0
_LINE = 65536


class _TooLargeError(ValueError):
    """The body is larger than the cloud takes."""


def serve_http(
    connection: socket.socket,
    sender: str,
    find: Callable[[str], Host | None],
    accounts: Accounts,
    answer: Callable[[Host, Request], Response],
) -> None:
    """Serve requests on `connection` until it ends. OSError of the connection ends it quietly."""

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = connection.family in (socket.AF_INET, socket.AF_INET6)
        protocol_version = "HTTP/1.1"
        server_version = "cloud"
        sys_version = ""
        timeout = _PATIENCE

        def _serve(self) -> None:
            host = find((self.headers.get("Host") or "").partition(":")[0])
            try:
                body = self._body()
            except ValueError as error:
                self.close_connection = True
                self._send(Response(413 if isinstance(error, _TooLargeError) else 400, b'{"error":"bad body"}'))
                return
            if host is None:
                self._send(Response(421, b'{"error":"no such host here"}'))
                return
            if (self.headers.get("Upgrade") or "").lower() == "websocket":
                self._speak_websocket(host)
                return
            self._send(answer(host, self._request(host, body)))

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

        def _request(self, host: Host, body: bytes) -> Request:
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            kind, _, token = headers.get("authorization", "").partition(" ")
            account = accounts.by_token(token.strip()) if kind.lower() == "bearer" else None
            return Request(host.name, self.command, path, query, headers, body, sender, account)

        def _speak_websocket(self, host: Host) -> None:
            """Take each message as if it had been posted to the path."""
            self.close_connection = True
            self.wfile.write(handshake(self.headers.get("Sec-WebSocket-Key") or ""))
            for message in read_messages(self.rfile, self.wfile.write):
                answer(host, replace(self._request(host, message), method="POST"))

        def _body(self) -> bytes:
            if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
                return self._chunks()
            size = int(self.headers.get("Content-Length") or 0)
            if size < 0:
                raise ValueError("negative length")
            if size > LARGEST_BODY:
                raise _TooLargeError
            body = self.rfile.read(size)
            if len(body) < size:
                raise ValueError("the body ends early")
            return body

        def _chunks(self) -> bytes:
            body = b""
            while size := int(self.rfile.readline(_LINE).partition(b";")[0].strip(), 16):
                if size < 0 or len(body) + size > LARGEST_BODY:
                    raise _TooLargeError
                body += self.rfile.read(size)
                self.rfile.readline(_LINE)
            while self.rfile.readline(_LINE).strip():
                pass
            return body

        def _send(self, response: Response) -> None:
            self.send_response(response.status)
            if response.body:
                self.send_header("Content-Type", response.content_type)
            if response.status != 204:
                self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            if self.command != "HEAD" and response.body:
                self.wfile.write(response.body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: standard error belongs to the process."""

    try:
        Handler(connection, ("", 0), None)  # type: ignore[arg-type]
    except OSError:
        return

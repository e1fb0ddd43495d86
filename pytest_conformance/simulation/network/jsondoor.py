"""A plain HTTP/JSON door on loopback for the bench: control of the access point, admin of the cloud."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pytest_conformance.simulation.farend import Json

Route = Callable[[Mapping[str, Json]], Json]
_LARGEST = 1 << 20


class JsonDoor:
    """Serves `routes`, keyed "METHOD /path"; a LookupError answers 404, a ValueError or TypeError 400."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self._connections: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(routes, self._connections))
        self._server.daemon_threads = True
        self._serving = False
        self._closed = False

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        self._serving = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="json-door", daemon=True).start()

    def close(self) -> None:
        """Stop listening and break every open connection; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        if self._serving:
            self._server.shutdown()
        self._server.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _handler(routes: Mapping[str, Route], connections: set[socket.socket]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            connections.add(self.request)
            super().setup()

        def finish(self) -> None:
            connections.discard(self.request)
            super().finish()

        def do_GET(self) -> None:
            self._serve("GET")

        def do_POST(self) -> None:
            self._serve("POST")

        def _serve(self, method: str) -> None:
            route = routes.get(f"{method} {self.path.partition('?')[0]}")
            if route is None:
                self._answer(404, {"error": f"no {method} {self.path}; there are {', '.join(sorted(routes))}"})
                return
            try:
                self._answer(200, route(self._body()))
            except LookupError as error:
                self._answer(404, {"error": str(error.args[0] if error.args else error)})
            except (ValueError, TypeError) as error:
                self._answer(400, {"error": str(error)})
            except OSError as error:
                self._answer(500, {"error": str(error)})

        def _body(self) -> dict[str, Any]:
            size = int(self.headers.get("Content-Length") or 0)
            if not 0 <= size <= _LARGEST:
                raise ValueError(f"a body of {size} bytes")
            content = json.loads(self.rfile.read(size) or b"{}")
            if not isinstance(content, dict):
                raise ValueError("the body must be a JSON object")
            return content

        def _answer(self, status: int, content: Json) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: standard error belongs to the process."""

    return Handler

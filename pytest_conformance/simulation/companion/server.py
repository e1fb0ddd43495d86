"""The companion app's far end: serves the app's screens on loopback, with a session for each person's phone."""

from __future__ import annotations

import contextlib
import secrets
import socket
import sys
import threading
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pytest_conformance.simulation.companion.page import address, page
from pytest_conformance.simulation.companion.screen import CHINESE, AppScreen, Link, Paragraph, Session
from pytest_conformance.simulation.farend import Json

if TYPE_CHECKING:
    from pytest_conformance.simulation.world import World

LARGEST_FORM = 1_000_000
"""Bytes of a form that are read."""
MOST_SESSIONS = 1000
COOKIE = "app_session"


class CompanionFarEnd:
    """The far end "companion": the phone app as a web page. What it shows is `world.app`'s business."""

    name = "companion"

    def __init__(self, world: World) -> None:
        self._world = world
        self._sessions: dict[str, Session] = {}
        self._seen: list[dict[str, Json]] = []
        self._turn = threading.RLock()
        self._server: _Server | None = None

    def start(self) -> Mapping[str, Json]:
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="companion", daemon=True).start()
        return {"address": f"http://127.0.0.1:{self._server.server_address[1]}/"}

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.socket.close()
            server.cut()
            server.shutdown()
            server.server_close()

    def kill(self) -> None:
        self.stop()

    def seen(self) -> Json:
        """Return the requests: world time, person, method, path, form."""
        with self._turn:
            return list(self._seen)

    def show(self, path: str, session: Session) -> AppScreen:
        """Return the screen to serve; an app that fails shows that it failed, like a real one."""
        with self._turn:
            self._note("GET", path, session, {})
            app = self._world.app
            if app is None:
                return AppScreen(path, "No device", ("This app is not connected to a device.", _zh("尚未连接设备。")))
            try:
                found = app.screen(path, session)
            except Exception as error:
                return _crashed(path, error)
        if found is not None:
            return found
        controls = () if path == "/" else (Link("Home", "/"),)
        return AppScreen(path, "Not found", ("There is no such screen.", _zh("没有这个页面。")), controls, status=404)

    def act(self, path: str, session: Session, form: Mapping[str, str]) -> str | AppScreen:
        """Hand a form to the app and return the path that follows, or the screen that tells of a failure."""
        with self._turn:
            self._note("POST", path, session, form)
            app = self._world.app
            if app is None:
                return path
            try:
                return app.submit(path, session, form)
            except Exception as error:
                return _crashed(path, error)

    def session(self, token: str | None) -> Session:
        """Return the session of this cookie, or a new one."""
        with self._turn:
            if token is None or token not in self._sessions:
                token = secrets.token_urlsafe(18)
                if len(self._sessions) >= MOST_SESSIONS:
                    self._sessions.pop(next(iter(self._sessions)))
                self._sessions[token] = Session(token)
            return self._sessions[token]

    def _note(self, method: str, path: str, session: Session, form: Mapping[str, str]) -> None:
        at = self._world.timeline.now()
        self._seen.append({"at": at, "person": session.person, "method": method, "path": path, "form": dict(form)})


def _zh(text: str) -> Paragraph:
    return Paragraph(text, CHINESE)


def _crashed(path: str, error: Exception) -> AppScreen:
    print(f"companion app at {path!r}: {type(error).__name__}: {error}", file=sys.stderr)
    return AppScreen(path, "The app stopped", ("The app ran into a problem.", _zh("应用出现问题。")), status=500)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, companion: CompanionFarEnd) -> None:
        self.companion = companion
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._guard:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing when the other side, or `kill`, closed the connection in mid-sentence."""
        if not isinstance(sys.exc_info()[1], OSError | ValueError):
            super().handle_error(request, client_address)

    def cut(self) -> None:
        """Close all connections, also those that wait for an answer."""
        with self._guard:
            connections = list(self._open)
            self._open.clear()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 60

    def do_GET(self) -> None:
        path, session = self._path(), self._session()
        screen = self.server.companion.show(path, session)
        if screen.path != path and screen.status == 200:
            self._redirect(screen.path, session)
        else:
            self._answer(screen, session)

    def do_POST(self) -> None:
        path, session = self._path(), self._session()
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 9 and int(length) <= LARGEST_FORM):
            self.close_connection = True
            self._answer(AppScreen(path, "Too large", ("The form is too large.",), status=413), session)
            return
        body = self.rfile.read(int(length)).decode("utf-8", "replace")
        form = dict(parse_qsl(body, keep_blank_values=True))
        follows = self.server.companion.act(path, session, form)
        if isinstance(follows, AppScreen):
            self._answer(follows, session)
        else:
            self._redirect(follows, session)

    def _path(self) -> str:
        return unquote(urlsplit(self.path).path, errors="replace") or "/"

    def _session(self) -> Session:
        try:
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        except CookieError:
            cookie = None
        return self.server.companion.session(cookie.value if cookie else None)

    def _redirect(self, path: str, session: Session) -> None:
        self.send_response(303)
        self.send_header("Location", address(path))
        self._finish(b"", session)

    def _answer(self, screen: AppScreen, session: Session) -> None:
        self.send_response(screen.status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self._finish(page(screen), session)

    def _finish(self, body: bytes, session: Session) -> None:
        self.send_header("Set-Cookie", f"{COOKIE}={session.id}; Path=/; HttpOnly; SameSite=Lax")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: `seen()` is the log."""

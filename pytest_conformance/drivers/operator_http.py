"""The operators' page: HTML without scripts, sessions by cookie, nothing kept of a browser but who logged in in it."""

from __future__ import annotations

import html
import http.server
import secrets
import threading
import time
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Protocol
from urllib.parse import parse_qs

LONGEST = 8192
"""Bytes of a form that are read."""
COOKIE = "bench"
REFRESH = 3
"""Seconds after which a page without a field to type in asks again."""
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">{refresh}<title>Bench</title>
<style>body{{font:1.2rem sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}}
button,input{{font:inherit;padding:.5rem;margin:.3rem 0}} .said{{background:#fff3c4;padding:.6rem}}</style></head>
<body>{body}</body></html>"""


@dataclass(frozen=True)
class Form:
    """What a person sees: the question's number (0: none), its text, how to answer, what was answered already.

    `override` names the clauses for which they are not authorised; "" when they are.
    """

    number: int
    text: str
    how: str
    said: str
    override: str = ""


@dataclass(frozen=True)
class Said:
    """What came of an answer."""

    done: bool
    text: str


class Desk(Protocol):
    """What the page needs of the driver; called from the page's threads."""

    def knows(self, person: str, pin: str) -> bool: ...
    def form(self, person: str) -> Form: ...
    def answered(self, person: str, number: int, line: str, override: str) -> Said: ...


class PageServer:
    """Serves the page of a desk. A log-in lasts `session` seconds."""

    def __init__(self, desk: Desk, session: float) -> None:
        self.desk = desk
        self.session = session
        self.url = ""
        self._sessions: dict[str, tuple[str, float]] = {}
        self._server: http.server.ThreadingHTTPServer | None = None

    def open(self, host: str, port: int) -> None:
        """Listen; OSError when the port is not free."""
        handler = type("Handler", (_Handler,), {"page": self})
        self._server = http.server.ThreadingHTTPServer((host, port), handler)
        self._server.daemon_threads = True
        self.url = f"http://{host}:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="operators' page", daemon=True).start()

    def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def log_in(self, person: str) -> str:
        token = secrets.token_urlsafe(24)
        self._sessions[token] = (person, time.monotonic() + self.session)
        return token

    def person(self, token: str) -> str:
        """Return who logged in with `token`; "" when nobody did, or too long ago."""
        person, until = self._sessions.get(token, ("", 0.0))
        return person if time.monotonic() < until else ""


class _Handler(http.server.BaseHTTPRequestHandler):
    page: PageServer
    timeout = 10

    def do_GET(self) -> None:
        self._show(self._person())

    def do_POST(self) -> None:
        fields = self._fields()
        if self.path == "/login":
            name = fields.get("name", "")
            if not self.page.desk.knows(name, fields.get("pin", "")):
                self._send(_login("Name and PIN do not fit."), 403)
                return
            self._show(name, cookie=self.page.log_in(name))
            return
        person = self._person()
        if not person:
            self._send(_login("Log in first: your log-in is missing or has expired."), 403)
            return
        number = fields.get("number", "")
        said = self.page.desk.answered(
            person, int(number) if number.isdecimal() else 0, fields.get("answer", ""), fields.get("override", "")
        )
        self._show(person, said)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing on the terminal."""

    def _person(self) -> str:
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        except CookieError:
            return ""
        return self.page.person(found.value) if found is not None else ""

    def _fields(self) -> dict[str, str]:
        size = self.headers.get("Content-Length", "0")
        body = self.rfile.read(min(int(size), LONGEST)) if size.isdecimal() else b""
        return {
            name: values[0]
            for name, values in parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True).items()
        }

    def _show(self, person: str, said: Said | None = None, cookie: str = "") -> None:
        if not person:
            self._send(_login(""))
            return
        form = self.page.desk.form(person)
        told = f'<p class="said">{html.escape(said.text)}</p>' if said is not None else ""
        already = f"<p>{html.escape(form.said)}</p>" if form.said else ""
        body = f"<p>{html.escape(person)}</p>{told}<h1>{html.escape(form.text)}</h1>{already}{_answer(form)}"
        waits = not form.how or form.how.startswith("[")
        self._send(body, refresh=waits and said is None, cookie=cookie)

    def _send(self, body: str, status: int = 200, *, refresh: bool = False, cookie: str = "") -> None:
        again = f'<meta http-equiv="refresh" content="{REFRESH};url=/">' if refresh else ""
        data = PAGE.format(body=body, refresh=again).encode("utf-8", "backslashreplace")
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
        if cookie:
            self.send_header("Set-Cookie", f"{COOKIE}={cookie}; HttpOnly; SameSite=Strict; Path=/")
        self.end_headers()
        self.wfile.write(data)


def _login(said: str) -> str:
    told = f'<p class="said">{html.escape(said)}</p>' if said else ""
    return (
        f'{told}<form method="post" action="/login"><p><input name="name" placeholder="name" autofocus></p>'
        '<p><input name="pin" type="password" placeholder="PIN"></p><button>Log in</button></form>'
    )


def _answer(form: Form) -> str:
    """Return the fields for an answer; after an answer another one can still be sent, as a conflict."""
    if not form.number:
        return ""
    hidden = f'<input type="hidden" name="number" value="{form.number}">'
    reason = ""
    if form.override:
        reason = (
            f"<p>You are not authorised for {html.escape(form.override)}. Without accreditation you may answer, "
            'for a reason: <input name="override" placeholder="reason"></p>'
        )
    if form.how.startswith("[") or form.said:
        buttons = '<button name="answer" value="">Done</button> <button name="answer" value="s">Skip</button>'
        return f'<form method="post" action="/answer">{hidden}{reason}{buttons}</form>'
    field = f'<input name="answer" placeholder="{html.escape(form.how, quote=True)}" autofocus> <button>Enter</button>'
    return f'<form method="post" action="/answer">{hidden}{reason}{field}</form>'

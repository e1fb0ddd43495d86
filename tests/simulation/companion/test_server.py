"""The companion far end over plain HTTP."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from pytest_conformance.simulation.companion import (
    AppScreen,
    Button,
    Routes,
    Session,
    TextInput,
    add_companion,
    message_screen,
)
from pytest_conformance.simulation.companion.server import LARGEST_FORM
from pytest_conformance.simulation.world import Options, World


@pytest.fixture
def world() -> Iterator[World]:
    world = World(Options("mock-lock"))
    add_companion(world)
    yield world
    world.stop()


@pytest.fixture
def port(world: World) -> int:
    address = str(world.start()["companion"]["address"])  # type: ignore[index,call-overload]
    assert address.startswith("http://127.0.0.1:")
    assert address.endswith("/")
    return int(address.rsplit(":", 1)[1].rstrip("/"))


@pytest.fixture
def app(world: World) -> Routes:
    def home(session: Session) -> AppScreen:
        return AppScreen("/", "Home", (f"person={session.person}",), (TextInput("Who", "who"), Button("Go", "go")))

    def act(session: Session, form: dict[str, str]) -> str:
        session.person = form.get("who", "")
        return "/next"

    routes = Routes()
    routes.on("/", home, act)  # type: ignore[arg-type]
    routes.on("/next", lambda session: message_screen("/next", "Next", (session.person,)))
    routes.on("/first", lambda _: AppScreen("/rules", "Rules"))
    routes.on("/rules", lambda _: AppScreen("/rules", "Rules"))
    routes.on("/forbidden", lambda _: message_screen("/", "No", (), status=403))
    world.app = routes
    return routes


class Client:
    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        self.cookie = ""

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, str, dict[str, str]]:
        given = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded", **headers}
        self.connection.request(method, path, body, given)
        answer = self.connection.getresponse()
        self.cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0] or self.cookie
        return answer.status, answer.read().decode(), dict(answer.getheaders())


@pytest.fixture
def client(port: int) -> Client:
    return Client(port)


def test_without_a_device_the_page_says_so(client: Client) -> None:
    status, body, _ = client.ask("GET", "/")
    assert status == 200
    assert "No device" in body


def test_a_screen_is_html_with_its_language(client: Client, app: Routes) -> None:
    status, body, headers = client.ask("GET", "/")
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert '<html lang="en">' in body
    assert "<title>Home</title>" in body


def test_a_form_acts_and_redirects(client: Client, app: Routes) -> None:
    status, _, headers = client.ask("POST", "/", "who=Olga&press=go")
    assert (status, headers["Location"]) == (303, "/next")
    assert "Olga" in client.ask("GET", "/next")[1]


def test_each_cookie_is_a_session_of_its_own(port: int, client: Client, app: Routes) -> None:
    client.ask("POST", "/", "who=Olga")
    assert "person=Olga" in client.ask("GET", "/")[1]
    assert "person=Olga" not in Client(port).ask("GET", "/")[1]


def test_an_invented_cookie_opens_a_new_session(client: Client, app: Routes) -> None:
    _, body, headers = client.ask("GET", "/", Cookie="app_session=invented")
    assert "person=<" in body
    assert "invented" not in headers["Set-Cookie"]


def test_a_screen_at_another_path_is_a_redirect(client: Client, app: Routes) -> None:
    status, _, headers = client.ask("GET", "/first")
    assert (status, headers["Location"]) == (303, "/rules")


def test_a_refusal_is_served_where_it_was_asked(client: Client, app: Routes) -> None:
    assert client.ask("GET", "/forbidden")[0] == 403


def test_an_unknown_screen_is_404(client: Client, app: Routes) -> None:
    assert client.ask("GET", "/..%2f..%2fetc/passwd")[0] == 404


@pytest.mark.parametrize("length", [str(LARGEST_FORM + 1), "-1", "", "nine", "9" * 30, "²"])
def test_a_form_of_impossible_length_is_refused(port: int, app: Routes, length: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
        link.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        assert link.recv(100).startswith(b"HTTP/1.1 413")


def test_an_app_that_raises_is_status_500_and_the_server_lives(client: Client, app: Routes) -> None:
    app.on("/bad", lambda _: 1 / 0, lambda _, __: 1 / 0)  # type: ignore[arg-type,return-value]
    assert client.ask("GET", "/bad")[0] == 500
    assert client.ask("POST", "/bad", "")[0] == 500
    assert client.ask("GET", "/")[0] == 200


def test_the_far_end_tells_what_was_asked_and_by_whom(world: World, client: Client, app: Routes) -> None:
    client.ask("POST", "/", "who=Olga")
    client.ask("GET", "/next")
    seen = world.far_end("companion").seen()
    told = [(one["person"], one["method"], one["path"], one["form"]) for one in seen]  # type: ignore[union-attr,index,call-overload]
    assert told == [("", "POST", "/", {"who": "Olga"}), ("Olga", "GET", "/next", {})]


def test_calls_come_one_at_a_time(port: int, app: Routes) -> None:
    inside, most = 0, 0

    def slow(_: Session) -> AppScreen:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.05)
        inside -= 1
        return AppScreen("/slow", "Slow")

    app.on("/slow", slow)
    threads = [threading.Thread(target=lambda: Client(port).ask("GET", "/slow")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_kill_closes_the_port_and_waiting_connections(world: World, port: int, app: Routes) -> None:
    link = socket.create_connection(("127.0.0.1", port), timeout=5)
    link.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
    time.sleep(0.1)
    world.far_end("companion").kill()
    assert link.recv(100) == b""
    link.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_stop_may_be_called_twice_and_before_start(world: World) -> None:
    world.far_end("companion").stop()
    world.far_end("companion").stop()

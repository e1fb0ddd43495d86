"""The device's local interface: the owner's password, and a lock-out against guessing."""

import base64
import json
from typing import Any

import pytest

from pytest_conformance.simulation.devices.lanport import LanPort, Page, _password

Lock = Any
RIGHT = "123456"


def ask(lock: Lock, path: str = "/state", password: str | None = RIGHT) -> tuple[int, bytes]:
    """The status and body of one request, without the wire."""
    header = b""
    if password is not None:
        header = b"Authorization: Basic " + base64.b64encode(b"owner:" + password.encode()) + b"\r\n"
    request = b"GET " + path.encode() + b" HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n"
    head, _, body = lock.device.get(LanPort)._reply(request).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    return int(head.split()[1]), body


def test_anybody_is_told_the_model_and_nothing_else(owned: Lock) -> None:
    status, body = ask(owned, "/", None)
    assert (status, json.loads(body)) == (200, {"model": "Mock Lock 3D"})


@pytest.mark.parametrize("password", [None, "", "654321", "1234567"])
def test_a_wrong_or_no_password_is_refused(owned: Lock, password: str | None) -> None:
    assert ask(owned, password=password)[0] == 401


def test_the_owners_password_opens_the_state(owned: Lock) -> None:
    status, body = ask(owned)
    assert (status, json.loads(body)) == (200, {"state": "running"})


def test_an_unknown_page_is_told_only_to_who_may_ask(owned: Lock) -> None:
    assert ask(owned, "/nothing", "wrong")[0] == 401
    assert ask(owned, "/nothing")[0] == 404


def test_a_device_without_owner_lets_nobody_in(lock: Lock) -> None:
    assert ask(lock, password="")[0] == 401
    assert ask(lock)[0] == 401


def test_after_five_wrong_passwords_even_the_right_one_is_refused_for_five_minutes(owned: Lock) -> None:
    assert [ask(owned, password="wrong")[0] for _ in range(6)] == [401] * 5 + [429]
    assert ask(owned)[0] == 429
    owned.wait(LanPort.seconds - 1)
    assert ask(owned)[0] == 429
    owned.wait(2)
    assert ask(owned)[0] == 200


def test_the_lockout_survives_a_power_cut(owned: Lock) -> None:
    for _ in range(4):
        ask(owned, password="wrong")
    owned.power_cycle()
    assert ask(owned, password="wrong")[0] == 401
    owned.power_cycle()
    assert ask(owned)[0] == 429


def test_wrong_passwords_far_apart_do_not_lock_out(owned: Lock) -> None:
    for _ in range(8):
        assert ask(owned, password="wrong")[0] == 401
        owned.wait(LanPort.window / 4 + 1)


def test_the_right_password_ends_the_count(owned: Lock) -> None:
    for _ in range(4):
        ask(owned, password="wrong")
    assert ask(owned)[0] == 200
    assert [ask(owned, password="wrong")[0] for _ in range(4)] == [401] * 4


def test_the_lan_lockout_leaves_the_keypad_alone(owned: Lock) -> None:
    for _ in range(6):
        ask(owned, password="wrong")
    assert owned.call("keypad", digits=RIGHT)["result"] == "unlocked"


def test_a_page_may_have_a_password_of_its_own_and_nothing_to_give_yet(owned: Lock) -> None:
    port = owned.device.get(LanPort)
    port.pages["/own"] = Page(lambda: None, lambda password: password == "own")
    assert ask(owned, "/own")[0] == 401
    assert ask(owned, "/own", "own")[0] == 404


@pytest.mark.parametrize(
    "header", [b"", b"Authorization: Bearer x", b"Authorization: Basic ???", b"Authorization: Basic /w=="]
)
def test_a_header_that_cannot_be_read_is_no_password(header: bytes) -> None:
    assert not _password(b"GET / HTTP/1.1\r\n" + header + b"\r\n\r\n")


def test_a_password_may_hold_a_colon() -> None:
    assert _password(b"authorization: basic x\r\nAuthorization: Basic " + base64.b64encode(b"o:a:b")) == "a:b"


@pytest.mark.parametrize("request_", [b"", b"\r\n\r\n", b"GET", b"\xff\xfe \xff HTTP/1.1\r\n\r\n"])
def test_what_is_no_request_gets_an_answer(owned: Lock, request_: bytes) -> None:
    assert owned.device.get(LanPort)._reply(request_).startswith(b"HTTP/1.1 401")


def test_listeners_end_with_power(owned: Lock) -> None:
    port = owned.device.get(LanPort)
    assert [each.fileno() >= 0 for each in port._listeners] == [True]
    owned.world.rail.set(0.0)
    assert [each.fileno() for each in port._listeners] == [-1]

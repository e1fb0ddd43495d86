"""The device's line to its cloud: nothing before the rules, certificates checked, well-formed MQTT."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from pytest_conformance.simulation.devices.cloudlink import CloudLink, mqtt_connect, mqtt_publish
from pytest_conformance.simulation.devices.owner import Consents

Lock = Any


def test_nothing_is_sent_before_the_rules_were_agreed_to(lock: Lock) -> None:
    lock.world.holder.set(1)
    lock.call("wake")
    lock.call("keypad", digits="123456")
    lock.call("key")
    lock.wait(3600)
    lock.power_cycle()
    lock.wait(3600)
    assert lock.sent() == []


def test_it_says_each_minute_that_it_is_alive_once_it_may(owned: Lock) -> None:
    before = len(owned.sent("/v1/heartbeat"))
    owned.wait(600)
    assert len(owned.sent("/v1/heartbeat")) - before == 10
    owned.device.get(Consents).withdraw("privacy_rules")
    owned.wait(600)
    assert len(owned.sent("/v1/heartbeat")) - before == 10


def test_the_owners_name_comes_from_the_phone(owned: Lock) -> None:
    (item,) = owned.sent("/v1/profile/owner")
    assert (item.sender, item.body) == ("phone", b'{"name": "Owner"}')


def test_a_cloud_out_of_reach_is_logged_and_stops_nothing(owned: Lock) -> None:
    link = owned.device.get(CloudLink)
    assert link.request("GET", "/v1/time", host="nowhere.example") is None
    assert owned.logged[-1][0] == "offline"
    assert owned.logged[-1][1]["to"] == "nowhere.example"
    assert link.request("GET", "/v1/time") == 200


def impostor(lock: Lock, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Let every name resolve to a host that shows another host's certificate; return what it gets to read."""
    context = lock.world.net.authority.server_context("other.example")
    heard: list[bytes] = []

    def serve(end: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(end, server_side=True) as line:
            heard.append(line.recv(4096))
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def connect(*more: object) -> socket.socket:
        near, far = socket.socketpair()
        near.settimeout(5)
        far.settimeout(5)
        threading.Thread(target=serve, args=(far,), daemon=True).start()
        return near

    monkeypatch.setattr(lock.world.net, "connect", connect)
    return heard


def test_a_certificate_of_another_name_ends_the_conversation(owned: Lock, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = impostor(owned, monkeypatch)
    link = owned.device.get(CloudLink)
    assert link.request("POST", "/v1/secret", b"x") is None
    assert "certificate" in owned.logged[-1][1]["text"].lower()
    assert not link.publish("unlock", {"user": "1"})
    assert b"".join(heard) == b""


def test_without_the_check_the_impostor_gets_everything(owned: Lock, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = impostor(owned, monkeypatch)
    monkeypatch.setattr(CloudLink, "verify", False)
    assert owned.device.get(CloudLink).request("GET", "/v1/secret") == 200
    assert b"GET /v1/secret" in heard[0]


def _soon(look: Callable[[], list[Any]]) -> list[Any]:
    """The broker's thread may need a moment."""
    deadline = time.monotonic() + 5
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def test_an_unlock_is_published_under_the_account(owned: Lock) -> None:
    link = owned.device.get(CloudLink)
    assert link.publish("unlock", {"user": "1", "way": "pin"})
    (item,) = _soon(lambda: [item for item in owned.world.cloud.store.received() if item.path.endswith("unlock")])
    assert item.path.endswith(f"{link.account}/unlock")
    assert item.body == b'{"user": "1", "way": "pin"}'


def test_without_an_account_nothing_is_published(lock: Lock) -> None:
    assert not lock.device.get(CloudLink).publish("unlock", {"user": "1"})


def test_tls_below_1_2_is_never_offered(owned: Lock) -> None:
    assert owned.device.get(CloudLink).tls().minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_connect_packet_names_client_user_and_password() -> None:
    packet = mqtt_connect("SN1", "owner", "pass")
    assert packet == b"\x10\x1c\x00\x04MQTT\x04\xc2\x00\x3c\x00\x03SN1\x00\x05owner\x00\x04pass"


@pytest.mark.parametrize(
    ("size", "length"), [(0, b"\x03"), (124, b"\x7f"), (125, b"\x80\x01"), (16_381, b"\x80\x80\x01")]
)
def test_a_publish_packet_counts_its_bytes_in_sevens(size: int, length: bytes) -> None:
    packet = mqtt_publish("t", b"x" * size)
    assert packet == b"\x30" + length + b"\x00\x01t" + b"x" * size


def test_a_topic_in_chinese_is_counted_in_bytes() -> None:
    assert mqtt_publish("门", b"") == b"\x30\x05\x00\x03\xe9\x97\xa8"


def test_the_clear_variant_speaks_without_tls(make_lock: Callable[..., Lock], monkeypatch: pytest.MonkeyPatch) -> None:
    lock = make_lock()
    lock.set_up()
    ports: list[int] = []
    connect = lock.world.net.connect
    monkeypatch.setattr(
        lock.world.net, "connect", lambda name, port, *more: ports.append(port) or connect(name, port, *more)
    )
    lock.device.get(CloudLink).request("GET", "/v1/time")
    monkeypatch.setattr(CloudLink, "encrypted", False)
    lock.device.get(CloudLink).request("GET", "/v1/time")
    assert ports == [443, 80]

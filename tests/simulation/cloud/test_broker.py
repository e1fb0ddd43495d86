"""The broker against paho-mqtt over loopback."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import paho.mqtt.client as paho
import pytest

from pytest_conformance.simulation.cloud.accounts import Account, Accounts, OwnerPolicy
from pytest_conformance.simulation.cloud.broker import Broker, owner_of

Arrival = tuple[str, bytes, str, str, "Account | None"]


class Service:
    def __init__(self) -> None:
        self.accounts = Accounts()
        self.arrived: list[Arrival] = []
        self.broker = Broker(self.accounts, OwnerPolicy().allows, lambda *told: self.arrived.append(told))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.clients: list[Client] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.broker.serve, args=(connection, "mqtt.example", "device"), daemon=True).start()

    def client(self, name: str, token: str, *, will: str = "", keep_alive: int = 60) -> Client:
        client = Client(name, token, self.listener.getsockname()[1], will, keep_alive)
        self.clients.append(client)
        return client


class Client:
    """A paho client that puts what happens into queues."""

    def __init__(self, name: str, token: str, port: int, will: str, keep_alive: int) -> None:
        self.connected: queue.Queue[bool] = queue.Queue()
        self.granted: queue.Queue[bool] = queue.Queue()
        self.messages: queue.Queue[tuple[str, bytes, int, bool]] = queue.Queue()
        self.paho = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=name, reconnect_on_failure=False)
        if token:
            self.paho.username_pw_set(name, token)
        if will:
            self.paho.will_set(will, b"gone")
        self.paho.on_connect = lambda c, u, flags, reason, p: self.connected.put(not reason.is_failure)
        self.paho.on_subscribe = lambda c, u, mid, reasons, p: self.granted.put(not reasons[0].is_failure)
        self.paho.on_message = lambda c, u, m: self.messages.put((m.topic, m.payload, m.qos, m.retain))
        self.paho.connect("127.0.0.1", port, keepalive=keep_alive)
        self.paho.loop_start()

    def subscribe(self, topic: str, quality: int = 1) -> bool:
        self.paho.subscribe(topic, quality)
        return self.granted.get(timeout=5)

    def publish(self, topic: str, payload: bytes, quality: int = 1, retain: bool = False) -> None:
        self.paho.publish(topic, payload, quality, retain).wait_for_publish(5)


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    for client in service.clients:
        client.paho.disconnect()
        client.paho.loop_stop()
    service.listener.close()


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_a_message_reaches_its_subscribers_and_is_noted(service: Service) -> None:
    token = service.accounts.create("lock1").token
    lock, app = service.client("lock1", token), service.client("app", token)
    assert app.connected.get(timeout=5)
    assert app.subscribe("devices/lock1/#")
    lock.publish("devices/lock1/state", b"x" * 50_000)
    assert app.messages.get(timeout=5) == ("devices/lock1/state", b"x" * 50_000, 1, False)
    host, payload, topic, sender, account = service.arrived[0]
    assert (host, len(payload), topic, sender) == ("mqtt.example", 50_000, "devices/lock1/state", "device")
    assert account is not None
    assert account.name == "lock1"


@pytest.mark.parametrize("token", ["", "made up"])
def test_strangers_are_not_let_in(service: Service, token: str) -> None:
    assert service.client("stranger", token).connected.get(timeout=5) is False
    assert service.broker.clients() == []


def test_topics_of_others_are_closed(service: Service) -> None:
    lock, eve = service.accounts.create("lock1"), service.accounts.create("eve")
    listening, lurking = service.client("lock1", lock.token), service.client("eve", eve.token)
    assert listening.subscribe("devices/lock1/orders")
    for topic in ("devices/lock1/#", "#", "devices/+/state", "+/lock1/x"):
        assert lurking.subscribe(topic) is False
    lurking.publish("devices/lock1/orders", b"open")
    listening.publish("devices/lock1/orders", b"own")
    assert listening.messages.get(timeout=5)[1] == b"own"
    assert [told[1] for told in service.arrived] == [b"open", b"own"]


def test_a_guardian_may_listen(service: Service) -> None:
    service.accounts.create("watch1")
    parent = service.accounts.create("parent", guardian_of=("watch1",))
    assert service.client("parent", parent.token).subscribe("devices/watch1/#")


def test_retained_messages_wait_for_later_subscribers_until_they_are_emptied(service: Service) -> None:
    token = service.accounts.create("lock1").token
    lock = service.client("lock1", token)
    lock.publish("devices/lock1/state", b"locked", retain=True)
    later = service.client("later", token)
    assert later.subscribe("devices/lock1/state", 0)
    assert later.messages.get(timeout=5) == ("devices/lock1/state", b"locked", 0, True)
    lock.publish("devices/lock1/state", b"", retain=True)
    assert service.broker.retained() == []


def test_the_will_is_published_when_a_client_vanishes(service: Service) -> None:
    token = service.accounts.create("lock1").token
    watching = service.client("app", token)
    assert watching.subscribe("devices/lock1/#")
    vanishing = service.client("lock1", token, will="devices/lock1/will")
    assert vanishing.connected.get(timeout=5)
    vanishing.paho.socket().shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
    assert watching.messages.get(timeout=5)[:2] == ("devices/lock1/will", b"gone")


def test_a_silent_client_is_dropped_after_one_and_a_half_keep_alive_periods(service: Service) -> None:
    token = service.accounts.create("lock1").token
    raw = socket.create_connection(service.listener.getsockname(), timeout=5)
    hello = b"\0\4MQTT\x04\xc2\0\x01" + b"".join(len(t).to_bytes(2, "big") + t for t in (b"c", b"u", token.encode()))
    raw.sendall(b"\x10" + bytes([len(hello)]) + hello)
    assert raw.recv(4) == b"\x20\x02\0\0"
    started = time.monotonic()
    assert raw.recv(1) == b""
    assert 1.2 < time.monotonic() - started < 3
    raw.close()


def test_a_second_connection_of_a_client_replaces_the_first(service: Service) -> None:
    token = service.accounts.create("lock1").token
    first = service.client("lock1", token)
    assert first.connected.get(timeout=5)
    second = service.client("lock1", token)
    assert second.connected.get(timeout=5)
    until(lambda: not first.paho.is_connected())
    assert service.broker.clients() == ["lock1"]


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x10\x02\0\0", b"\x30\x03\0\x01a"])
def test_garbage_ends_the_connection_and_nothing_else(service: Service, garbage: bytes) -> None:
    with socket.create_connection(service.listener.getsockname(), timeout=5) as raw:
        raw.sendall(garbage)
        raw.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            assert raw.recv(10) == b""
    assert service.client("lock1", service.accounts.create("lock1").token).connected.get(timeout=5)


@pytest.mark.parametrize(("topic", "owner"), [("devices/a/x", "a"), ("a", ""), ("#", ""), ("x/+/y", ""), ("x/#", "")])
def test_the_second_level_is_the_owner(topic: str, owner: str) -> None:
    assert owner_of(topic) == owner

"""A small MQTT 3.1.1 broker: QoS 0 and 1, retained messages, wills, clean sessions. Accounts sign in by token.

Topics of an account are those whose second level is its name: devices/NAME/..., whatever the first level.
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable

from pytest_conformance.simulation.cloud import mqtt_packets as mqtt
from pytest_conformance.simulation.cloud.accounts import Account, Accounts, Action
from pytest_conformance.simulation.cloud.mqtt_packets import MalformedError, Packet, Publish

Allows = Callable[[Action, Account | None, str], bool]
Arrived = Callable[[str, bytes, str, str, Account | None], None]
"""Told of each message: host, payload, topic, sender, account."""

_FIRST_PACKET_WITHIN = 10.0
_QUEUE = 1000


def owner_of(topic: str) -> str:
    """Return the account whose topic this is: its second level, "" when there is none or it is a wildcard."""
    levels = topic.split("/")
    return "" if len(levels) < 2 or levels[1] in ("+", "#") else levels[1]


class Broker:
    """Clients, subscriptions and retained messages; `serve` runs one connection on the calling thread."""

    def __init__(self, accounts: Accounts, allows: Allows, arrived: Arrived) -> None:
        self.accounts = accounts
        self.allows = allows
        self._arrived = arrived
        self._lock = threading.Lock()
        self._sessions: dict[str, _Session] = {}
        self._retained: dict[str, Publish] = {}
        self._anonymous = itertools.count(1)

    def serve(self, connection: socket.socket, host: str, sender: str) -> None:
        """Speak MQTT on `connection` until it ends."""
        session = _Session(self, connection, host, sender)
        try:
            session.run()
        except (OSError, MalformedError):
            pass
        finally:
            with self._lock:
                if self._sessions.get(session.client) is session:
                    del self._sessions[session.client]
            session.close()
        if session.will is not None:
            self.publish(session, Publish(*session.will, 0, 0, False))

    def join(self, session: _Session) -> None:
        """Register `session`; an older one of the same client is closed (section 3.1.4)."""
        session.client = session.client or f"anonymous-{next(self._anonymous)}"
        with self._lock:
            older = self._sessions.get(session.client)
            self._sessions[session.client] = session
        if older is not None:
            older.will = None
            older.close()

    def publish(self, session: _Session | None, message: Publish) -> None:
        """Note `message` and hand it to whoever subscribed; drop it when the account may not publish there."""
        if session is not None:
            self._arrived(session.host, message.payload, message.topic, session.sender, session.account)
            if not self.allows("publish", session.account, owner_of(message.topic)):
                return
        with self._lock:
            if message.retain and message.payload:
                self._retained[message.topic] = message
            elif message.retain:
                self._retained.pop(message.topic, None)
            sessions = list(self._sessions.values())
        for each in sessions:
            each.offer(message, retained=False)

    def retained(self) -> list[Publish]:
        with self._lock:
            return list(self._retained.values())

    def clients(self) -> list[str]:
        """Return the names of the clients that are connected."""
        with self._lock:
            return sorted(self._sessions)

    def clear(self) -> None:
        """Forget the retained messages."""
        with self._lock:
            self._retained.clear()


class _Session:
    """One client. All reading and writing of its connection happens on the thread that runs it."""

    def __init__(self, broker: Broker, connection: socket.socket, host: str, sender: str) -> None:
        self._broker = broker
        self._connection = connection
        self.host = host
        self.sender = sender
        self.client = ""
        self.account: Account | None = None
        self.will: tuple[str, bytes] | None = None
        self._keep_alive = 0
        self._wanted: dict[str, int] = {}
        self._numbers = itertools.cycle(range(1, 65536))
        self._outbox: collections.deque[bytes] = collections.deque(maxlen=_QUEUE)
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)

    def run(self) -> None:
        buffer = bytearray()
        self._connection.settimeout(_FIRST_PACKET_WITHIN)
        while (packet := mqtt.split(buffer)) is None:
            self._read(buffer)
        if not self._welcome(packet):
            return
        heard = time.monotonic()
        while True:
            while (packet := mqtt.split(buffer)) is not None:
                heard = time.monotonic()
                if not self._handle(packet):
                    return
            while self._outbox:
                self._connection.sendall(self._outbox.popleft())
            if self._wait(heard):
                self._read(buffer)

    def offer(self, message: Publish, *, retained: bool) -> None:
        """Queue `message` when a subscription covers it. Called from any thread."""
        qualities = [quality for pattern, quality in list(self._wanted.items()) if mqtt.matches(pattern, message.topic)]
        if not qualities:
            return
        quality = min(max(qualities), message.quality)
        number = next(self._numbers) if quality else 0
        self._outbox.append(mqtt.pack_publish(Publish(message.topic, message.payload, quality, number, retained)))
        with contextlib.suppress(OSError):
            self._waker.send(b"!")

    def close(self) -> None:
        for each in (self._connection, self._waker):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _read(self, buffer: bytearray) -> None:
        data = self._connection.recv(65536)
        if not data:
            raise ConnectionResetError("the client left")
        buffer += data

    def _wait(self, heard: float) -> bool:
        """Wait for bytes of the client or messages for it; True for bytes. OSError when the client fell silent."""
        if isinstance(self._connection, ssl.SSLSocket) and self._connection.pending():
            return True
        left = heard + 1.5 * self._keep_alive - time.monotonic() if self._keep_alive else None
        if left is not None and left <= 0:
            raise TimeoutError("no sign of life within one and a half keep-alive periods")
        ready, _, _ = select.select([self._connection, self._woken], [], [], left)
        if self._woken in ready:
            self._woken.recv(4096)
        return self._connection in ready

    def _welcome(self, packet: Packet) -> bool:
        if packet.kind != mqtt.CONNECT:
            raise MalformedError("the first packet must be CONNECT")
        hello = mqtt.connect(packet)
        self.client, self._keep_alive = hello.client, hello.keep_alive
        self.account = self._broker.accounts.by_token(hello.password) if hello.password else None
        code = mqtt.ACCEPTED
        if hello.level != 4:
            code = mqtt.BAD_VERSION
        elif not self._broker.allows("connect", self.account, ""):
            code = mqtt.NOT_AUTHORISED
        self._connection.sendall(mqtt.pack(mqtt.CONNACK, 0, bytes([0, code])))
        if code == mqtt.ACCEPTED:
            self.will = hello.will
            self._broker.join(self)
        return code == mqtt.ACCEPTED

    def _handle(self, packet: Packet) -> bool:
        """Answer one packet; False when the client takes its leave."""
        if packet.kind == mqtt.DISCONNECT:
            self.will = None
            return False
        if packet.kind == mqtt.PUBLISH:
            message = mqtt.publish(packet)
            self._broker.publish(self, message)
            if message.quality:
                self._outbox.append(mqtt.pack(mqtt.PUBACK, 0, struct.pack(">H", message.number)))
        elif packet.kind == mqtt.SUBSCRIBE:
            self._subscribe(*mqtt.subscriptions(packet, with_quality=True))
        elif packet.kind == mqtt.UNSUBSCRIBE:
            number, patterns = mqtt.subscriptions(packet, with_quality=False)
            for pattern, _ in patterns:
                self._wanted.pop(pattern, None)
            self._outbox.append(mqtt.pack(mqtt.UNSUBACK, 0, struct.pack(">H", number)))
        elif packet.kind == mqtt.PINGREQ:
            self._outbox.append(mqtt.pack(mqtt.PINGRESP, 0, b""))
        elif packet.kind != mqtt.PUBACK:
            raise MalformedError(f"packet type {packet.kind} is not for a broker")
        return True

    def _subscribe(self, number: int, wanted: list[tuple[str, int]]) -> None:
        codes, fresh = bytearray(), []
        for pattern, quality in wanted:
            if self._broker.allows("subscribe", self.account, owner_of(pattern)):
                self._wanted[pattern] = quality
                fresh.append(pattern)
                codes.append(quality)
            else:
                codes.append(mqtt.REFUSED)
        self._outbox.append(mqtt.pack(mqtt.SUBACK, 0, struct.pack(">H", number) + codes))
        for message in self._broker.retained():
            if any(mqtt.matches(pattern, message.topic) for pattern in fresh):
                self.offer(message, retained=True)

"""The cloud as a far end: its hosts, listeners and connections, its doors for the bench."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import weakref
from collections.abc import Callable, Mapping
from functools import partial

from pytest_conformance.simulation import quic
from pytest_conformance.simulation.cloud.accounts import Account, Accounts, Policy
from pytest_conformance.simulation.cloud.broker import Broker
from pytest_conformance.simulation.cloud.hosts import Host
from pytest_conformance.simulation.cloud.http_door import serve_http
from pytest_conformance.simulation.cloud.rest import Rest
from pytest_conformance.simulation.cloud.side_doors import COAP, PRIVATE, serve_coap, serve_private
from pytest_conformance.simulation.cloud.store import Item, Store
from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.network import Network, addresses
from pytest_conformance.simulation.network.jsondoor import JsonDoor
from pytest_conformance.simulation.timeline import Timeline

HTTPS, HTTP, MQTTS, MQTT = 443, 80, 8883, 1883
_HANDSHAKE_WITHIN = 10.0

Serve = Callable[[socket.socket, str, str], None]
"""Runs one connection: the connection, the host asked for by SNI (or ""), the sender."""


class Cloud:
    """The stand-in for the supplier's cloud, and every other HTTP host of the simulated internet.

    `host()` adds names, `accounts` people and devices, `policy` decides accesses, `store` holds what came.
    """

    name = "cloud"

    def __init__(self, network: Network, timeline: Timeline) -> None:
        self._network = network
        self._timeline = timeline
        self._lock = threading.Lock()
        self._hosts: dict[str, Host] = {}
        self._served: set[str] = set()
        self._listeners: list[socket.socket] = []
        self._connections: set[socket.socket] = set()
        self._started = False
        self._context: ssl.SSLContext | None = None
        self._asked: weakref.WeakKeyDictionary[ssl.SSLSocket | ssl.SSLObject, str] = weakref.WeakKeyDictionary()
        self.accounts = Accounts()
        self.store = Store()
        self.rest = Rest(self.accounts, self.store, timeline.now)
        self.broker = Broker(self.accounts, lambda *asked: self.policy.allows(*asked), self._message)
        self._admin = JsonDoor(self._admin_routes())

    @property
    def policy(self) -> Policy:
        """What decides every access over REST and MQTT; swap it to simulate a cloud that decides wrongly."""
        return self.rest.policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self.rest.policy = policy

    def host(self, name: str, address: str = addresses.CLOUD, *, supplier: bool = True) -> Host:
        """Return the host `name`, added if it is new: 443 (TLS) and 80, and for the supplier's 8883 (TLS) and 1883."""
        key = name.lower()
        with self._lock:
            if key not in self._hosts:
                self._hosts[key] = Host(key, self._network.add_host(key, address), supplier)
            host = self._hosts[key]
        if self._started:
            self._serve_address(host)
        return host

    def open_side_doors(self, name: str) -> None:
        """Open what leaking devices use at the host `name`: CoAP over UDP and a private protocol over TCP."""
        host = self.host(name)
        if not self._claimed(f"side doors of {host.address}"):
            return
        note = partial(self._note, host.name)
        serve_coap(self._network.serve(host.address, COAP, "udp"), note)
        door = self._network.serve(host.address, PRIVATE)
        self._accept(door, lambda connection, *_: serve_private(connection, note), secure=False)

    def open_quic(self, name: str) -> None:
        """Let the host `name` answer HTTP/3 over UDP 443 as well."""
        host = self.host(name)
        if not self._claimed(f"quic of {host.address}"):
            return
        note = partial(self._note, host.name)
        served = self._network.serve(host.address, quic.PORT, "udp")
        quic.QuicDoor(served, self._network.authority.issue(host.name), note).start()

    def _claimed(self, key: str) -> bool:
        """Tell whether `key` may be served now: the cloud has started, and nobody serves it yet."""
        with self._lock:
            if key in self._served or not self._started:
                return False
            self._served.add(key)
        return True

    def _note(self, host: str, path: str, body: bytes, peer: str) -> None:
        """Keep what came without HTTP's or MQTT's own words."""
        content = (host, path, "application/octet-stream", body, self._network.sender_of(peer))
        self.store.receive(Item(self._timeline.now(), *content))

    def find(self, name: str) -> Host | None:
        """Return the host of that name, if there is one."""
        with self._lock:
            return self._hosts.get(name.lower())

    def start(self) -> Mapping[str, Json]:
        self._started = True
        for host in list(self._hosts.values()):
            self._serve_address(host)
        own = socket.create_server(("127.0.0.1", 0))
        self._accept(own, self._http, secure=True, sender="bench")
        messages = socket.create_server(("127.0.0.1", 0))
        self._accept(messages, self._mqtt, secure=True, sender="bench")
        self._admin.start()
        return {
            "address": self._admin.url,
            "public": _place(own),
            "public_mqtt": _place(messages),
            "authority": self._network.authority.pem,
            "host": next((name for name, one in self._hosts.items() if one.supplier), ""),
        }

    def stop(self) -> None:
        self._admin.close()
        self.hang_up()

    def kill(self) -> None:
        self.stop()

    def hang_up(self) -> None:
        """Close every listener and break every connection."""
        with self._lock:
            listeners, self._listeners = self._listeners, []
            connections, self._connections = self._connections, set()
        for each in (*listeners, *connections):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def seen(self) -> Json:
        """Return everything that arrived, at any host, oldest first."""
        return [item.as_json() for item in self.store.received()]

    def _serve_address(self, host: Host) -> None:
        with self._lock:
            if host.address in self._served:
                return
            self._served.add(host.address)
        doors: list[tuple[int, Serve, bool]] = [(HTTPS, self._http, True), (HTTP, self._http, False)]
        if host.supplier:
            doors += [(MQTTS, self._mqtt, True), (MQTT, self._mqtt, False)]
        for port, serve, secure in doors:
            self._accept(self._network.serve(host.address, port), serve, secure=secure)

    def _accept(self, listener: socket.socket, serve: Serve, *, secure: bool, sender: str = "") -> None:
        with self._lock:
            self._listeners.append(listener)

        def run() -> None:
            while True:
                try:
                    connection, peer = listener.accept()
                except OSError:
                    return
                who = sender or self._network.sender_of(peer[0])
                threading.Thread(target=self._run, args=(connection, serve, who, secure), daemon=True).start()

        threading.Thread(target=run, name="cloud", daemon=True).start()

    def _run(self, connection: socket.socket, serve: Serve, sender: str, secure: bool) -> None:
        asked = ""
        with self._lock:
            self._connections.add(connection)
        plain = connection
        try:
            if secure:
                connection.settimeout(_HANDSHAKE_WITHIN)
                connection = self._secure().wrap_socket(connection, server_side=True)
                asked = self._asked.pop(connection, "")
                with self._lock:
                    self._connections.discard(plain)
                    self._connections.add(connection)
            connection.settimeout(None)
            serve(connection, asked, sender)
        except OSError:
            pass
        finally:
            with self._lock:
                self._connections -= {plain, connection}
            connection.close()

    def _secure(self) -> ssl.SSLContext:
        """Return the context that every TLS listener shares; it shows the certificate of the name that is asked for."""
        with self._lock:
            if self._context is None:
                supplier = [name for name, host in self._hosts.items() if host.supplier]
                self._context = self._network.authority.fresh_context(*(supplier[:1] or list(self._hosts)[:1]))
                self._context.sni_callback = self._by_name
            return self._context

    def _by_name(self, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        if name is None:
            return None
        if self.find(name) is None:
            return int(ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)
        self._asked[connection] = name.lower()
        connection.context = self._network.authority.server_context(name.lower())
        return None

    def _http(self, connection: socket.socket, asked: str, sender: str) -> None:
        serve_http(connection, sender, self.find, self.accounts, self.rest.answer)

    def _mqtt(self, connection: socket.socket, asked: str, sender: str) -> None:
        self.broker.serve(connection, asked, sender)

    def _message(self, host: str, payload: bytes, topic: str, sender: str, account: Account | None) -> None:
        owner = account.name if account is not None else ""
        content = (host, f"mqtt:{topic}", "application/octet-stream", payload, sender, owner)
        self.store.receive(Item(self._timeline.now(), *content, method="PUBLISH"))

    def _supplier_items(self, items: tuple[Item, ...]) -> Json:
        chosen = [item for item in items if (host := self.find(item.host)) is None or host.supplier]
        return [item.as_json() for item in chosen]

    def _admin_routes(self) -> dict[str, Callable[[Mapping[str, Json]], Json]]:
        return {
            "GET /v1/status": lambda _: {"model": "simulated cloud", "hosts": sorted(self._hosts)},
            "GET /v1/received": lambda _: self._supplier_items(self.store.received()),
            "GET /v1/stored": lambda _: self._supplier_items(self.store.stored()),
            "GET /v1/tokens": lambda _: self.accounts.tokens(),
            "POST /v1/clear": lambda _: self._clear(),
            "POST /v1/accounts": self._create,
        }

    def _clear(self) -> Json:
        self.store.clear()
        self.broker.clear()
        return {}

    def _create(self, request: Mapping[str, Json]) -> Json:
        wards = request.get("guardian_of", [])
        if not isinstance(wards, list):
            raise ValueError("guardian_of must be a list of names")
        names = tuple(str(ward) for ward in wards)
        account = self.accounts.create(str(request.get("name", "")), guardian_of=names)
        return {"name": account.name, "token": account.token}


def _place(listener: socket.socket) -> str:
    host, port = listener.getsockname()
    return f"{host}:{port}"

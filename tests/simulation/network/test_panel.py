"""The wire between the bench's relay and the simulated network, as docs/network.md describes it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import IO, Any

import pytest

from pytest_conformance.simulation.network import addresses
from pytest_conformance.simulation.network.relay_door import HEADER, RelayDoor


@pytest.fixture
def door() -> Iterator[RelayDoor]:
    door = RelayDoor()
    door.open()
    yield door
    door.close()


class Relay:
    """A relay that is written out by hand."""

    def __init__(self, door: RelayDoor) -> None:
        port = int(str(door.tap()["address"]).rpartition(":")[2])
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.lines: IO[bytes] = self.socket.makefile("rb")
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.settimeout(5)

    def say(self, **message: Any) -> dict[str, Any]:
        self.socket.sendall(json.dumps(message).encode() + b"\n")
        return self.hear()

    def hear(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.lines.readline())
        return answer

    def attach(self) -> dict[str, Any]:
        return self.say(do="attach", tcp=self.tcp.getsockname()[1], udp=self.udp.getsockname()[1])

    def close(self) -> None:
        self.lines.close()
        for each in (self.socket, self.tcp, self.udp):
            each.close()


@pytest.fixture
def relay(door: RelayDoor) -> Iterator[Relay]:
    relay = Relay(door)
    yield relay
    relay.close()


def test_attaching_tells_the_plan_of_the_segment(relay: Relay) -> None:
    answer = relay.attach()
    assert answer["ok"] is True
    assert answer["up"] is True
    assert answer["gateway"] == addresses.ACCESS_POINT
    assert answer["macs"][addresses.DEVICE] == addresses.DEVICE_MAC
    assert answer["marker"] == [addresses.BROADCAST, 9]


def test_only_one_relay_is_attached_at_a_time(door: RelayDoor, relay: Relay) -> None:
    relay.attach()
    second = Relay(door)
    assert "already" in second.attach()["error"]
    second.close()


def test_where_names_services_refusals_and_the_unreachable(door: RelayDoor, relay: Relay) -> None:
    served = door.serve(addresses.CLOUD, 443)
    relay.attach()

    def where(address: str, port: int) -> dict[str, Any]:
        return relay.say(do="where", id=port, transport="tcp", address=address, port=port)

    assert where(addresses.CLOUD, 443) == {"id": 443, "at": list(served.getsockname())}
    assert where(addresses.CLOUD, 444) == {"id": 444, "refused": True}
    assert where("10.77.0.99", 1) == {"id": 1, "unreachable": True}
    door.set_uplink(False)
    assert relay.hear() == {"event": "uplink", "up": False}
    assert where(addresses.CLOUD, 443) == {"id": 443, "unreachable": True}


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"do": "dance"}', b'{"do": "where", "id": 1}'])
def test_nonsense_is_answered_with_an_error(relay: Relay, line: bytes) -> None:
    relay.socket.sendall(line + b"\n")
    assert "error" in relay.hear()


def test_a_connection_of_the_device_begins_with_its_request(door: RelayDoor, relay: Relay) -> None:
    import threading

    relay.attach()
    seen: list[dict[str, Any]] = []

    def accept() -> None:
        connection, _ = relay.tcp.accept()
        with connection, connection.makefile("rb") as lines:
            seen.append(json.loads(lines.readline()))
            connection.sendall(b'{"ok": true}\nhello')

    thread = threading.Thread(target=accept)
    thread.start()
    with door.connect("device", addresses.CLOUD, 443, 5) as connection:
        assert connection.recv(5) == b"hello"
    thread.join()
    assert seen == [{"from": addresses.DEVICE, "to": addresses.CLOUD, "port": 443}]


def test_a_datagram_of_the_phone_carries_its_addresses(door: RelayDoor, relay: Relay) -> None:
    relay.attach()
    sending = door.udp("phone")
    sending.settimeout(5)
    sending.sendto(b"question", (addresses.ACCESS_POINT, 53))
    packet, client = relay.udp.recvfrom(1000)
    source, source_port, target, port = HEADER.unpack_from(packet)
    assert (socket.inet_ntoa(source), source_port) == (addresses.PHONE, client[1])
    assert (socket.inet_ntoa(target), port) == (addresses.ACCESS_POINT, 53)
    assert packet[HEADER.size :] == b"question"
    relay.udp.sendto(HEADER.pack(target, port, source, source_port) + b"answer", client)
    assert sending.recvfrom(100) == (b"answer", (addresses.ACCESS_POINT, 53))
    sending.close()


def test_without_a_relay_the_device_goes_straight(door: RelayDoor, relay: Relay) -> None:
    served = door.serve(addresses.CLOUD, 443)
    relay.attach()
    relay.close()
    deadline = 200
    while door._panel.relay() is not None and deadline:
        deadline -= 1
        served.settimeout(0.02)
        with pytest.raises(TimeoutError):
            served.accept()
    served.settimeout(5)
    with door.connect("device", addresses.CLOUD, 443, 5):
        connection, peer = served.accept()
        connection.close()
    assert door.sender_of(peer[0]) == "device"

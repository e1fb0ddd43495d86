from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import struct
import threading
from collections.abc import Callable

import pytest

from pytest_conformance.simulation.network import addresses
from pytest_conformance.simulation.network.dns import ResolutionError
from pytest_conformance.simulation.world import World


def echo(listener: socket.socket, seen: list[str] | None = None) -> None:
    """Answer each connection's bytes in upper case, from a thread."""

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                connection.sendall(data.upper())

    def run() -> None:
        while True:
            try:
                connection, peer = listener.accept()
            except OSError:
                return
            if seen is not None:
                seen.append(peer[0])
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()


def talk(connection: socket.socket, data: bytes) -> bytes:
    connection.settimeout(5)
    connection.sendall(data)
    got = b""
    while len(got) < len(data):
        piece = connection.recv(65536)
        assert piece, "the other side closed"
        got += piece
    return got


@pytest.mark.parametrize("sender", ["device", "phone"])
def test_a_named_host_answers_and_knows_who_spoke(world: World, sender: str) -> None:
    peers: list[str] = []
    world.net.add_host("api.cloud.example", addresses.CLOUD)
    echo(world.net.serve(addresses.CLOUD, 443), peers)
    with world.net.connect("api.cloud.example", 443, sender=sender) as connection:  # type: ignore[arg-type]
        assert talk(connection, b"hello" * 50_000) == b"HELLO" * 50_000
    assert [world.net.sender_of(peer) for peer in peers] == [sender]


def test_unknown_names_do_not_resolve_and_are_not_reached(world: World) -> None:
    with pytest.raises(ResolutionError):
        world.net.resolve("nobody.example")
    with pytest.raises(ResolutionError):
        world.net.connect("nobody.example", 443)


def test_a_port_without_a_service_refuses(world: World) -> None:
    with pytest.raises(ConnectionRefusedError):
        world.net.connect(addresses.CLOUD, 444, timeout=5)


def test_a_port_of_the_device_is_open_to_the_bench_exactly_while_it_listens(world: World) -> None:
    place = (world.net.bench_address(), 18080)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(place, timeout=5)
    listener = world.net.listen(18080)
    echo(listener)
    with socket.create_connection(place, timeout=5) as connection:
        assert talk(connection, b"who") == b"WHO"
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(place, timeout=5)


def test_a_device_listens_again_on_a_port_that_it_closed(world: World) -> None:
    for _ in range(2):
        listener = world.net.listen(18081)
        echo(listener)
        with socket.create_connection((world.net.bench_address(), 18081), timeout=5) as connection:
            assert talk(connection, b"again") == b"AGAIN"
        listener.close()


def test_the_phone_reaches_the_device_in_the_segment(world: World) -> None:
    echo(world.net.listen(18082))
    with world.net.connect(addresses.DEVICE, 18082, sender="phone") as connection:
        assert talk(connection, b"open") == b"OPEN"


def test_a_cut_uplink_ends_names_and_new_connections_and_leaves_the_segment(world: World) -> None:
    world.net.add_host("api.cloud.example", addresses.CLOUD)
    echo(world.net.serve(addresses.CLOUD, 443))
    echo(world.net.listen(18083))
    world.net.up.set(False)
    with pytest.raises(ResolutionError):
        world.net.resolve("api.cloud.example")
    with pytest.raises(OSError, match="No route to host") as failure:
        world.net.connect(addresses.CLOUD, 443, timeout=5)
    assert failure.value.errno == errno.EHOSTUNREACH
    with socket.create_connection((world.net.bench_address(), 18083), timeout=5) as connection:
        assert talk(connection, b"local") == b"LOCAL"
    world.net.up.set(True)
    with world.net.connect("api.cloud.example", 443) as connection:
        assert talk(connection, b"back") == b"BACK"


def test_established_flows_do_not_pass_a_cut_uplink(world: World) -> None:
    echo(world.net.serve(addresses.CLOUD, 443))
    with world.net.connect(addresses.CLOUD, 443) as connection:
        assert talk(connection, b"before") == b"BEFORE"
        world.net.up.set(False)
        connection.settimeout(0.5)
        got = b""
        with contextlib.suppress(OSError):  # stalls, or is reset
            connection.sendall(b"during")
            got = connection.recv(100)
        assert got == b""


def test_a_redirected_name_leads_elsewhere_until_it_is_released(world: World) -> None:
    world.net.add_host("api.cloud.example", addresses.CLOUD)
    world.net.redirect("API.cloud.example", "203.0.113.200")
    assert world.net.resolve("api.cloud.example") == "203.0.113.200"
    world.net.redirect("api.cloud.example", None)
    assert world.net.resolve("api.cloud.example") == addresses.CLOUD


def test_a_diverted_host_is_answered_by_the_bench(world: World) -> None:
    world.net.add_host("api.cloud.example", addresses.CLOUD)
    world.net.serve(addresses.CLOUD, 8443)
    impostor = socket.create_server(("127.0.0.1", 0))
    echo(impostor)
    world.net.divert("api.cloud.example", impostor.getsockname())
    for port in (443, 8443, 8883):
        with world.net.connect("api.cloud.example", port) as connection:
            assert talk(connection, b"bench") == b"BENCH"
    world.net.release("api.cloud.example")
    with pytest.raises(ConnectionRefusedError):
        world.net.connect("api.cloud.example", 443)
    impostor.close()


def test_the_time_server_tells_the_wall_clock(world: World, wall: Callable[[], float]) -> None:
    asking = world.net.udp()
    asking.settimeout(5)
    asking.sendto(b"\x23" + bytes(47), (world.net.resolve("time.example"), addresses.NTP_PORT))
    answer, source = asking.recvfrom(512)
    asking.close()
    assert source == (addresses.TIME, addresses.NTP_PORT)
    assert answer[0] & 7 == 4
    seconds = struct.unpack(">I", answer[40:44])[0] - 2_208_988_800
    assert abs(seconds - wall()) < 5


def test_a_context_trusts_the_benchs_authority_alone(world: World, tmp_path: object) -> None:
    served = world.net.serve(addresses.CLOUD, 443)
    context = world.net.authority.server_context("api.cloud.example")

    def run() -> None:
        while True:
            try:
                connection, _ = served.accept()
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.sendall(b"hello")
            except OSError:
                if served.fileno() < 0:
                    return

    threading.Thread(target=run, daemon=True).start()
    with (
        world.net.connect(addresses.CLOUD, 443) as plain,
        world.net.tls_context().wrap_socket(plain, server_hostname="api.cloud.example") as secure,
    ):
        assert secure.recv(5) == b"hello"
    with world.net.connect(addresses.CLOUD, 443) as plain, pytest.raises(ssl.SSLCertVerificationError):
        world.net.tls_context().wrap_socket(plain, server_hostname="other.example")
    with world.net.connect(addresses.CLOUD, 443) as plain:
        loose = world.net.tls_context(verify=False).wrap_socket(plain, server_hostname="other.example")
        assert loose.recv(5) == b"hello"
        loose.close()


@pytest.fixture
def wall() -> Callable[[], float]:
    import time

    return time.time

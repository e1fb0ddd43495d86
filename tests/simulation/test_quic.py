"""HTTP/3 between a device and its cloud, by both doors of the network, and where UDP 443 is blocked."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.simulation import quic
from pytest_conformance.simulation.cloud import add_cloud
from pytest_conformance.simulation.network import add_network, addresses, namespaces
from pytest_conformance.simulation.network.authority import Authority
from pytest_conformance.simulation.world import Options, World

pytest.importorskip("aioquic")
NO_NAMESPACES = pytest.mark.skipif(bool(namespaces.missing()), reason=f"no namespaces: {namespaces.missing()}")
HOST = "api.cloud.example"
BODY = random.Random(4).randbytes(60_000)


@pytest.fixture(params=["relay", pytest.param("namespace", marks=NO_NAMESPACES)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    world = World(Options("none", door=request.param, folder=tmp_path))
    add_network(world)
    add_cloud(world)
    try:
        world.start()
        world.cloud.host(HOST)
        world.cloud.open_quic(HOST)
        world.cloud.open_quic(HOST)
        yield world
    finally:
        world.stop()


def send(world: World, authority: str = "", host: str = HOST) -> None:
    with contextlib.closing(world.net.udp("device")) as line:
        quic.post(line, addresses.CLOUD, host, authority or world.net.authority.pem, "/v1/visitor", BODY)


def received(world: World) -> list[Any]:
    return [each for each in world.cloud.store.received() if each.path == "/v1/visitor"]


def test_a_body_arrives_whole_and_is_noted_with_its_sender(world: World) -> None:
    send(world)
    send(world)
    assert [(each.body == BODY, each.sender) for each in received(world)] == [(True, "device")] * 2


def test_a_client_trusts_its_authority_and_its_host_only(world: World) -> None:
    for authority, host in ((Authority().pem, HOST), ("", "elsewhere.example")):
        with pytest.raises(OSError, match=r".") as caught:
            send(world, authority, host)
        assert not isinstance(caught.value, TimeoutError)
    assert received(world) == []


def test_nothing_passes_while_udp_443_is_blocked(world: World) -> None:
    world.net.block("udp", 443, True)
    with pytest.raises(OSError, match=r"."):
        send(world)
    assert received(world) == []
    world.net.connect(HOST, 443).close()
    world.net.block("udp", 443, False)
    send(world)
    assert len(received(world)) == 1


def test_what_is_no_quic_is_passed_over(world: World) -> None:
    with contextlib.closing(world.net.udp("device")) as line:
        for junk in (b"\x00", b"\xff" * 1200, b"\xc0" + bytes(1199), b""):
            line.sendto(junk, (addresses.CLOUD, 443))
    send(world)
    assert len(received(world)) == 1

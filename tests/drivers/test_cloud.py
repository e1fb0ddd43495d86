from __future__ import annotations

import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.clock import RealClock
from pytest_conformance.drivers.cloud import CloudSettings, CloudStandIn
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.errors import LinkError, MethodError, UsageError
from pytest_conformance.simulation.cloud import TRACKER, add_cloud
from pytest_conformance.simulation.network import add_network, namespaces
from pytest_conformance.simulation.world import Options, World

NO_NAMESPACES = pytest.mark.skipif(bool(namespaces.missing()), reason=f"no namespaces: {namespaces.missing()}")
HOST = "api.cloud.example"


@dataclass
class Bench:
    world: World
    cloud: CloudStandIn
    settings: CloudSettings

    def send(self, host: str, path: str, body: bytes, token: str = "", kind: str = "image/jpeg") -> int:
        """Upload as the device does, over TLS."""
        plain = self.world.net.connect(host, 443)
        connection = http.client.HTTPConnection(host)
        connection.sock = self.world.net.tls_context().wrap_socket(plain, server_hostname=host)
        headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
        connection.request("POST", path, body, headers)
        status = connection.getresponse().status
        connection.close()
        return status


@pytest.fixture(params=["relay", pytest.param("namespace", marks=NO_NAMESPACES)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    world = World(Options("none", door=request.param, folder=tmp_path))
    add_network(world)
    add_cloud(world)
    world.cloud.host(HOST).rules("<h1>个人信息处理规则</h1>")
    try:
        entry: Any = world.start()["cloud"]
        settings = CloudSettings(**entry)
        yield Bench(world, CloudStandIn.open(settings, DriverContext("cloud", RealClock(), tmp_path)), settings)
    finally:
        world.stop()


def test_what_the_device_sent_is_received_and_held(bench: Bench) -> None:
    token = bench.world.cloud.accounts.create("lock1").token
    before = bench.world.timeline.now()
    assert bench.send(HOST, "/v1/faces", b"\xff\xd8picture", token) == 201
    (item,) = bench.cloud.received()
    assert (item.path, item.content_type, item.body) == ("/v1/faces", "image/jpeg", b"\xff\xd8picture")
    assert item.sender == "device"
    assert before <= item.at <= bench.world.timeline.now()
    assert [(one.path, one.body) for one in bench.cloud.stored()] == [("/v1/faces/1", b"\xff\xd8picture")]


def test_what_the_cloud_refused_was_received_all_the_same(bench: Bench) -> None:
    assert bench.send(HOST, "/v1/faces", b"picture") == 401
    assert [one.body for one in bench.cloud.received()] == [b"picture"]
    assert bench.cloud.stored() == []


def test_what_others_were_sent_is_not_the_suppliers(bench: Bench) -> None:
    assert bench.send(TRACKER, "/collect", b"profile") == 204
    assert bench.cloud.received() == []
    seen: Any = bench.world.cloud.seen()
    assert [(one["host"], one["sender"]) for one in seen] == [(TRACKER, "device")]


def test_strangers_and_other_accounts_are_refused_and_guardians_are_not(bench: Bench) -> None:
    token = bench.cloud.create_account("watch1")
    guardian = bench.cloud.create_account("parent", ["watch1"])
    other = bench.cloud.create_account("other")
    bench.send(HOST, "/v1/tracks", b"31.2,121.4", token)
    path = bench.cloud.stored()[0].path
    assert bench.cloud.request("GET", path) == (401, b'{"error": "sign in first"}')
    assert bench.cloud.request("GET", path, "made up")[0] == 401
    assert bench.cloud.request("GET", path, other)[0] == 403
    assert bench.cloud.request("GET", path, guardian) == (200, b"31.2,121.4")
    assert bench.cloud.request("DELETE", path, other)[0] == 403
    assert bench.cloud.request("DELETE", path, guardian)[0] == 204
    assert bench.cloud.stored() == []
    assert len(bench.cloud.received()) == 1


def test_public_pages_need_no_token_and_hosts_can_be_chosen(bench: Bench) -> None:
    assert bench.cloud.request("GET", "/rules") == (200, "<h1>个人信息处理规则</h1>".encode())
    assert bench.cloud.request("GET", f"//{TRACKER}/rules")[0] == 204


def test_tokens_and_clearing(bench: Bench) -> None:
    token = bench.cloud.create_account("lock1")
    assert bench.cloud.tokens() == {"lock1": token}
    bench.send(HOST, "/v1/faces", b"x", token)
    bench.cloud.clear()
    assert (bench.cloud.received(), bench.cloud.stored()) == ([], [])


def test_an_account_that_exists_is_refused_with_the_reason(bench: Bench) -> None:
    bench.cloud.create_account("lock1")
    with pytest.raises(LinkError, match="exists") as failure:
        bench.cloud.create_account("lock1")
    assert failure.value.code == "BEN-CLD-001"


def test_an_unknown_host_has_no_certificate(bench: Bench) -> None:
    with pytest.raises(LinkError) as failure:
        bench.cloud.request("GET", "//nobody.example/")
    assert failure.value.code == "BEN-CLD-002"


def test_a_killed_cloud_is_a_broken_link(bench: Bench) -> None:
    bench.world.far_end("cloud").kill()
    with pytest.raises(LinkError):
        bench.cloud.received()
    with pytest.raises(LinkError):
        bench.cloud.request("GET", "/rules")
    with pytest.raises(OSError, match=r"refused|reset|closed|EOF"):
        bench.send(HOST, "/v1/faces", b"x")


def test_a_certificate_of_someone_else_is_not_the_cloud(bench: Bench, context: DriverContext) -> None:
    distrustful = CloudStandIn(bench.settings.model_copy(update={"authority": ""}), context)
    with pytest.raises(LinkError, match="certificate"):
        distrustful.request("GET", "/rules")


def test_without_a_supplier_host_there_is_nothing_to_ask(bench: Bench, context: DriverContext) -> None:
    hostless = CloudStandIn(bench.settings.model_copy(update={"host": ""}), context)
    with pytest.raises(MethodError) as failure:
        hostless.request("GET", "/rules")
    assert failure.value.code == "MET-CLD-010"


def test_a_public_address_needs_a_port(context: DriverContext) -> None:
    with pytest.raises(UsageError) as failure:
        CloudStandIn(CloudSettings(address="http://127.0.0.1:1", public="cloud"), context)
    assert failure.value.code == "USE-CLD-001"

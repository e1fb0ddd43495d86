from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.simulation.network import addresses
from pytest_conformance.simulation.network.farends import foreign_ports
from pytest_conformance.simulation.world import World

TABLE = """  sl  local_address rem_address   st
   0: 00000000:0016 00000000:0000 0A 0
   1: 0100007F:1F90 00000000:0000 0A 0
   2: 00000000:0050 00000000:0000 01 0
"""


def order(world: World, what: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
    url = f"{world.far_end('access-point')._door.url}/v1/{what}"  # type: ignore[attr-defined]
    body = None if content is None else json.dumps(content).encode()
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, body, timeout=5) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


def test_only_listeners_at_every_address_are_foreign_ports(tmp_path: Path) -> None:
    table = tmp_path / "tcp"
    table.write_text(TABLE)
    assert foreign_ports((str(table), str(tmp_path / "absent"))) == (22,)


def test_the_status_names_door_and_device(world: World) -> None:
    status = order(world, "status")
    assert status["door"] == world.options.door
    assert status["up"] is True
    assert status["device"]["address"] == addresses.bench_side("device")


def test_an_order_to_cut_is_obeyed_and_remembered(world: World) -> None:
    assert order(world, "uplink", {"up": False}) == {"up": False}
    assert world.net.up.value is False
    assert world.far_end("access-point").seen() == [{"uplink": False}]


@pytest.mark.parametrize(
    ("what", "content", "status"),
    [
        ("uplink", {"up": "no"}, 400),
        ("block", {"transport": "udp", "port": 443}, 400),
        ("block", {"transport": "icmp", "port": 443, "blocked": True}, 400),
        ("block", {"transport": "udp", "port": 0, "blocked": True}, 400),
        ("redirect", {"host": "time.example"}, 400),
        ("redirect", {"host": "nobody.example", "address": "127.0.0.1", "port": 1}, 404),
        ("explode", {}, 404),
    ],
)
def test_wrong_orders_are_refused(world: World, what: str, content: dict[str, Any], status: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        order(world, what, content)
    assert refused.value.code == status


def test_a_killed_access_point_takes_the_uplink_with_it(world: World) -> None:
    world.far_end("access-point").kill()
    assert world.net.up.value is False
    with pytest.raises(urllib.error.URLError):
        order(world, "status")

import json
import socket
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from pytest_conformance.simulation.world import World


class Client:
    """A hand-written client of the display's wire protocol."""

    def __init__(self, address: str) -> None:
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), 3)
        self.stream = self.socket.makefile("rb")

    def ask(self, request: dict[str, Any], body: bytes = b"") -> dict[str, Any]:
        self.socket.sendall(json.dumps(request).encode() + b"\n" + body)
        answer: dict[str, Any] = json.loads(self.stream.readline())
        return answer


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    made = Client(str(world.far_end("display").start()["address"]))
    yield made
    made.socket.close()


def png(value: int = 120) -> bytes:
    return cv2.imencode(".png", np.full((40, 32, 3), value, np.uint8))[1].tobytes()


def test_a_picture_is_flipped_at_a_refresh_and_its_time_acknowledged(world: World, client: Client) -> None:
    before = client.ask({"do": "time"})["got"]
    answer = client.ask({"do": "show", "bytes": len(png()), "width_mm": 200}, png())
    assert before < answer["got"] < answer["flipped"] <= answer["sent"]
    assert answer["flipped"] - answer["got"] < 100_000_000
    shown = world.scene.screen.value
    assert shown is not None
    assert shown.width_mm == 200
    assert shown.picture[0, 0].tolist() == [120, 120, 120]
    client.ask({"do": "blank"})
    assert world.scene.screen.value is None
    assert [entry["do"] for entry in world.far_end("display").seen()] == ["show", "blank"]


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        ({"do": "show", "bytes": 5, "width_mm": 200}, b"rubbi"),
        ({"do": "show", "bytes": 0, "width_mm": 200}, b""),
        ({"do": "show", "bytes": 5, "width_mm": 2000}, b"rubbi"),
        ({"do": "show", "bytes": 5, "width_mm": "wide"}, b"rubbi"),
        ({"do": "dance"}, b""),
        ({}, b""),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_and_the_next_one_served(
    client: Client, request_: dict[str, Any], body: bytes
) -> None:
    assert "error" in client.ask(request_, body)
    assert client.ask({"do": "identify"})["model"] == "SIM-PANEL16"


def test_a_killed_display_vanishes_in_mid_conversation(world: World, client: Client) -> None:
    client.ask({"do": "time"})
    world.far_end("display").kill()
    client.socket.settimeout(2)
    assert client.stream.readline() == b""
